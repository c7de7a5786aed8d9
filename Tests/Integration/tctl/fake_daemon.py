"""A daemon that speaks enough of the Docker Engine API to test a client without containers: a "container" is a process of this machine.

Requests are recorded, so that what tctl sends can be compared with what the docker command line sends.
"""

import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
from urllib.parse import parse_qs, unquote, urlsplit


def default_signals():
    """As a container's process has them: whoever runs the tests in the background ignores some, and that would be inherited."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Process:
    """A container or an exec: a command, its streams, and who waits for it."""

    def __init__(self, argv, tty, stdin, env, size=None):
        self.argv, self.tty, self.stdin, self.env = argv, tty, stdin, env
        self.process = None
        self.master = None
        self.size = size
        self.exited = threading.Event()
        self.started = threading.Event()
        self.status = 0
        self.output = b""
        self.attached = []
        self.sizes = []
        self.pumps = []
        # A frame is sent whole: sendall lets another thread in when the socket is full.
        self.sending = threading.Lock()

    def start(self):
        environment = dict(os.environ, **dict(item.split("=", 1) for item in self.env if "=" in item))
        if self.tty:
            self.master, slave = pty.openpty()
            if self.size:
                self.resize(*self.size)
            self.process = subprocess.Popen(
                self.argv, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
                preexec_fn=lambda: (fcntl.ioctl(0, termios.TIOCSCTTY, 0), default_signals()))
            os.close(slave)
            self.pump(self.master, 1)
        else:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE if self.stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment, start_new_session=True, preexec_fn=default_signals)
            self.pump(self.process.stdout.fileno(), 1)
            self.pump(self.process.stderr.fileno(), 2)
        self.started.set()
        threading.Thread(target=self.reap, daemon=True).start()

    def pump(self, descriptor, stream):
        def run():
            while True:
                try:
                    data = os.read(descriptor, 65536)
                except OSError:
                    data = b""
                if not data:
                    return
                frame = data if self.tty else struct.pack(">BxxxL", stream, len(data)) + data
                with self.sending:
                    if len(self.output) < 1 << 20:
                        self.output += frame
                    for connection in self.attached:
                        try:
                            connection.sendall(frame)
                        except OSError:
                            pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.pumps.append(thread)

    def reap(self):
        status = self.process.wait()
        for pump in self.pumps:
            pump.join()
        self.status = status if status >= 0 else 128 - status
        for connection in self.attached:
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        self.exited.set()

    def feed(self, connection, rest):
        """Carries a client's input until its end."""
        self.started.wait()
        while True:
            data = rest or connection.recv(65536)
            rest = b""
            if not data:
                break
            if self.tty:
                os.write(self.master, data)
            elif self.process.stdin:
                try:
                    self.process.stdin.write(data)
                    self.process.stdin.flush()
                except OSError:
                    break
        if not self.tty and self.process.stdin:
            self.process.stdin.close()

    def resize(self, height, width):
        self.sizes.append((height, width))
        if self.master is not None:
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


