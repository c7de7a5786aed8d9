"""The Docker Engine API over a Unix socket, without a client library in between: what goes over the wire is what a test says."""

import http.client
import json
import socket
import struct
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from .wait import SLOWNESS


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout * SLOWNESS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


@dataclass
class Response:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["message"]

    def expect(self, *statuses):
        assert self.status in statuses, f"expected {statuses}, got {self.status}: {self.body[:2000]!r}"
        return self


class Api:
    """Requests to one daemon. `version` is put before every path; None leaves it out."""

    def __init__(self, socket_path, version="v1.43"):
        self.socket_path = socket_path
        self.version = version

    def path(self, path, query):
        path = f"/{self.version}{path}" if self.version else path
        values = {key: json.dumps(value) if isinstance(value, (dict, list, bool)) else value for key, value in query.items()}
        return path + ("?" + urlencode(values, quote_via=quote) if values else "")

    def request(self, method, path, /, body=None, headers=None, timeout=90, **query):
        connection = UnixConnection(self.socket_path, timeout)
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, self.path(path, query), body, headers)
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path, /, **query):
        return self.request("GET", path, **query)

    def post(self, path, /, body=None, **query):
        return self.request("POST", path, body, **query)

    def delete(self, path, /, **query):
        return self.request("DELETE", path, **query)

    def send(self, data, timeout=30):
        """Sends raw bytes and returns everything that comes back until the daemon closes or is silent for `timeout`."""
        with self.open(timeout) as connection:
            connection.sendall(data)
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except socket.timeout:
                pass
            return received

    def open(self, timeout=30):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout * SLOWNESS)
        connection.connect(str(self.socket_path))
        return connection

    def hijack(self, path, body=None, timeout=30, **query):
        """Upgrades a POST to a raw stream. Returns the connection and the bytes that came with the answer."""
        data = json.dumps(body).encode() if body is not None else b""
        connection = self.open(timeout)
        connection.sendall(
            f"POST {self.path(path, query)} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
        )
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            assert chunk, f"closed before an answer: {received!r}"
            received += chunk
        head, rest = received.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        assert status in (101, 200), f"{status}: {rest!r}"
        return connection, rest


def frames(data):
    """Splits the multiplexed stream of attach and logs into (stream, bytes) pairs: 1 is stdout, 2 is stderr."""
    found = []
    while data:
        assert len(data) >= 8, f"a frame's header is cut short: {data!r}"
        stream, length = struct.unpack(">BxxxL", data[:8])
        assert len(data) >= 8 + length, f"a frame of {length} bytes is cut short after {len(data) - 8}"
        found.append((stream, data[8 : 8 + length]))
        data = data[8 + length :]
    return found
