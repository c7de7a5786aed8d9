"""`exec` and `attach`: streams, status, user, environment, and what happens when either end goes."""

import os
import signal
import socket
import subprocess
import time

import pytest

from harness import host
from harness.wait import until


@pytest.fixture
def sleeper(timber):
    return timber.sleeper("--name", "host")


def test_streams_and_status(timber, sleeper):
    result = timber.tctl("exec", "host", "sh", "-c", "echo out; echo err >&2; exit 9")
    assert (result.status, result.out, result.err) == (9, "out", "err")


def test_input(timber, sleeper):
    data = os.urandom(3_000_000)
    assert timber.tctl("exec", "-i", "host", "cat", input=data).ok().stdout == data
    assert timber.tctl("exec", "host", "cat", input=b"ignored").ok().stdout == b""


def test_flags(timber, sleeper):
    assert timber.tctl("exec", "-u", "nobody", "host", "id", "-u").ok().out == "65534"
    assert timber.tctl("exec", "-w", "/etc", "host", "pwd").ok().out == "/etc"
    assert timber.tctl("exec", "-e", "A=b c", "host", "sh", "-c", "echo $A").ok().out == "b c"


def test_environment_is_the_containers(timber):
    timber.sleeper("--name", "host", "-e", "FROM=container", "-u", "nobody", "-w", "/tmp")
    assert timber.tctl("exec", "host", "sh", "-c", "echo $FROM $(id -u) $PWD").ok().out == "container 65534 /tmp"


def test_is_in_the_same_namespaces_and_cgroup(timber, sleeper):
    script = "readlink /proc/1/ns/pid /proc/1/ns/mnt /proc/1/ns/net /proc/1/ns/uts /proc/1/ns/ipc /proc/1/ns/cgroup; cat /proc/1/cgroup"
    assert timber.tctl("exec", "host", "sh", "-c", script).ok().out == timber.tctl(
        "exec", "host", "sh", "-c", script.replace("/proc/1/", "/proc/self/")
    ).ok().out


def test_only_three_descriptors(timber, sleeper):
    # The fourth is the directory that ls reads.
    assert timber.tctl("exec", "host", "ls", "/proc/self/fd").ok().lines == ["0", "1", "2", "3"]


def test_descriptors_that_others_have_under_way(timber):
    """The kernel counts what is sent and not received for all of root's processes: no container may keep others from an exec by it."""
    name = timber.sleeper("--ulimit", "nofile=40")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        for _ in range(3):
            socket.send_fds(ours, [b"x"], [ours.fileno()] * 50)
        assert timber.tctl("exec", name, "sh", "-c", "ulimit -n").ok().out == "40"
    timber.tctl("stop", name).ok()


@pytest.mark.parametrize(
    ("command", "status", "word"), [("nosuch", 127, "not found"), ("/etc/passwd", 126, "permission denied"), ("/etc", 126, "/etc")]
)
def test_command_that_cannot_run(timber, sleeper, command, status, word):
    result = timber.tctl("exec", "host", command)
    assert result.status == status
    assert command in result.err + result.out and word in (result.err + result.out).lower(), result


def test_bad_requests(timber, sleeper):
    timber.tctl("exec", "-u", "nosuchuser", "host", "true").fails(126, "nosuchuser")
    timber.tctl("exec", "-w", "/no/such/directory", "host", "true").fails(126, "/no/such/directory")
    timber.tctl("exec", "nosuchcontainer", "true").fails(1, "nosuchcontainer")


def test_not_running(timber):
    timber.tctl("create", "--name", "off", "busybox").ok()
    timber.tctl("exec", "off", "true").fails(1, "not running")


def test_detached(timber, sleeper):
    timber.tctl("exec", "-d", "host", "sh", "-c", "echo done > /tmp/done").ok()
    until(lambda: timber.tctl("exec", "host", "cat", "/tmp/done").out == "done")


def test_output_does_not_reach_the_log(timber, sleeper):
    timber.tctl("exec", "host", "echo", "secret").ok()
    assert "secret" not in timber.tctl("logs", "host").ok().out


def test_ends_with_the_container(timber, sleeper):
    running = timber.popen("exec", "host", "sleep", "3000000")
    until(lambda: "sleep 3000000" in timber.tctl("top", "host").out)
    timber.tctl("kill", "host").ok()
    assert running.wait(30) == 137


def test_client_that_goes_leaves_the_command(timber, sleeper):
    """As Docker: a client's end is not the command's end."""
    running = timber.popen("exec", "host", "sleep", "7654321")
    until(lambda: "sleep 7654321" in timber.tctl("top", "host").out)
    running.kill()
    running.wait()
    time.sleep(0.3)
    assert "sleep 7654321" in timber.tctl("top", "host").out


def test_many_at_once(timber, sleeper):
    running = [timber.popen("exec", "host", "sh", "-c", f"sleep 0.2; echo {number}; exit {number}") for number in range(40)]
    for number, process in enumerate(running):
        assert process.communicate(timeout=90)[0] == b"%d\n" % number
        assert process.returncode == number


