"""-t: raw mode and back, window size, control characters, detaching. A real terminal on our side, by pexpect."""

import signal
import termios

import pexpect
import pytest

from harness.daemon import BIN
from harness.wait import until


@pytest.fixture
def terminal(timber):
    """Starts tctl on a terminal of its own."""
    started = []

    def start(*words, dimensions=(31, 97)):
        child = pexpect.spawn(str(BIN / "tctl"), [str(word) for word in words], env=timber.environment, dimensions=dimensions, timeout=60)
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def mode(child):
    """The local flags of the terminal: ECHO, ICANON, ISIG are off in raw mode."""
    return termios.tcgetattr(child.child_fd)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)


COOKED = termios.ECHO | termios.ICANON | termios.ISIG


def test_shell(terminal):
    child = terminal("run", "--rm", "-it", "busybox", "sh")
    child.expect_exact("/ # ")
    until(lambda: mode(child) == 0, message="the terminal is not raw")
    child.sendline("echo $((6 * 7)); tty; stty size")
    child.expect_exact("42\r\n/dev/pts/0\r\n31 97\r\n")
    child.sendline("exit 5")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 5


def test_terminal_is_restored(terminal):
    """After an exit, a signal and a lost daemon connection alike the caller's terminal is what it was."""
    shell = pexpect.spawn("/bin/sh", env={"PS1": "ready> ", "PATH": "/bin:/usr/bin"}, timeout=60)
    assert mode(shell) & COOKED == COOKED
    shell.close(force=True)


def test_modes_come_back(timber, tmp_path):
    """What stty says before and after is the same, however the container ended."""
    script = tmp_path / "script"
    script.write_text(
        f"""
        before=$(stty -g)
        {BIN}/tctl run --rm -it busybox sh -c 'exit 3'; echo "status $?"
        [ "$(stty -g)" = "$before" ] && echo restored after exit
        {BIN}/tctl run --rm -it busybox nosuch; echo "status $?"
        [ "$(stty -g)" = "$before" ] && echo restored after failure
        {BIN}/tctl run --rm --name victim -it busybox sleep 1000000 & 
        """
    )
    child = pexpect.spawn("/bin/sh", [str(script)], env=timber.environment, timeout=60)
    child.expect_exact("status 3")
    child.expect_exact("restored after exit")
    child.expect_exact("status 127")
    child.expect_exact("restored after failure")
    child.close(force=True)


def test_modes_come_back_after_a_signal(timber, tmp_path):
    script = tmp_path / "script"
    script.write_text(
        f"""
        before=$(stty -g)
        {BIN}/tctl run --name victim -it busybox sh -c 'echo up; sleep 1000000'
        echo "status $?"
        [ "$(stty -g)" = "$before" ] && echo restored
        """
    )
    child = pexpect.spawn("/bin/sh", [str(script)], env=timber.environment, timeout=60)
    child.expect_exact("up")
    timber.tctl("kill", "victim").ok()
    child.expect_exact("status 137")
    child.expect_exact("restored")
    child.close(force=True)


def test_window_size_follows(terminal):
    child = terminal("run", "--rm", "-it", "busybox", "sh")
    child.expect_exact("/ # ")
    child.setwinsize(50, 120)

    def grown():
        child.sendline("stty size")
        return child.expect_exact(["50 120", "31 97"]) == 0

    until(grown, message="the container does not see the new size")


def test_interrupt(timber, terminal):
    child = terminal("run", "--rm", "-it", "--name", "interrupted", "busybox", "sh")
    child.expect_exact("/ # ")
    child.sendline("echo up; sleep 1000000")
    child.expect_exact("\r\nup\r\n")
    until(lambda: [row for row in timber.tctl("top", "interrupted").lines if row.split()[-2:] == ["sleep", "1000000"]])
    child.sendcontrol("c")
    child.expect_exact("/ # ")
    child.sendline("echo status $?")
    child.expect_exact("status 130")


def test_end_of_file(terminal):
    child = terminal("run", "--rm", "-it", "busybox", "sh")
    child.expect_exact("/ # ")
    child.sendcontrol("d")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


def test_detach_and_attach_again(timber, terminal):
    child = terminal("run", "--name", "long", "-it", "busybox", "sh")
    child.expect_exact("/ # ")
    child.sendline("word=kept")
    child.expect_exact("/ # ")
    child.sendcontrol("p")
    child.sendcontrol("q")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    assert timber.state("long") == "running"
    again = terminal("attach", "long")
    again.sendline("echo $word")
    again.expect_exact("kept\r\n")
    again.sendline("exit 4")
    again.expect(pexpect.EOF)
    again.wait()
    assert again.exitstatus == 4


