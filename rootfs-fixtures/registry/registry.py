"""Debian's docker-registry on loopback, with and without TLS and a password.

By hand: `python3 rootfs-fixtures/registry/registry.py [--tls] [--user NAME:PASSWORD] [--port PORT]`, until it is interrupted.
"""

import argparse
import crypt
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """A certificate authority of its own, and a certificate for 127.0.0.1 and localhost."""

    def __init__(self, directory):
        self.certificate, key = directory / "ca.crt", directory / "ca.key"
        self.server, self.server_key = directory / "server.crt", directory / "server.key"
        request, extensions = directory / "server.csr", directory / "server.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n")
        newkey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *newkey, "-days", 2, "-subj", "/CN=Timber test authority", "-keyout", key, "-out", self.certificate)
        openssl("req", *newkey, "-subj", "/CN=127.0.0.1", "-keyout", self.server_key, "-out", request)
        openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", key, "-CAcreateserial", "-days", 2,
            "-extfile", extensions, "-out", self.server,
        )  # fmt: skip


class Registry:
    """A running docker-registry; `stop` removes everything of it."""

    def __init__(self, *, tls=False, user=None, port=None):
        self.directory = Path(tempfile.mkdtemp(prefix="tt-registry-", dir="/var/tmp"))
        self.authority = Authority(self.directory) if tls else None
        # Somebody else may get the port that was free a moment ago.
        for attempt in range(10):
            try:
                self.begin(port or free_port(), user)
                return
            except ChildProcessError:
                if port or attempt == 9:
                    raise

    def begin(self, port, user):
        self.port = port
        #: As image names begin.
        self.name = f"127.0.0.1:{self.port}"
        configuration = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "store")}, "delete": {"enabled": True}},
            "http": {"addr": self.name},
        }
        if self.authority:
            configuration["http"]["tls"] = {
                "certificate": str(self.authority.server), "key": str(self.authority.server_key)}  # fmt: skip
        if user:
            name, password = user.split(":", 1)
            passwords = self.directory / "passwords"
            passwords.write_text(f"{name}:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
            configuration["auth"] = {"htpasswd": {"realm": "timber", "path": str(passwords)}}
        # JSON is YAML, too.
        (self.directory / "configuration.yml").write_text(json.dumps(configuration))
        self.process = None
        self.start()

    def start(self):
        program = shutil.which("docker-registry")
        assert program, "docker-registry is missing: run .ci/install test"
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [program, "serve", self.directory / "configuration.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self.answers():
            if self.process.poll() is not None:
                raise ChildProcessError((self.directory / "log").read_text())
            assert time.monotonic() < end, "docker-registry did not answer"
            time.sleep(0.02)

    def answers(self):
        try:
            connection = (
                http.client.HTTPSConnection(self.name, context=ssl._create_unverified_context(), timeout=5)
                if self.authority
                else http.client.HTTPConnection(self.name, timeout=5)
            )
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    registry = Registry(tls=options.tls, user=options.user, port=options.port)
    try:
        print(f"docker-registry answers at {registry.name}", flush=True)
        if registry.authority:
            print(f"its authority is {registry.authority.certificate}", flush=True)
        registry.process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        registry.stop()


if __name__ == "__main__":
    main()