def test_many_disconnects_leak_nothing(timber, sleeper):
    """CVE-2022-23471, CVE-2022-31030: streams of clients that went away must not pile up."""
    def round_of_execs():
        for _ in range(30):
            identifier = timber.api.post("/containers/host/exec", {"Cmd": ["echo", "x"], "AttachStdout": True}).expect(201).json["Id"]
            connection, _ = timber.api.hijack(f"/exec/{identifier}/start", {"Detach": False, "Tty": False})
            connection.close()

    round_of_execs()
    [shim] = host.shims(timber.run_directory)
    until(lambda: len(host.descriptors(shim)) < 20)
    time.sleep(0.5)
    daemons, shims = len(host.descriptors(timber.pid)), len(host.descriptors(shim))
    round_of_execs()
    # The daemon may have come to need a few for good; a leak would be thirty.
    until(
        lambda: len(host.descriptors(timber.pid)) <= daemons + 8 and len(host.descriptors(shim)) <= shims, message="descriptors stay open")


def test_attach_sees_what_comes(timber):
    name = timber.start_container("busybox", "sh", "-c", "while ! [ -e /tmp/go ]; do echo waits; sleep 0.05; done; echo here; exit 6")
    attached = timber.popen("attach", name)
    assert attached.stdout.readline() == b"waits\n"
    timber.tctl("exec", name, "touch", "/tmp/go").ok()
    out, _ = attached.communicate(timeout=30)
    assert (attached.returncode, out.replace(b"waits\n", b"")) == (6, b"here\n")


def test_attach_gives_input(timber):
    name = timber.tctl("run", "-di", "busybox", "cat").ok().out
    attached = timber.popen("attach", name, stdin=subprocess.PIPE)
    attached.stdin.write(b"to the cat\n")
    attached.stdin.flush()
    assert attached.stdout.readline() == b"to the cat\n"
    # Without --attach at creation its input stays open when a client goes, as Docker has it.
    attached.stdin.close()
    time.sleep(0.3)
    assert timber.state(name) == "running"
    timber.tctl("kill", name).ok()
    assert attached.wait(30) == 137


def test_attach_to_a_stopped_container(timber):
    timber.tctl("create", "--name", "off", "busybox").ok()
    timber.tctl("attach", "off").fails(1)


def test_clients_that_go_before_the_start_leave_nothing(timber):
    """An attach waits for the start; a client that does not wait so long must not be kept."""
    timber.tctl("create", "-i", "--name", "later", "busybox", "cat").ok()

    def waiting(number):
        return [timber.api.hijack("/containers/later/attach", stream=1, stdin=1, stdout=1)[0] for _ in range(number)]

    def close(connections):
        for connection in connections:
            connection.close()

    close(waiting(3))
    time.sleep(0.5)
    before = len(host.descriptors(timber.pid))
    for _ in range(3):
        close(waiting(20))
    stays = waiting(1)[0]
    until(lambda: len(host.descriptors(timber.pid)) <= before + 5, message="descriptors stay open")
    timber.tctl("start", "later").ok()
    stays.sendall(b"still here\n")
    received = b""
    while b"still here\n" not in received:
        chunk = stays.recv(100)
        assert chunk, received
        received += chunk
    stays.close()


def test_input_of_a_client_that_goes_before_the_start(timber):
    timber.tctl("create", "-i", "--name", "later", "busybox", "sh", "-c", "read line; echo got $line").ok()
    connection, _ = timber.api.hijack("/containers/later/attach", stream=1, stdin=1)
    connection.sendall(b"a word\n")
    connection.close()
    time.sleep(0.3)
    timber.tctl("start", "later").ok()
    assert timber.tctl("wait", "later").ok().out == "0"
    assert timber.tctl("logs", "later").ok().out == "got a word"


def test_attach_passes_signals_on(timber):
    name = timber.start_container("busybox", "sh", "-c", "trap 'echo caught; exit 12' INT; while :; do echo waits; sleep 0.1; done")
    attached = timber.popen("attach", name)
    # The container's trap is set, and what tctl gives on it also takes signals for.
    assert attached.stdout.readline() == b"waits\n"
    attached.send_signal(signal.SIGINT)
    out, _ = attached.communicate(timeout=30)
    assert (attached.returncode, out.replace(b"waits\n", b"")) == (12, b"caught\n")


def test_run_passes_signals_on(timber):
    running = timber.popen("run", "--rm", "busybox", "sh", "-c", "trap 'exit 12' TERM; echo up; while :; do sleep 0.1; done")
    assert running.stdout.readline() == b"up\n"
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 12


def test_run_without_sig_proxy(timber):
    running = timber.popen("run", "--sig-proxy=false", "--name", "on", "busybox", "sh", "-c", "echo up; sleep 1000000")
    assert running.stdout.readline() == b"up\n"
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) in (143, -15)
    assert timber.state("on") == "running"