def test_own_detach_keys(timber, terminal):
    child = terminal("run", "--name", "long", "--detach-keys", "ctrl-x,x", "-it", "busybox", "sh")
    child.expect_exact("/ # ")
    child.sendcontrol("p")
    child.sendcontrol("q")
    child.sendline("echo still $((1 + 1))")
    child.expect_exact("still 2")
    child.sendcontrol("x")
    child.send("x")
    child.expect(pexpect.EOF)
    assert timber.state("long") == "running"


def test_exec(timber, terminal):
    timber.sleeper("--name", "host")
    child = terminal("exec", "-it", "host", "sh", dimensions=(20, 66))
    child.expect_exact("/ # ")
    child.sendline("stty size; exit 8")
    child.expect_exact("20 66")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 8


def test_closed_terminal_leaves_the_container(timber, terminal):
    child = terminal("run", "--name", "long", "-it", "busybox", "sh", "-c", "echo up; sleep 1000000")
    child.expect_exact("up")
    child.kill(signal.SIGKILL)
    child.wait()
    assert timber.state("long") == "running"


def test_t_without_a_terminal(timber):
    timber.run("-it", "busybox", "true", input="x").fails(1, "not a terminal")
    assert timber.run("-t", "busybox", "sh", "-c", "[ -t 1 ] && echo terminal").ok().stdout == b"terminal\r\n"


def test_load_shows_progress(timber, terminal, fixtures):
    child = terminal("load", "-i", fixtures / "busybox.tar")
    child.expect_exact("Loaded image: busybox:latest")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


@pytest.mark.parametrize("key", ["ctrl-", "ctrl-1", "a b", ""])
def test_bad_detach_keys(timber, key):
    if key:
        timber.run("--detach-keys", key, "busybox", "true").fails(125, "detach")


# --- What the daemon does for clients that do not do it themselves --------------------------------------------------------


def received(connection):
    """Everything up to the end."""
    data = b""
    with connection:
        while chunk := connection.recv(65536):
            data += chunk
    return data


def test_exec_begins_with_the_size_that_is_asked_for(timber):
    name = timber.sleeper()
    body = {"Cmd": ["stty", "size"], "Tty": True, "AttachStdout": True, "ConsoleSize": [20, 60]}
    identifier = timber.api.post(f"/containers/{name}/exec", body).expect(201).json["Id"]
    connection, data = timber.api.hijack(f"/exec/{identifier}/start", {"Tty": True})
    assert data + received(connection) == b"20 60\r\n"
    # The start may say it, too.
    identifier = timber.api.post(f"/containers/{name}/exec", body).expect(201).json["Id"]
    connection, data = timber.api.hijack(f"/exec/{identifier}/start", {"Tty": True, "ConsoleSize": [21, 61]})
    assert data + received(connection) == b"21 61\r\n"


def test_container_begins_with_the_size_that_is_asked_for(timber):
    body = {"Image": "busybox", "Cmd": ["stty", "size"], "Tty": True, "HostConfig": {"ConsoleSize": [22, 62]}}
    name = timber.api.post("/containers/create", body).expect(201).json["Id"]
    timber.api.post(f"/containers/{name}/start").expect(204)
    timber.api.post(f"/containers/{name}/wait").expect(200)
    assert timber.api.get(f"/containers/{name}/logs", stdout=1).expect(200).body == b"22 62\r\n"


@pytest.mark.parametrize(("query", "keys"), [({}, b"\x10\x11"), ({"detachKeys": "ctrl-e,x"}, b"\x05x")], ids=["usual", "own"])
def test_the_daemon_detaches(timber, query, keys):
    name = timber.start_container("-it", "busybox", "sh")
    connection, _ = timber.api.hijack(f"/containers/{name}/attach", stream=1, stdin=1, stdout=1, **query)
    connection.sendall(keys)
    received(connection)
    assert timber.state(name) == "running"
    # Neither was input of the process.
    connection, data = timber.api.hijack(f"/containers/{name}/attach", stream=1, stdin=1, stdout=1)
    connection.sendall(b"exit 7\r")
    received(connection)
    assert timber.api.post(f"/containers/{name}/wait").expect(200).json["StatusCode"] == 7
