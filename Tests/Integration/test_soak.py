"""Fifty clients that do everything at once: no wrong answer, nothing left, and the daemon as small as before."""

import contextlib
import io
import os
import tarfile
import threading
import time
import uuid

import pytest

from harness import host
from harness.api import frames
from harness.daemon import difference
from harness.tarbuilder import TarBuilder
from harness.wait import until

CLIENTS = 50
# Of all rounds together.
SECONDS = float(os.environ.get("TIMBER_SOAK_SECONDS", "20"))

pytestmark = pytest.mark.timeout(SECONDS * 3 + 240)


class Client:
    """One client and its steps; each step checks every answer."""

    def __init__(self, daemon, shared):
        self.api = daemon.api
        self.shared = shared

    def create(self, *command):
        return self.api.post("/containers/create", {"Image": "busybox", "Cmd": list(command)}).expect(201).json["Id"]

    def wait(self, identifier):
        return self.api.post(f"/containers/{identifier}/wait").expect(200).json["StatusCode"]

    def run(self):
        word = uuid.uuid4().hex
        identifier = self.create("sh", "-c", f"echo {word}; exit 3")
        connection, data = self.api.hijack(f"/containers/{identifier}/attach", stream=1, stdout=1)
        with contextlib.closing(connection):
            self.api.post(f"/containers/{identifier}/start").expect(204)
            while chunk := connection.recv(65536):
                data += chunk
        assert frames(data) == [(1, f"{word}\n".encode())]
        assert self.wait(identifier) == 3
        self.api.delete(f"/containers/{identifier}").expect(204)

    def exec(self):
        word = uuid.uuid4().hex
        body = {"Cmd": ["sh", "-c", f"echo {word} >&2; exit 5"], "AttachStdout": True, "AttachStderr": True}
        identifier = self.api.post(f"/containers/{self.shared}/exec", body).expect(201).json["Id"]
        connection, data = self.api.hijack(f"/exec/{identifier}/start", {"Detach": False})
        with contextlib.closing(connection):
            while chunk := connection.recv(65536):
                data += chunk
        assert frames(data) == [(2, f"{word}\n".encode())]
        assert self.api.get(f"/exec/{identifier}/json").expect(200).json["ExitCode"] == 5

    def logs(self):
        """Followed from the start to the end."""
        word = uuid.uuid4().hex
        identifier = self.create("sh", "-c", f"for i in 1 2 3 4 5 6 7 8 9; do echo {word} $i; done")
        self.api.post(f"/containers/{identifier}/start").expect(204)
        answer = self.api.get(f"/containers/{identifier}/logs", follow=1, stdout=1, stderr=1).expect(200)
        assert b"".join(part for _, part in frames(answer.body)).decode() == "".join(f"{word} {i}\n" for i in range(1, 10))
        self.api.delete(f"/containers/{identifier}", force=1).expect(204)

    def kill(self):
        identifier = self.create("sleep", "1000000")
        self.api.post(f"/containers/{identifier}/start").expect(204)
        assert self.api.get(f"/containers/{identifier}/json").expect(200).json["State"]["Running"]
        self.api.post(f"/containers/{identifier}/kill", signal="KILL").expect(204)
        assert self.wait(identifier) == 137
        self.api.delete(f"/containers/{identifier}").expect(204)

    def copy(self):
        """Into a container that runs and into one that does not, and back."""
        word = uuid.uuid4().hex
        archive = TarBuilder().file(word, word * 1000).bytes()
        own = self.create("true")
        for identifier in (self.shared, own):
            self.api.request("PUT", f"/containers/{identifier}/archive", archive, path="/tmp").expect(200)
            answer = self.api.get(f"/containers/{identifier}/archive", path=f"/tmp/{word}").expect(200)
            with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
                assert tar.extractfile(word).read() == word.encode() * 1000
        assert {"Path": f"/tmp/{word}", "Kind": 1} in self.api.get(f"/containers/{own}/changes").expect(200).json
        self.api.delete(f"/containers/{own}").expect(204)
        body = {"Cmd": ["rm", f"/tmp/{word}"], "AttachStdout": True}
        identifier = self.api.post(f"/containers/{self.shared}/exec", body).expect(201).json["Id"]
        self.api.post(f"/exec/{identifier}/start", {"Detach": False}).expect(200)

    def commit(self):
        word = uuid.uuid4().hex
        identifier = self.create("sh", "-c", f"echo {word} >/word")
        self.api.post(f"/containers/{identifier}/start").expect(204)
        assert self.wait(identifier) == 0
        made = self.api.post("/commit", container=identifier, repo="soak", tag=word).expect(201).json["Id"]
        self.api.delete(f"/containers/{identifier}").expect(204)
        image = self.api.get(f"/images/soak:{word}/json").expect(200).json
        assert image["Id"] == made and image["Config"]["Cmd"][2] == f"echo {word} >/word"
        assert {"Deleted": made} in self.api.delete(f"/images/soak:{word}").expect(200).json

    def look(self):
        assert self.shared in [container["Id"] for container in self.api.get("/containers/json").expect(200).json]
        self.api.get("/info").expect(200)


def soak(daemon, shared, seconds):
    """Everybody does everything, each in another order. Returns how many steps that were, and fails with the first wrong answer."""
    end = time.monotonic() + seconds
    counts, failures = [0] * CLIENTS, []

    def work(number):
        client = Client(daemon, shared)
        steps = [client.run, client.exec, client.logs, client.kill, client.copy, client.commit, client.look]
        while time.monotonic() < end and not failures:
            step = steps[(number + counts[number]) % len(steps)]
            try:
                step()
            except Exception as error:
                failures.append((step.__name__, error))
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, error in failures:
        raise AssertionError(f"{len(failures)} clients got a wrong answer, the first one in {name}") from error
    return sum(counts)


def test_fifty_clients_at_once(fresh):
    shared = fresh.sleeper()
    # A first round makes what is kept: threads, sockets, memory of the allocator.
    soak(fresh, shared, SECONDS * 0.3)
    until(lambda: fresh.containers() == [shared])
    before, descriptors, memory = fresh.traces(), len(host.descriptors(fresh.pid)), host.resident_kib(fresh.pid)
    steps = soak(fresh, shared, SECONDS * 0.7)
    assert steps >= CLIENTS
    peak = host.resident_kib(fresh.pid)
    until(lambda: not difference(before, fresh.traces()), seconds=30, message=lambda: f"{difference(before, fresh.traces())}")
    until(lambda: len(host.descriptors(fresh.pid)) <= descriptors + 8, seconds=30, message="descriptors stay open")
    until(
        lambda: host.resident_kib(fresh.pid) <= memory * 1.1, seconds=30,
        message=lambda: f"{steps} steps later the daemon takes {host.resident_kib(fresh.pid)} KiB, it was {memory}",
    )  # fmt: skip
    print(
        f"\n{steps} steps in {SECONDS * 0.7:.0f} s; resident memory {memory} KiB before, {peak} at the end, {host.resident_kib(fresh.pid)} after;"
        f" descriptors {descriptors} before, {len(host.descriptors(fresh.pid))} after"
    )
