"""The API on the wire: statuses, errors, versions, hostile HTTP."""

import base64
import contextlib
import hashlib
import json
import os
import select
import socket
import struct
import time

import pytest

from harness import host
from harness.api import Api, frames
from harness.wait import until


def test_ping_and_version(timber):
    answer = timber.api.get("/_ping").expect(200)
    assert answer.body == b"OK"
    assert answer.headers["Api-Version"] == "1.50" or answer.headers["API-Version"] == "1.50"
    assert Api(timber.socket, version=None).request("HEAD", "/_ping").status == 200
    version = timber.api.get("/version").json
    assert version["ApiVersion"] == "1.50" and version["MinAPIVersion"] == "1.24"


def test_versions(timber):
    assert Api(timber.socket, "v1.24").get("/containers/json").status == 200
    assert Api(timber.socket, "v1.50").get("/containers/json").status == 200
    for version in ("v1.23", "v1.51", "v9.9"):
        answer = Api(timber.socket, version).get("/containers/json").expect(400)
        assert "version" in answer.message


def test_unknown_path(timber):
    assert timber.api.get("/nosuch").expect(404).message
    assert timber.api.request("DELETE", "/version").status in (404, 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/containers/nosuch/json", 404), ("POST", "/containers/nosuch/start", 404), ("POST", "/containers/nosuch/stop", 404),
        ("DELETE", "/containers/nosuch", 404), ("GET", "/containers/nosuch/logs?stdout=1", 404), ("POST", "/containers/nosuch/exec", 404),
        ("GET", "/images/nosuch/json", 404), ("DELETE", "/images/nosuch", 404), ("GET", "/exec/nosuch/json", 404),
        ("GET", "/volumes/nosuch", 404), ("GET", "/networks/nosuch", 404),
    ],
)  # fmt: skip
def test_not_found(timber, method, path, status):
    body = {"Cmd": ["true"]} if path.endswith("/exec") else None
    answer = timber.api.request(method, path, body).expect(status)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "nosuch" in answer.message


def created(timber, **body):
    return timber.api.post("/containers/create", {"Image": "busybox"} | body).expect(201).json["Id"]


def test_lifecycle(timber):
    identifier = created(timber, Cmd=["sleep", "1000000"])
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    timber.api.post(f"/containers/{identifier}/start").expect(304)
    timber.api.delete(f"/containers/{identifier}").expect(409)
    timber.api.post(f"/containers/{identifier}/stop", t=0).expect(204)
    timber.api.post(f"/containers/{identifier}/stop", t=0).expect(304)
    timber.api.delete(f"/containers/{identifier}").expect(204)


def test_wait_before_start(timber):
    """`next-exit` sees an exit that comes right after the start: this is how clients get a status."""
    identifier = created(timber, Cmd=["sh", "-c", "exit 9"])
    connection = timber.api.open()
    connection.sendall(f"POST /{timber.api.version}/containers/{identifier}/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    received = b""
    # The head of the answer comes as soon as the wait is registered.
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    while b'"StatusCode":9' not in received.replace(b" ", b""):
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
    connection.close()


def test_attach_loses_no_early_output(timber):
    """attach, then start: all output from the first byte, framed."""
    identifier = created(timber, Cmd=["sh", "-c", "echo out; echo err >&2"], AttachStdout=True, AttachStderr=True)
    connection, data = timber.api.hijack(f"/containers/{identifier}/attach", stream=1, stdout=1, stderr=1)
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    while chunk := connection.recv(4096):
        data += chunk
    connection.close()
    seen = frames(data)
    assert b"".join(part for stream, part in seen if stream == 1) == b"out\n"
    assert b"".join(part for stream, part in seen if stream == 2) == b"err\n"


def test_bytes_with_the_request_are_not_lost(timber):
    """Input that comes in the same packet as the request for a hijack."""
    identifier = created(timber, Cmd=["cat"], OpenStdin=True, StdinOnce=True, AttachStdin=True, AttachStdout=True)
    connection = timber.api.open()
    request = f"POST /{timber.api.version}/containers/{identifier}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n"
    connection.sendall(request.encode() + b"early\n")
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096)
    data = received.split(b"\r\n\r\n", 1)[1]
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    connection.shutdown(socket.SHUT_WR)
    while chunk := connection.recv(4096):
        data += chunk
    connection.close()
    assert frames(data) == [(1, b"early\n")]


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"null", b'{"Image":1}', b'{"Cmd":["x"]}', b'{"Image":""}', b"[" * 100_000, b'{"Image":"busybox","Cmd":{}}']
)
def test_bad_bodies(timber, body):
    answer = timber.api.request("POST", "/containers/create", body, {"Content-Type": "application/json"}).expect(400, 404)
    assert answer.message
    assert timber.containers() == []


