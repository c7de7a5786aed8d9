"""A registry that misbehaves as it is told: drops connections, lies about lengths and digests, is slow, refuses, leads elsewhere.

It serves one image from memory, speaks as much of the distribution specification as a pull needs, and remembers every request.
"""

import base64
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict
    #: Bytes of a body that were sent.
    sent: int = 0


@dataclass
class Fault:
    """What happens to requests whose path matches; `times` of them, then no more."""

    path: str
    times: int = 1_000_000
    #: Instead of the right status.
    status: int | None = None
    headers: dict = field(default_factory=dict)
    #: Instead of the right body.
    body: bytes | None = None
    #: The connection ends after so many bytes of the body.
    cut: int | None = None
    #: What Content-Length says.
    length: int | None = None
    #: Seconds between pieces of 64 KiB.
    slow: float = 0
    #: Nobody answers before this is set.
    hold: threading.Event | None = None


class FaultyRegistry:
    """Serves `blobs`, {digest: bytes}, and `manifests`, {tag or digest: (media type, bytes)}."""

    def __init__(self, blobs, manifests, *, ranges=True, user=None, realm=None):
        self.blobs, self.manifests = blobs, manifests
        self.ranges, self.user, self.realm = ranges, user, realm
        self.faults = []
        self.seen = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_POST = do_GET

            def log_message(self, *words):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # Clients that go away are what these tests are about.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        #: As image names begin.
        self.name = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        for fault in self.faults:
            if fault.hold:
                fault.hold.set()
        self.server.shutdown()
        self.server.server_close()

    def fault(self, path, **what):
        self.faults.append(Fault(path, **what))
        return self.faults[-1]

    def requests(self, path):
        """Those whose path matches, in the order of their coming."""
        return [seen for seen in list(self.seen) if re.search(path, seen.path)]

    def sent(self, path="/blobs/"):
        """Bytes of bodies sent for such paths."""
        return sum(seen.sent for seen in self.requests(path))

    # --- Answering ------------------------------------------------------------------------------------------------------

    def find_fault(self, path):
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return Fault("")

    def answer(self, request):
        seen = Seen(request.command, request.path, dict(request.headers.items()))
        self.seen.append(seen)
        fault = self.find_fault(request.path)
        if fault.hold:
            fault.hold.wait(60)
        status, headers, body = self.right_answer(request, seen)
        if fault.status is not None:
            status, headers = fault.status, {}
        if fault.body is not None:
            body = fault.body
        headers = headers | fault.headers
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body) if fault.length is None else fault.length))
        request.end_headers()
        if request.command == "HEAD":
            return
        end = len(body) if fault.cut is None else min(fault.cut, len(body))
        for start in range(0, end, 64 << 10):
            piece = body[start : min(end, start + (64 << 10))]
            request.wfile.write(piece)
            seen.sent += len(piece)
            if fault.slow:
                time.sleep(fault.slow)
        if fault.cut is not None or (fault.length is not None and fault.length != len(body)):
            request.close_connection = True

    def right_answer(self, request, seen):
        path = request.path.split("?")[0]
        if path == "/token":
            return 200, {"Content-Type": "application/json"}, b'{"token": "let-me-in"}'
        if self.user and seen.headers.get("Authorization") not in self.proofs():
            challenge = f'Bearer realm="{self.realm}",service="faulty"' if self.realm else 'Basic realm="faulty"'
            body = b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}'
            return 401, {"WWW-Authenticate": challenge, "Content-Type": "application/json"}, body
        if path == "/v2/":
            return 200, {"Content-Type": "application/json"}, b"{}"
        if match := re.fullmatch(r"/v2/.+/manifests/(.+)", path):
            found = self.manifests.get(match[1])
            if found:
                return 200, {"Content-Type": found[0]}, found[1]
            return 404, {"Content-Type": "application/json"}, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'
        if match := re.fullmatch(r"/v2/.+/blobs/(.+)", path):
            body = self.blobs.get(match[1])
            if body is None:
                return 404, {"Content-Type": "application/json"}, b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown"}]}'
            start = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("Range", ""))
            if self.ranges and start:
                first = int(start[1])
                return 206, {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}, body[first:]
            return 200, {"Content-Type": "application/octet-stream"}, body
        return 404, {}, b""

    def proofs(self):
        return ["Bearer let-me-in"] if self.realm else ["Basic " + base64.b64encode(self.user.encode()).decode()]
