"""A terminal: sizes, keys and signals reach the process, and afterwards it is as it was before."""

import os
import signal
import subprocess
import termios

import pexpect
import pytest

from harness.wait import until

READY = 'echo rea""dy'


@pytest.fixture
def terminal(executable, daemon):
    """A dash in a terminal that runs tctl and then prints its status and whether the terminal is as before."""
    children = []

    def spawn(words, **options):
        script = (
            f"trap '' INT HUP QUIT TERM; (trap - INT HUP QUIT TERM; exec {executable} -H {daemon.host} {words}); "
            "echo rc=$?; stty -a | grep -qE ' icanon.* echo ' && echo co''oked")
        child = pexpect.spawn("dash", ["-c", script], encoding="utf8", timeout=30, dimensions=(30, 100), **options)
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def ends(child, status):
    child.expect(r"rc=(\d+)")
    assert int(child.match.group(1)) == status
    child.expect("cooked")


def client(executable, daemon):
    """The process id of the one tctl of this test."""
    found = subprocess.check_output(["pgrep", "-f", f"^{executable} -H {daemon.host} "], text=True).split()
    assert len(found) == 1
    return int(found[0])


def test_size_input_and_status(terminal):
    child = terminal(f"run -it x sh -c 'stty size; {READY}; read a; echo got:$a; exit 4'")
    child.expect("30 100")
    child.expect("ready")
    child.sendline("hello")
    child.expect("got:hello")
    ends(child, 4)


def test_window_changes_follow(terminal):
    child = terminal(f"""run -it x sh -c 'trap "stty size" WINCH; {READY}; while :; do read a && exit 0; done'""")
    child.expect("ready")
    child.setwinsize(50, 120)
    child.expect("50 120")
    child.sendline("x")
    ends(child, 0)


def test_interrupt_belongs_to_the_process(terminal):
    child = terminal(f"""run -it x sh -c 'trap "echo trapped; exit 9" INT; {READY}; while :; do sleep 0.1; done'""")
    child.expect("ready")
    child.send("\x03")
    child.expect("trapped")
    ends(child, 9)


def test_detach_keys(terminal):
    child = terminal(f"run -it x sh -c '{READY}; sleep 30'")
    child.expect("ready")
    child.send("\x10\x11")
    child.expect("goes on running")
    ends(child, 0)


def test_other_detach_keys(terminal):
    child = terminal(f"run -it --detach-keys=a,b x sh -c '{READY}; cat'")
    child.expect("ready")
    child.send("xaay\r")
    child.expect("xaay")
    child.send("ab")
    ends(child, 0)


@pytest.mark.parametrize("name", ["TERM", "HUP", "QUIT", "INT", "SEGV", "ABRT", "ILL", "BUS"])
def test_terminal_is_put_back_whatever_kills_tctl(name, terminal, executable, daemon):
    number = getattr(signal, "SIG" + name)
    child = terminal(f"run -it x sh -c '{READY}; sleep 30'")
    child.expect("ready")
    os.kill(client(executable, daemon), number)
    ends(child, 128 + number)


def test_terminal_is_put_back_when_the_daemon_dies(terminal, daemon):
    child = terminal(f"run -it x sh -c '{READY}; sleep 30'")
    child.expect("ready")
    daemon.close()
    child.expect("closed the connection")
    ends(child, 125)


def test_terminal_is_put_back_when_the_start_fails(terminal):
    child = terminal("run -it x nosuchprogram")
    child.expect("executable file not found")
    ends(child, 127)


def test_terminal_is_put_back_when_output_is_closed(executable, daemon):
    script = (
        f"({executable} -H {daemon.host} run -it x sh -c 'while :; do echo yyyyyyyyyyyyyyyy; done'; echo rc=$? >&2) | head -1; "
        "sleep 0.2; stty -a | grep -qE ' icanon.* echo ' && echo co''oked")
    child = pexpect.spawn("dash", ["-c", script], encoding="utf8", timeout=30)
    child.expect("rc=141")
    child.expect("cooked")


def test_signals_are_forwarded_without_a_terminal_inside(terminal):
    child = terminal(f"""run x sh -c 'trap "echo trapped; exit 9" INT; {READY}; while :; do sleep 0.1; done'""")
    child.expect("ready")
    child.send("\x03")
    child.expect("trapped")
    ends(child, 9)


def test_a_process_that_ignores_interrupts_is_left(terminal):
    child = terminal(f"""run x sh -c 'trap "" INT; {READY}; sleep 20'""")
    child.expect("ready")
    # One that comes before the last was read is no other to the kernel.
    for _ in range(60):
        child.send("\x03")
        if child.expect(["goes on running", pexpect.TIMEOUT], timeout=0.5) == 0:
            break
    else:
        pytest.fail("tctl does not leave")
    ends(child, 130)


def test_exec_in_a_terminal(terminal, tctl):
    container = tctl("run", "-d", "x", "sleep", "60").stdout.decode().strip()
    child = terminal(f"exec -it {container} sh -c 'stty size; exit 5'")
    child.expect("30 100")
    ends(child, 5)


def test_attach_redraws_and_detaches(terminal, tctl, daemon):
    container = tctl("run", "-dt", "-i", "x", "sh", "-c", f"{READY}; cat").stdout.decode().strip()
    child = terminal(f"attach {container}")
    # Until then the terminal itself answers to what is typed, and keeps Ctrl-Q for itself.
    until(lambda: not termios.tcgetattr(child.child_fd)[3] & termios.ICANON)
    child.send("typed\r")
    child.expect("typed")
    child.send("\x10\x11")
    ends(child, 0)
    assert daemon.objects[container].sizes[-2:] == [(31, 100), (30, 100)]


def test_interactive_needs_a_terminal(tctl):
    result = tctl("run", "-it", "x", "sh")
    assert result.returncode == 1
    assert b"not a terminal" in result.stderr


def test_progress_of_a_load_leaves_a_clean_screen(terminal, daemon, tmp_path):
    daemon.answer("POST", "/images/load", b'{"status":"Loading layer","progressDetail":{"current":1,"total":2},"id":"abc"}\r\n{"stream":"Loaded image: x:1\\n"}\r\n')
    (tmp_path / "image.tar").write_bytes(bytes(3_000_000))
    child = terminal(f"load -i {tmp_path}/image.tar")
    child.expect("Sending")
    child.expect("Loading layer")
    child.expect("Loaded image: x:1")
    ends(child, 0)