@pytest.mark.parametrize("identifier", ["..%2f..%2fetc", "%00", "-rf", "a" * 300, "%ff%fe", "x%0ay"])
def test_bad_identifiers(timber, identifier):
    assert timber.api.get(f"/containers/{identifier}/json").status in (400, 404)
    assert timber.api.delete(f"/containers/{identifier}").status in (400, 404)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n", b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /_ping HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"GET /_ping HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 1000, b"\0" * 10_000, b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=range(14),
)  # fmt: skip
def test_hostile_http(timber, data):
    try:
        timber.api.send(data, timeout=1)
    except OSError:
        pass
    timber.api.get("/_ping").expect(200)


def test_body_without_end(timber):
    """A JSON body has a limit."""
    with timber.api.open() as connection:
        connection.sendall(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        before = host.resident_kib(timber.pid)
        try:
            for _ in range(100):
                connection.sendall(chunk)
        except OSError:
            pass
        assert host.resident_kib(timber.pid) < before + 60_000
    timber.api.get("/_ping").expect(200)


def test_idle_and_slow_connections_hold_nobody_up(timber):
    idle = [timber.api.open() for _ in range(500)]
    for connection in idle[:200]:
        connection.sendall(b"GET /_ping HTTP/1.1\r\nHo")
    timber.api.get("/containers/json").expect(200)
    # That answer did not wait for theirs: no half request has been given up yet.
    assert select.select(idle[:200], [], [], 0)[0] == []
    for connection in idle:
        connection.close()
    until(lambda: sum("socket:" in target for target in host.descriptors(timber.pid).values()) < 100, message="connections stay open")


def test_pipelined_requests_are_answered_in_order(timber):
    answer = timber.api.send(
        b"GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"ApiVersion") < answer.rindex(b"OK")


def test_list_and_filters(timber):
    first = created(timber, Labels={"a": "1"})
    created(timber, Labels={"a": "2"})
    def names(**filters):
        return [container["Id"] for container in timber.api.get("/containers/json", all=1, filters=filters).expect(200).json]

    assert names(label=["a=1"]) == [first]
    assert len(names(label=["a"])) == 2
    assert names(id=[first[:10]]) == [first]
    assert names(status=["running"]) == []
    timber.api.get("/containers/json", filters={"nosuch": ["x"]}).expect(400)
    timber.api.get("/containers/json", filters="not json").expect(400)


def test_events(timber):
    begun = time.time()
    timber.run("--name", "evented", "busybox", "true").ok()
    body = timber.api.get("/events", since=f"{begun:.9f}", until=f"{time.time() + 0.1:.9f}", filters={"container": ["evented"]}).expect(200).body
    actions = [json.loads(line)["Action"] for line in body.splitlines() if line.strip()]
    assert actions[0] == "create" and "start" in actions and "die" in actions and actions[-1] == "destroy"


# --- What Timber is not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/images/search?term=x", 501, "registries"), ("POST", "/build", 501, "builds no images"), ("POST", "/session", 501, "builds"),
        ("GET", "/swarm", 503, "swarm manager"), ("GET", "/services", 503, "swarm manager"), ("GET", "/nodes/x", 503, "swarm manager"),
        ("GET", "/tasks", 503, "swarm manager"), ("POST", "/secrets/create", 503, "swarm manager"), ("GET", "/configs/x", 503, "swarm manager"),
        ("POST", "/swarm/init", 501, "swarm"), ("POST", "/swarm/leave", 503, "not part of a swarm"), ("GET", "/plugins/nosuch/json", 404, "nosuch"),
        ("POST", "/plugins/pull", 501, "plugins"), ("PUT", "/volumes/nosuch", 503, "swarm manager"),
    ],
)  # fmt: skip
def test_parts_that_timber_does_not_have(timber, method, path, status, word):
    assert word in timber.api.request(method, path).expect(status).message


def test_empty_answers_of_what_timber_does_not_have(timber):
    assert timber.api.get("/plugins").expect(200).json == []
    timber.api.get("/plugins", filters={"nosuch": ["x"]}).expect(400)
    assert timber.api.post("/build/prune").expect(200).json == {"CachesDeleted": None, "SpaceReclaimed": 0}