class FakeDaemon:
    """Listens on a socket in a directory of its own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="timber-tctl-")
        self.path = os.path.join(self.directory, "d.sock")
        self.requests = []
        self.answers = {}
        self.objects = {}
        self.connections = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def host(self):
        return "unix://" + self.path

    def close(self):
        """Ends everything and leaves nothing; may be called again."""
        # A close alone wakes nobody who waits in accept.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for item in self.objects.values():
            if item.process and item.process.poll() is None:
                item.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def answer(self, method, path, body, status=200, kind="application/json"):
        """What a request gets; the path is without version and query. bytes are sent as a raw answer."""
        self.answers[(method, path)] = (status, kind, body)

    def last(self, path):
        """The last request to a path, as (method, query, body)."""
        return [r for r in self.requests if r[1] == path][-1]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                lines = head.decode().split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
                body, buffer = self.body(connection, headers, buffer)
                url = urlsplit(target)
                path = unquote(url.path)
                if path.startswith("/v1."):
                    path = path[path.index("/", 1):]
                query = {k: v[-1] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
                self.requests.append((method, path, query, body, headers))
                if not self.route(connection, method, path, query, body, buffer):
                    return
        except (OSError, ValueError):
            pass
        finally:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def body(self, connection, headers, buffer):
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                while b"\r\n" not in buffer:
                    buffer += connection.recv(65536)
                line, buffer = buffer.split(b"\r\n", 1)
                size = int(line, 16)
                while len(buffer) < size + 2:
                    buffer += connection.recv(65536)
                body += buffer[:size]
                buffer = buffer[size + 2:]
                if size == 0:
                    return body, buffer
        length = int(headers.get("content-length", "0"))
        body = bytearray(buffer)
        while len(body) < length:
            data = connection.recv(1 << 20)
            if not data:
                raise OSError("short body")
            body += data
        return bytes(body[:length]), bytes(body[length:])

    def reply(self, connection, body, status=200, kind="application/json"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode() + b"\n"
        head = f"HTTP/1.1 {status} X\r\nApi-Version: 1.50\r\nOstype: linux\r\nContent-Type: {kind}\r\n"
        if status in (204, 304):
            connection.sendall((head + "\r\n").encode())
        else:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    def missing(self, connection, name):
        return self.reply(connection, {"message": f"No such container: {name}"}, 404)

    def route(self, connection, method, path, query, body, rest):
        if (method, path) in self.answers:
            status, kind, answer = self.answers[(method, path)]
            if kind == "raw":
                connection.sendall(answer)
                return False
            return self.reply(connection, answer, status, kind)
        parts = path.strip("/").split("/")
        if path == "/_ping":
            return self.reply(connection, b"" if method == "HEAD" else b"OK", kind="text/plain")
        if path == "/containers/create":
            return self.create(connection, json.loads(body))
        if parts[0] == "containers" and len(parts) == 3:
            item = self.objects.get(parts[1])
            if item is None:
                return self.missing(connection, parts[1])
            if parts[2] == "exec":
                request = json.loads(body)
                identity = f"{len(self.objects):064x}"
                self.objects[identity] = Process(request["Cmd"], request["Tty"], request["AttachStdin"], request.get("Env") or [], request.get("ConsoleSize"))
                return self.reply(connection, {"Id": identity}, 201)
            return self.container(connection, item, parts[2], query, rest)
        if parts[0] == "exec" and len(parts) == 3:
            item = self.objects[parts[1]]
            if parts[2] == "start":
                if json.loads(body)["Detach"]:
                    item.start()
                    return self.reply(connection, b"")
                item.start_after_attach = True
                return self.attach(connection, item, rest)
            if parts[2] == "json":
                item.exited.wait(30)
                return self.reply(connection, {"ID": parts[1], "ExitCode": item.status, "Running": False, "Pid": 1})
            if parts[2] == "resize":
                item.resize(int(query["h"]), int(query["w"]))
                return self.reply(connection, b"")
        return self.reply(connection, {"message": "page not found"}, 404)

    def create(self, connection, request):
        if request["Image"] == "missing":
            return self.reply(connection, {"message": "No such image: missing:latest"}, 404)
        identity = f"{len(self.objects) + 0xabc:064x}"
        argv = (request.get("Entrypoint") or []) + (request.get("Cmd") or [])
        self.objects[identity] = Process(argv, request["Tty"], request["OpenStdin"], request.get("Env") or [], request["HostConfig"]["ConsoleSize"])
        return self.reply(connection, {"Id": identity, "Warnings": []}, 201)

    def container(self, connection, item, verb, query, rest):
        if verb == "start":
            try:
                item.start()
            except FileNotFoundError:
                for other in item.attached:
                    other.close()
                return self.reply(
                    connection, {"message": f'exec: "{item.argv[0]}": executable file not found in $PATH'}, 400)
            return self.reply(connection, b"", 204)
        if verb == "attach":
            return self.attach(connection, item, rest)
        if verb == "wait":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            item.exited.wait()
            text = json.dumps({"StatusCode": item.status}).encode()
            connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text))
            return True
        if verb == "kill":
            name = query.get("signal", "SIGKILL")
            item.process.send_signal(getattr(signal, name))
            return self.reply(connection, b"", 204)
        if verb == "resize":
            item.resize(int(query["h"]), int(query["w"]))
            return self.reply(connection, b"")
        if verb == "json":
            config = {"Tty": item.tty, "OpenStdin": item.stdin}
            identity = next(k for k, v in self.objects.items() if v is item)
            state = {"Running": item.started.is_set() and not item.exited.is_set()}
            return self.reply(connection, {"Id": identity, "Config": config, "State": state, "HostConfig": {}})
        if verb == "logs":
            kind = "application/vnd.docker." + ("raw-stream" if item.tty else "multiplexed-stream")
            return self.reply(connection, item.output, kind=kind)
        return self.reply(connection, {"message": "page not found"}, 404)

    def attach(self, connection, item, rest):
        kind = "raw-stream" if item.tty else "multiplexed-stream"
        connection.sendall(
            f"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.{kind}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        item.attached.append(connection)
        if getattr(item, "start_after_attach", False):
            item.start()
        item.feed(connection, rest)
        item.exited.wait()
        return False
