"""Many containers, one after another and at once: all of them end well and nothing piles up."""

import time

import pytest

from harness import host
from harness.daemon import difference
from harness.wait import until

# A debug build on two cores that other tests use too.
pytestmark = pytest.mark.timeout(300)


def settled(fresh):
    """Descriptors of an idle daemon, after what a first round may open for good."""
    time.sleep(0.3)
    return len(host.descriptors(fresh.pid))


def test_two_hundred_one_after_another(fresh):
    for _ in range(20):
        fresh.run("busybox", "true").ok()
    before, descriptors = fresh.traces(), settled(fresh)
    memory = host.resident_kib(fresh.pid)
    for number in range(200):
        result = fresh.run("busybox", "true")
        assert result.status == 0, f"number {number}: {result}"
    until(lambda: not difference(before, fresh.traces()), message=lambda: f"{difference(before, fresh.traces())}")
    # A few come and go, such as those of a namespace made ahead; a leak would be two hundred.
    until(lambda: len(host.descriptors(fresh.pid)) <= descriptors + 8, message="descriptors stay open")
    assert host.resident_kib(fresh.pid) < memory + 8192


def test_fifty_at_once(fresh):
    def fifty():
        running = [fresh.popen("run", "--rm", "busybox", "true") for _ in range(50)]
        for process in running:
            _, errors = process.communicate(timeout=200)
            assert process.returncode == 0, errors

    fifty()
    before, descriptors = fresh.traces(), settled(fresh)
    for _ in range(3):
        fifty()
    until(lambda: not difference(before, fresh.traces()), message=lambda: f"{difference(before, fresh.traces())}")
    # Idle sockets and database readers are kept, as many as were ever needed at once (16 and 5); a leak would be 150.
    until(lambda: len(host.descriptors(fresh.pid)) <= descriptors + 40, message="descriptors stay open")


def test_fifty_with_ports_at_once(fresh):
    running = [fresh.popen("run", "--rm", "-p", f"{fresh.slot.port(number)}:80", "busybox", "true") for number in range(50)]
    for process in running:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
    until(lambda: host.ports_of(fresh.bridge) == [])


def test_one_hundred_running(fresh):
    names = [fresh.start_container("busybox", "sleep", "1000000") for _ in range(100)]
    assert len(fresh.tctl("ps", "-q").ok().lines) == 100
    shims = host.shims(fresh.run_directory)
    assert len(shims) == 100
    assert max(host.resident_kib(shim) for shim in shims) < 1024
    fresh.kill()
    fresh.start()
    assert len(fresh.tctl("ps", "-q").ok().lines) == 100
    fresh.tctl("rm", "-f", *names, timeout=200).ok()
    assert fresh.containers() == []


def test_same_name_at_once(fresh):
    """Of twenty that want one name, one gets it."""
    running = [fresh.popen("create", "--name", "only", "busybox") for _ in range(20)]
    statuses = [process.wait(100) for process in running]
    for process in running:
        process.communicate()
    assert sorted(statuses) == [0] + [1] * 19


def test_same_port_at_once(fresh):
    port = fresh.slot.port(0)
    running = [fresh.popen("run", "-d", "-p", f"{port}:80", "busybox", "sleep", "1000000") for _ in range(10)]
    statuses = []
    for process in running:
        process.communicate(timeout=100)
        statuses.append(process.returncode)
    assert sorted(statuses) == [0] + [125] * 9


def test_verbs_at_once_on_one_container(fresh):
    """Whatever order they come in, the container ends in a state that makes sense and can be removed."""
    for _ in range(5):
        name = fresh.tctl("create", "busybox", "sleep", "1000000").ok().out
        verbs = [("start",), ("stop", "-t", "0"), ("restart", "-t", "0"), ("kill",), ("pause",), ("unpause",), ("inspect",), ("top",)] * 3
        running = [fresh.popen(*verb, name) for verb in verbs]
        for process in running:
            process.communicate(timeout=100)
        assert fresh.state(name) in ("created", "running", "paused", "exited")
        fresh.tctl("rm", "-f", name).ok()
    until(lambda: host.shims(fresh.run_directory) == {})


def test_remove_while_starting(fresh):
    for _ in range(20):
        name = fresh.tctl("create", "busybox", "sleep", "1000000").ok().out
        starting = fresh.popen("start", name)
        removing = fresh.popen("rm", "-f", name)
        removing.communicate(timeout=100)
        starting.communicate(timeout=100)
        until(lambda: name not in fresh.containers() or fresh.tctl("rm", "-f", name).status == 0)
    assert fresh.containers() == []
    until(lambda: host.shims(fresh.run_directory) == {})
