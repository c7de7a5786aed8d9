"""File systems and clients that never answer: only those who wait for them wait."""

import contextlib
import ctypes
import os
import socket
import threading

import pytest

from harness import host
from harness.api import frames
from harness.wait import until

libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def silent(tmp_path):
    """A FUSE file system whose server reads no request: whoever looks for a name in it waits until the server is gone."""
    place = tmp_path / "silent"
    place.mkdir()
    server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
    mounted = libc.mount(b"silent", os.fsencode(place), b"fuse.silent", 0, options)
    assert mounted == 0, os.strerror(ctypes.get_errno())
    servers = [server]

    def end():
        """The server ends: everybody who waits gets an error."""
        while servers:
            os.close(servers.pop())

    try:
        yield place, end
    finally:
        end()
        libc.umount2(os.fsencode(place), 2)


class Request(threading.Thread):
    """A request that may take its time, and its answer."""

    def __init__(self, timber, *words, **more):
        super().__init__(daemon=True)
        self.answer = None
        self.send = lambda: timber.api.request(*words, **more)
        self.start()

    def run(self):
        self.answer = self.send()


def test_others_go_on_while_starts_hang(timber, silent):
    """More starts than any pool of the daemon has threads wait for their bind mounts; ps, run and stop do not."""
    place, end = silent
    other = timber.sleeper("--name", "other")
    hanging = []
    for number in range(24):
        body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Binds": [f"{place}/sub:/in"]}}
        identifier = timber.api.post("/containers/create", body, name=f"hangs{number}").expect(201).json["Id"]
        hanging.append(Request(timber, "POST", f"/containers/{identifier}/start"))
    until(lambda: len(host.shims(timber.run_directory)) == 25, message="the starts did not come so far")
    assert len(timber.api.get("/containers/json", all=1, timeout=30).expect(200).json) == 25
    assert timber.api.get("/containers/hangs0/json", timeout=30).expect(200).json["State"]["Running"] is False
    assert timber.run("busybox", "echo", "goes on").ok().out == "goes on"
    timber.tctl("exec", other, "true").ok()
    timber.tctl("rm", "-f", other).ok()
    assert [request.answer for request in hanging] == [None] * 24
    end()
    for request in hanging:
        request.join(60)
        assert request.answer is not None and request.answer.status >= 400 and request.answer.message
    assert len(timber.api.get("/containers/json").expect(200).json) == 0


def test_end_of_a_start_that_hangs(timber, silent):
    """Neither a stop nor a forced removal waits for ever: they say what is in the way, and work once it has gone."""
    place, end = silent
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Binds": [f"{place}/sub:/in"]}}
    timber.api.post("/containers/create", body, name="hangs").expect(201)
    hanging = Request(timber, "POST", "/containers/hangs/start")
    until(lambda: len(host.shims(timber.run_directory)) == 1)
    removing = Request(timber, "DELETE", "/containers/hangs", force=1)
    assert "does not answer" in timber.api.post("/containers/hangs/stop").expect(503).message
    removing.join(30)
    assert "does not answer" in removing.answer.expect(503).message
    assert hanging.answer is None
    end()
    hanging.join(30)
    assert hanging.answer.status >= 400
    timber.api.delete("/containers/hangs", force=1).expect(204)


def test_creations_that_hang(timber, silent):
    """--mount looks for its source when the container is made."""
    place, end = silent
    mount = {"Type": "bind", "Source": f"{place}/sub", "Target": "/in"}
    hanging = [Request(timber, "POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}) for _ in range(24)]
    assert timber.run("busybox", "echo", "goes on").ok().out == "goes on"
    assert [request.answer for request in hanging] == [None] * 24
    end()
    for request in hanging:
        request.join(60)
        assert request.answer.status == 400 and str(place) in request.answer.message


def test_a_client_that_stalls_in_the_middle_of_a_load(timber, fixtures):
    """Others load meanwhile; when it goes on its image is loaded, when it leaves nothing of it stays."""
    archive = (fixtures / "busybox.tar").read_bytes()
    before = host.files(timber.data / "content"), host.files(timber.data / "layers")
    head = f"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: {len(archive)}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        stalled = [stack.enter_context(timber.api.open(30)) for _ in range(4)]
        for connection in stalled:
            connection.sendall(head + archive[: len(archive) // 2])
        assert "Loaded image" in timber.load(fixtures / "busybox.tar").ok().out
        timber.run("busybox", "true").ok()
        stalled[0].sendall(archive[len(archive) // 2 :])
        answer = b""
        while b"Loaded image" not in answer:
            chunk = stalled[0].recv(65536)
            assert chunk, answer
            answer += chunk
    until(lambda: (host.files(timber.data / "content"), host.files(timber.data / "layers")) == before)


def test_a_client_that_does_not_read(timber):
    """Its output waits in the container, not in the daemon; the container goes on when it leaves."""
    amount = 10_000_000
    body = {"Image": "busybox", "Cmd": ["sh", "-c", f"read x; head -c {amount} /dev/zero; echo end >&2"], "OpenStdin": True}
    identifier = timber.api.post("/containers/create", body).expect(201).json["Id"]
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    idle, _ = timber.api.hijack(f"/containers/{identifier}/attach", stream=1, stdin=1, stdout=1)
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = host.resident_kib(timber.pid)
    idle.sendall(b"go\n")
    until(lambda: timber.api.get(f"/containers/{identifier}/top").status == 200)
    shim = [pid for pid, words in host.shims(timber.run_directory).items() if identifier in words]
    assert host.resident_kib(timber.pid) < before + 16_384
    assert all(host.resident_kib(pid) < 16_384 for pid in shim)
    idle.close()
    assert timber.api.post(f"/containers/{identifier}/wait").expect(200).json["StatusCode"] == 0
    seen = frames(timber.api.get(f"/containers/{identifier}/logs", stderr=1).expect(200).body)
    assert seen == [(2, b"end\n")]


def test_a_client_that_does_not_read_holds_nobody_back(timber):
    """Two clients of one container: the one that reads gets everything, the other is cut off."""
    amount = 10_000_000
    body = {"Image": "busybox", "Cmd": ["sh", "-c", f"read x; head -c {amount} /dev/zero"], "OpenStdin": True}
    identifier = timber.api.post("/containers/create", body).expect(201).json["Id"]
    timber.api.post(f"/containers/{identifier}/start").expect(204)
    idle, _ = timber.api.hijack(f"/containers/{identifier}/attach", stream=1, stdout=1)
    reader, data = timber.api.hijack(f"/containers/{identifier}/attach", timeout=60, stream=1, stdin=1, stdout=1)
    with contextlib.closing(idle), contextlib.closing(reader):
        reader.sendall(b"go\n")
        pieces = [data]
        while chunk := reader.recv(1 << 20):
            pieces.append(chunk)
        assert sum(len(part) for _, part in frames(b"".join(pieces))) == amount
    assert timber.api.post(f"/containers/{identifier}/wait").expect(200).json["StatusCode"] == 0
