"""What a killed timberd, a killed shim and a second timberd leave: containers go on, nothing is lost, nothing stays."""

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from harness import host
from harness.daemon import BIN, difference
from harness.process import run
from harness.wait import until

TICKS = ("busybox", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done")


def answer(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/index", timeout=30) as response:
            return response.read().decode()
    except OSError:
        return None


def test_tutorial_serves_while_timberd_is_killed(fresh, fixtures):
    fresh.load(fixtures / "timber_tutorial.tar").ok()
    port = fresh.slot.port(0)
    name = fresh.start_container("--name", "tutorial", "-p", f"{port}:8080", "timber_tutorial:1")
    until(lambda: answer(port) == '{"timber": "so delicious"}', seconds=60)
    before = fresh.inspect(name)["State"]

    fresh.kill()
    for _ in range(10):
        assert answer(port) == '{"timber": "so delicious"}'
    fresh.start()

    state = fresh.inspect(name)["State"]
    assert state["Status"] == "running"
    assert (state["StartedAt"], state["Pid"]) == (before["StartedAt"], before["Pid"])
    assert answer(port) == '{"timber": "so delicious"}'
    fresh.tctl("stop", "tutorial").ok()
    assert fresh.state("tutorial") == "exited"
    assert answer(port) is None


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_logs_have_no_gap(fresh, sign):
    name = fresh.start_container(*TICKS)
    fresh.wait_for_log(name, "10")
    fresh.stop(sign)
    time.sleep(0.5)
    fresh.start()
    seen = len(fresh.tctl("logs", name).ok().lines)
    until(lambda: len(fresh.tctl("logs", name).lines) > seen + 5)
    fresh.tctl("kill", name).ok()
    fresh.tctl("wait", name).ok()
    numbers = fresh.tctl("logs", name).ok().lines
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_status_of_those_that_ended_meanwhile(fresh):
    script = "trap 'echo last words; exit 42' TERM; echo ready; sleep 1000000 & wait"
    name = fresh.start_container("busybox", "sh", "-c", script)
    until(lambda: fresh.tctl("logs", name).ok().out == "ready")
    pid = fresh.pid_of(name)
    fresh.kill()
    os.kill(pid, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{pid}").exists())
    # The shim may still be writing that down: nobody sees an older state for that.
    fresh.start()
    state = fresh.inspect(name)["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 42)
    assert fresh.tctl("logs", name).ok().lines == ["ready", "last words"]
    finished = state["FinishedAt"]
    assert finished < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "Z"
    assert fresh.tctl("wait", name).ok().out == "42"


def test_rm_flag_holds_over_a_restart(fresh):
    name = fresh.start_container("--rm", "busybox", "sleep", "0.5")
    fresh.kill()
    time.sleep(0.8)
    fresh.start()
    until(lambda: name not in fresh.containers())


def test_exec_stop_and_attach_after_adoption(fresh):
    name = fresh.tctl("run", "-di", "busybox", "cat").ok().out
    fresh.kill()
    fresh.start()
    assert fresh.tctl("exec", name, "echo", "hi").ok().out == "hi"
    attached = fresh.popen("attach", name, stdin=subprocess.PIPE)
    attached.stdin.write(b"after all\n")
    attached.stdin.flush()
    assert attached.stdout.readline() == b"after all\n"
    fresh.tctl("stop", "-t", "0", name).ok()
    assert attached.wait(30) == 137


def test_paused_stays_paused(fresh):
    name = fresh.sleeper()
    fresh.tctl("pause", name).ok()
    fresh.kill()
    fresh.start()
    assert fresh.state(name) == "paused"
    fresh.tctl("unpause", name).ok()


def test_ports_and_addresses_are_remembered(fresh):
    port = fresh.slot.port(1)
    name = fresh.start_container("--name", "first", "-p", f"{port}:80", "busybox", "nc", "-ll", "-p", "80", "-e", "echo", "x")
    address = fresh.inspect(name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    fresh.kill()
    fresh.start()
    assert fresh.inspect(name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == address
    fresh.run("-p", f"{port}:80", "busybox", "true").fails(125, str(port))
    assert f" {address}/" not in fresh.sh("ip -4 -o addr show eth0")

    def said():
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                return connection.recv(10)
        except OSError:
            return None

    assert until(said) == b"x\n"


def test_client_is_told_when_timberd_goes(fresh):
    running = fresh.popen("run", "busybox", "sleep", "1000000")
    until(lambda: fresh.containers())
    until(lambda: host.shims(fresh.run_directory))
    fresh.kill()
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 125, errors
    assert b"daemon" in errors.lower() or b"timberd" in errors.lower()
    fresh.start()


def test_shim_killed(fresh):
    """Its container dies with it and is reported as such; nothing of it is left."""
    before = fresh.traces()
    name = fresh.sleeper("-p", f"{fresh.slot.port(2)}:80")
    pid = fresh.pid_of(name)
    [shim] = host.shims(fresh.run_directory)
    os.kill(shim, signal.SIGKILL)
    until(lambda: not host.alive(pid), message="the container outlives its shim")
    until(lambda: fresh.state(name) == "exited")
    state = fresh.inspect(name)["State"]
    assert state["ExitCode"] != 0 and state["Error"], state
    fresh.tctl("rm", name).ok()
    until(lambda: not difference(before, fresh.traces()), message=lambda: f"{difference(before, fresh.traces())}")


def test_starts_again_after_its_shim_was_killed(fresh):
    name = fresh.sleeper("-p", f"{fresh.slot.port(2)}:80")
    for shim in host.shims(fresh.run_directory):
        os.kill(shim, signal.SIGKILL)
    until(lambda: fresh.state(name) == "exited")
    fresh.tctl("start", name).ok()
    assert fresh.state(name) == "running"


AS_NOBODY = "exec su -s /bin/sh nobody -c 'exec {} sleep 1000000'"


@pytest.mark.parametrize(
    "command", [AS_NOBODY.format(""), "cp /bin/busybox /tmp; chmod 4755 /tmp/busybox; " + AS_NOBODY.format("/tmp/busybox")], ids=["user", "set-user-ID"]
)
def test_shim_of_a_container_that_changes_its_user(fresh, command):
    """The kernel forgets a parent's death signal at a change of user; nothing may live on all the same, not even without timberd."""
    name = fresh.start_container("busybox", "sh", "-c", command)
    fresh.tctl("exec", "-d", name, "sh", "-c", AS_NOBODY.format("")).ok()

    def sleepers():
        return [int(line.split()[1]) for line in fresh.tctl("top", name).ok().lines if line.endswith("sleep 1000000")]

    until(lambda: len(sleepers()) == 2)
    pids = sleepers()
    [shim] = host.shims(fresh.run_directory)
    fresh.kill()
    os.kill(shim, signal.SIGKILL)
    until(lambda: not any(map(host.alive, pids)), message="the container outlives its shim")
    fresh.start()
    assert fresh.state(name) == "exited"


def test_shim_killed_while_timberd_is_down(fresh):
    name = fresh.sleeper()
    pid = fresh.pid_of(name)
    [shim] = host.shims(fresh.run_directory)
    fresh.kill()
    os.kill(shim, signal.SIGKILL)
    until(lambda: not host.alive(pid))
    fresh.start()
    state = fresh.inspect(name)["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 255)
    assert state["Error"]
    # The kernel takes interfaces away a moment after the last process of their namespace.
    until(lambda: host.ports_of(fresh.bridge) == [])


def test_everything_killed(fresh):
    """As after a power cut: shims, containers and timberd gone at once."""
    names = [fresh.sleeper("-p", f"{fresh.slot.port(3 + number)}:80") for number in range(3)]
    shims = list(host.shims(fresh.run_directory))
    fresh.kill()
    for shim in shims:
        os.kill(shim, signal.SIGKILL)
    fresh.start()
    for name in names:
        assert fresh.state(name) == "exited"
        fresh.tctl("start", name).ok()
    until(lambda: len(host.ports_of(fresh.bridge)) == 3, message=lambda: f"{host.ports_of(fresh.bridge)}")


def test_run_directory_lost(fresh):
    """After a reboot /run is empty: containers are there, stopped, and start again."""
    fresh.tctl("run", "--name", "kept", "busybox", "sh", "-c", "echo x >> /file; wc -l < /file").ok()
    fresh.stop()
    for path in fresh.run_directory.iterdir():
        run(["rm", "-rf", path]).ok()
    fresh.start()
    assert fresh.tctl("start", "-a", "kept").ok().out == "2"


@pytest.mark.parametrize("delay", [0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
def test_killed_in_the_middle_of_a_run(fresh, delay):
    """timberd dies at some moment of a start: the next one finds the container running, ended or never begun, and no leftovers."""
    fresh.run("busybox", "true").ok()
    before = fresh.traces()
    client = fresh.popen("run", "--name", "middle", "-p", f"{fresh.slot.port(10)}:80", "busybox", "sleep", "1000000")
    time.sleep(delay)
    fresh.kill()
    client.wait(30)
    fresh.start()
    containers = fresh.containers()
    assert len(containers) <= 1
    for name in containers:
        assert fresh.state(name) in ("created", "running", "exited")
        fresh.tctl("rm", "-f", name).ok()
    until(lambda: not difference(before, fresh.traces()), message=lambda: f"{difference(before, fresh.traces())}")


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.1, 0.2, 0.4])
def test_killed_in_the_middle_of_a_load(fresh, fixtures, delay):
    images = fresh.images()
    client = fresh.popen("load", "-i", fixtures / "timber_tutorial.tar")
    time.sleep(delay)
    fresh.kill()
    client.wait(30)
    fresh.start()
    assert set(fresh.images()) - set(images) <= {"timber_tutorial:1"}
    fresh.load(fixtures / "timber_tutorial.tar").ok()
    fresh.run("timber_tutorial:1", "python3", "-c", "import hug").ok()


def test_second_daemon_is_refused(fresh, tmp_path):
    words = [str(word) for word in fresh.flags]
    words[words.index("--socket") + 1] = str(tmp_path / "other.sock")
    words[words.index("--run-dir") + 1] = str(tmp_path / "run")
    run([BIN / "timberd", *words]).fails(1, str(fresh.data))
    assert fresh.answers()


def test_left_over_socket(fresh):
    """A socket file that nobody listens on is no reason not to start."""
    fresh.kill()
    assert fresh.socket.exists()
    fresh.start()


def test_stop_is_quick_and_clean(fresh):
    """It waits neither for its containers nor for connections that are idle: those would take five minutes."""
    name = fresh.sleeper()
    pid = fresh.pid_of(name)
    with fresh.api.open(), fresh.api.open() as half:
        half.sendall(b"GET /_ping HTTP/1.1\r\n")
        assert fresh.stop(seconds=30) == 0
    assert not fresh.socket.exists()
    fresh.start()
    assert (fresh.state(name), fresh.pid_of(name)) == ("running", pid)


def test_database_is_whole(fresh):
    fresh.tctl("create", "busybox").ok()
    fresh.kill()
    check = subprocess.run(
        ["/usr/bin/python3", "-c", f"import sqlite3; print(sqlite3.connect({str(fresh.data / 'state.db')!r}).execute('pragma integrity_check').fetchone())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "ok" in check.stdout
    fresh.start()


def test_unreadable_container_is_set_aside(fresh):
    """A record that cannot be read is reported, and its container is left alone, running or not; the others work."""
    broken = fresh.sleeper("--name", "broken")
    fresh.tctl("create", "--name", "good", "busybox").ok()
    shims = host.shims(fresh.run_directory)
    fresh.stop()
    with sqlite3.connect(fresh.data / "state.db") as database:
        (state,) = database.execute("SELECT state FROM container WHERE id = ?", [broken]).fetchone()
        database.execute("UPDATE container SET state = ? WHERE id = ?", [b"{", broken])
    fresh.start()
    assert broken in fresh.log_tail() and "left untouched" in fresh.log_tail()
    assert [container["Names"] for container in fresh.api.get("/containers/json", all=1).expect(200).json] == [["/good"]]
    assert host.shims(fresh.run_directory) == shims
    assert "broken" in fresh.tctl("create", "--name", "broken", "busybox").err
    fresh.tctl("start", "good").ok()
    fresh.stop()
    with sqlite3.connect(fresh.data / "state.db") as database:
        database.execute("UPDATE container SET state = ? WHERE id = ?", [state, broken])
    fresh.start()
    assert fresh.state("broken") == "running"


def test_killed_while_it_starts_keeps_the_network(fresh):
    """Whatever the record says when timberd dies: a container that runs afterwards has its address, its port and its files."""

    def start(name):
        try:
            fresh.api.request("POST", f"/containers/{name}/start")
        except OSError:
            pass  # timberd is killed before it answers.

    served = 0
    # Where a start takes longer than these, longer ones follow until one has come so far.
    delays = [attempt * 0.004 for attempt in range(16)] + [0.1 * 2**attempt for attempt in range(7)]
    for attempt, delay in enumerate(delays):
        if attempt >= 16 and served:
            break
        port = fresh.slot.port(attempt)
        name = fresh.tctl("create", "-p", f"{port}:80", "busybox", "httpd", "-f", "-h", "/etc").ok().out
        client = threading.Thread(target=start, args=(name,))
        client.start()
        time.sleep(delay)
        fresh.kill()
        client.join(30)
        fresh.start()
        if fresh.state(name) == "running":
            served += 1
            until(lambda: answers(port), message=lambda: f"attempt {attempt}: nobody answers\n{fresh.log_tail()}")
        fresh.tctl("rm", "-f", name).ok()
    assert served > 0


def answers(port):
    try:
        return b"localhost" in urllib.request.urlopen(f"http://127.0.0.1:{port}/hosts", timeout=5).read()
    except OSError:
        return False


def test_paused_by_a_daemon_that_died(fresh):
    name = fresh.sleeper()
    fresh.tctl("pause", name).ok()
    with sqlite3.connect(fresh.data / "state.db") as database:
        (state,) = database.execute("SELECT state FROM container WHERE id = ?", [name]).fetchone()
    assert b'"paused":true' in state
    fresh.kill()
    with sqlite3.connect(fresh.data / "state.db") as database:
        database.execute("UPDATE container SET state = ? WHERE id = ?", [state.replace(b'"paused":true', b'"paused":false'), name])
    fresh.start()
    assert fresh.state(name) == "paused"
    fresh.tctl("unpause", name).ok()
    fresh.tctl("stop", name).ok()