def test_a_build_is_refused_before_its_context_comes(timber):
    with timber.api.open() as connection:
        connection.sendall(b"POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000)
        received = b""
        while b"builds no images" not in received:
            chunk = connection.recv(65536)
            assert chunk, received
            received += chunk
        assert received.startswith(b"HTTP/1.1 501 ")


# --- WebSockets --------------------------------------------------------------------------------------------------------


class WebSocket:
    """A client by RFC 6455, no more than the tests need."""

    def __init__(self, timber, path, **query):
        self.connection = timber.api.open(30)
        key = base64.b64encode(os.urandom(16))
        self.connection.sendall(
            f"GET {timber.api.path(path, query)} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        self.file = self.connection.makefile("rb")
        assert self.file.readline().startswith(b"HTTP/1.1 101 ")
        headers = dict(line.strip().lower().split(b": ", 1) for line in iter(self.file.readline, b"\r\n"))
        expected = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        assert headers[b"sec-websocket-accept"] == expected.lower()

    def send(self, opcode, payload):
        mask = os.urandom(4)
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.connection.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def receive(self):
        first, short = self.file.read(2)
        length = struct.unpack(">H", self.file.read(2))[0] if short == 126 else struct.unpack(">Q", self.file.read(8))[0] if short == 127 else short
        return first & 0x0F, self.file.read(length)

    def output(self):
        """Everything up to the close frame, and that frame's payload."""
        output = b""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                assert self.file.read() == b""
                return output, payload
            assert opcode == 2
            output += payload

    def close(self):
        self.file.close()
        self.connection.close()


def test_attach_by_websocket(timber):
    """Both outputs in one stream without marks, input, and the end with the container's."""
    identifier = created(timber, Cmd=["sh", "-c", "read a; echo got $a; echo err >&2; read b; echo $b"], OpenStdin=True)
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    with contextlib.closing(WebSocket(timber, f"/containers/{identifier}/attach/ws", stream=1, stdin=1, stdout=1, stderr=1)) as client:
        client.send(2, b"one\n")
        received = b""
        # Two pipes, read one after the other in no order.
        while b"err\n" not in received or b"got one\n" not in received:
            received += client.receive()[1]
        assert sorted(received.splitlines()) == [b"err", b"got one"]
        client.send(9, b"ping")
        assert client.receive() == (10, b"ping")
        client.send(1, b"two\n")
        assert client.output() == (b"two\n", b"\x03\xe8")


def test_websocket_of_a_terminal_and_its_log(timber):
    identifier = created(timber, Cmd=["sh", "-c", "echo old; read a; echo new"], OpenStdin=True, Tty=True)
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    timber.wait_for_log(identifier, "old")
    with contextlib.closing(WebSocket(timber, f"/containers/{identifier}/attach/ws", logs=1, stream=1, stdin=1, stdout=1)) as client:
        client.send(1, b"x\n")
        output, reason = client.output()
    assert output.startswith(b"old\r\n") and output.endswith(b"new\r\n") and reason == b"\x03\xe8"


def test_websocket_client_that_closes(timber):
    """The container goes on; the answer to the close frame is one."""
    identifier = created(timber, Cmd=["sleep", "1000000"], OpenStdin=True)
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    with contextlib.closing(WebSocket(timber, f"/containers/{identifier}/attach/ws", stream=1, stdin=1, stdout=1)) as client:
        client.send(8, b"\x03\xe8")
        assert client.output() == (b"", b"\x03\xe8")
    assert timber.state(identifier) == "running"


def test_what_is_no_websocket(timber):
    identifier = created(timber, Cmd=["true"])
    assert "WebSocket" in timber.api.get(f"/containers/{identifier}/attach/ws", stream=1).expect(400).message
    timber.api.get("/containers/nosuch/attach/ws").expect(400, 404)


# --- What means nothing is refused, with a message -----------------------------------------------------------------------


@pytest.fixture
def oak(timber):
    """A running container with that name, for requests that get as far as their parameters."""
    timber.sleeper("--name", "oak")
    return "oak"


BODIES = ["/containers/create", "/containers/oak/update", "/containers/oak/exec", "/volumes/create", "/networks/create", "/networks/bridge/connect"]
MALFORMED = [b"", b"{", b"[]", b'"text"', b"1", b"{}{}", b"\xff\xfe", b'{"a":' * 10_000, b"nothing", b"\x00"]


@pytest.mark.parametrize("path", BODIES)
def test_malformed_bodies(timber, oak, path):
    for body in MALFORMED:
        answer = timber.api.request("POST", path, body, {"Content-Type": "application/json"})
        assert answer.status in (400, 403, 404), (body[:20], answer.status, answer.body[:300])
        assert answer.message and answer.headers["Content-Type"] == "application/json"
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        timber.api.request("POST", path, b"{}", {"Content-Type": content_type}).expect(400)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/containers/create", {"Image": 1}), ("/containers/create", {"Image": "busybox", "Cmd": {"a": 1}}),
        ("/containers/create", {"Image": "busybox", "HostConfig": []}), ("/containers/create", {"Image": "busybox", "HostConfig": {"Memory": "1g"}}),
        ("/containers/create", {"Image": "busybox", "HostConfig": {"Memory": 1e400}}), ("/containers/create", {"Image": "busybox", "HostConfig": {"Memory": -5}}),
        ("/containers/create", {"Image": "busybox", "HostConfig": {"NanoCpus": 2**70}}), ("/containers/create", {"Image": "busybox", "Env": [None]}),
        ("/containers/create", {"Image": "busybox", "HostConfig": {"Binds": ["::"]}}), ("/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "x"}]}}),
        ("/containers/create", {"Image": "busybox", "HostConfig": {"PortBindings": {"99999/tcp": [{}]}}}), ("/containers/create", {"Image": "a b"}),
        ("/containers/create", {"Image": "busybox", "HostConfig": {"Tmpfs": {"relative": ""}}}), ("/containers/create", {"Image": "busybox", "WorkingDir": "relative"}),
        ("/containers/oak/exec", {"Cmd": []}), ("/containers/oak/exec", {"Cmd": [1]}), ("/containers/oak/exec", {"Cmd": ["true"], "DetachKeys": "ctrl-?"}),
        ("/containers/oak/update", {"Memory": "x"}), ("/volumes/create", {"Labels": ["a"]}), ("/volumes/create", {"Name": "a" * 5000}),
        ("/volumes/create", {"Name": "ok", "DriverOpts": {"type": 5}}), ("/networks/create", {"Name": {}}),
        ("/containers/oak/exec", {"Cmd": ["true"], "Env": ["=x"]}), ("/containers/oak/exec", {"Cmd": ["true"], "ConsoleSize": [-1, 5]}),
    ]
    + [
        ("/containers/create", {"Image": "busybox"} | fields)
        for fields in (
            {"Env": ["=x"]}, {"Env": [""]}, {"Hostname": "x" * 65}, {"Hostname": "a\nb"}, {"Domainname": "x" * 65}, {"ExposedPorts": {"x": {}}},
            {"ExposedPorts": {"80-82/tcp": {}}}, {"HostConfig": {"Dns": ["x"]}}, {"HostConfig": {"Dns": ["1.1.1.1\nsearch x"]}},
            {"HostConfig": {"DnsOptions": ["a\nb"]}}, {"HostConfig": {"DnsSearch": ["a b"]}}, {"HostConfig": {"CapAdd": ["NOSUCH"]}},
            {"HostConfig": {"CapDrop": ["CAP_NOSUCH"]}}, {"HostConfig": {"DeviceCgroupRules": ["x"]}}, {"HostConfig": {"ConsoleSize": [-1, 5]}},
            {"HostConfig": {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/etc/x"}]}},
            {"HostConfig": {"Devices": [{"PathOnHost": "/dev/null", "CgroupPermissions": "q"}]}},
            {"HostConfig": {"LogConfig": {"Config": {"max-size": "x"}}}}, {"HostConfig": {"LogConfig": {"Config": {"max-file": "0"}}}},
            {"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": -1}}]}},
        )
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_bodies_that_mean_nothing(timber, oak, path, body):
    answer = timber.api.post(path, body)
    assert answer.status in (400, 404, 409) and answer.message, answer
    assert len(timber.containers()) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/containers/json?limit=x"), ("GET", "/containers/json?limit=99999999999999999999"), ("GET", "/containers/json?filters=%7B"),
        ("GET", "/containers/json?filters=[]"), ("GET", '/containers/json?filters={"status":["nosuch"]}'), ("GET", '/containers/json?filters={"exited":["x"]}'),
        ("POST", "/containers/oak/stop?t=x"), ("POST", "/containers/oak/restart?t=1.5"), ("POST", "/containers/oak/kill?signal=NOSUCH"),
        ("POST", "/containers/oak/kill?signal=0"), ("POST", "/containers/oak/kill?signal=-9"), ("POST", "/containers/oak/wait?condition=x"),
        ("POST", "/containers/oak/rename?name="), ("POST", "/containers/oak/rename?name=a/b"), ("POST", "/containers/oak/resize?h=x&w=1"),
        ("POST", "/containers/oak/resize?h=-1&w=1"), ("POST", "/containers/oak/resize?h=70000&w=1"), ("POST", "/containers/oak/resize"),
        ("GET", "/containers/oak/logs"), ("GET", "/containers/oak/logs?stdout=1&since=yesterday"), ("GET", "/containers/oak/logs?stdout=1&until=1.x"),
        ("POST", "/containers/oak/attach?detachKeys=ctrl-"), ("GET", "/events?since=x"), ("GET", "/events?since=2&until=1"),
        ("GET", '/events?until=1&filters={"nosuch":["x"]}'), ("GET", "/system/df?type=x"), ("GET", '/volumes?filters={"dangling":["maybe"]}'),
        ("GET", '/images/json?filters={"nosuch":["x"]}'), ("GET", '/networks?filters={"nosuch":["x"]}'), ("POST", '/volumes/prune?filters={"until":["x"]}'),
        ("POST", '/containers/prune?filters={"until":["x"]}'), ("POST", "/images/busybox/tag"), ("POST", "/images/busybox/tag?repo=UPPER"),
        ("GET", "/images/get"), ("GET", "/images/%20/json"), ("POST", "/containers/create?name=%2F"), ("POST", "/containers/create?name=a%00"),
        ("GET", "/containers/oak/top?ps_args=-o%20cgroup"), ("GET", "/_ping%zz"), ("GET", "/containers/json?all=%"), ("GET", "/v1.50.1/info"), ("GET", "/v0.1/info"),
        ("GET", '/containers/json?filters={"name":["["]}'), ("GET", '/containers/json?filters={"expose":["x"]}'), ("GET", '/images/json?filters={"reference":["["]}'),
        ("GET", '/containers/json?filters={"publish":["9-8"]}'), ("GET", '/networks?filters={"name":["("]}'), ("GET", '/volumes?filters={"name":["*"]}'),
        ("GET", '/images/json?filters={"dangling":["maybe"]}'), ("POST", '/images/prune?filters={"dangling":["maybe"]}'), ("DELETE", "/images/busybox?platforms={}"),
        ("POST", '/containers/prune?filters={"until":["1h","2h"]}'), ("GET", "/images/busybox/json?platform=x"), ("GET", "/images/busybox/history?platform=[]"),
        ("GET", '/images/get?names=busybox&platform={"os":"none"}'), ("GET", "/v99999999999999999999.1/info"), ("DELETE", "/containers/oak?link=1"), ("GET", "/exec/..%2f/json"), ("POST", "/exec/%20/start"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_queries_that_mean_nothing(timber, oak, method, path):
    body, headers = (b"{}", {"Content-Type": "application/json"}) if method == "POST" else (None, {})
    answer = timber.api.request(method, path.replace('"', "%22").replace("{", "%7B").replace("}", "%7D"), body, headers)
    assert answer.status in (400, 404, 409) and answer.message, (answer.status, answer.body[:300])
    assert timber.state("oak") == "running"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_methods_that_mean_nothing(timber, method):
    answer = timber.api.send(f"{method} /info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"404", b"400") and b'"message"' in answer


@pytest.mark.parametrize(
    "header",
    [
        "Transfer-Encoding: gzip", "Content-Length: 1e3", "Content-Length: 5, 5", "Expect: nothing", "Bad Header: x", ": x", "A: \x01", " folded: x",
        "Content-Length: 99999999999999999999",
    ],
)  # fmt: skip
def test_headers_that_mean_nothing(timber, header):
    answer = timber.api.send(f"POST /containers/create HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"417", b"501") and b'"message"' in answer


def test_what_expects_to_continue(timber):
    """The body is asked for, also of a request that will be refused by it, and the next request is answered on the same connection."""
    with timber.api.open() as connection:
        connection.sendall(
            b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"[]GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 400 ") and answer.endswith(b"OK")
