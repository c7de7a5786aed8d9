"""create, start, stop, kill, restart, pause, unpause, wait, rename, rm, top, prune: states and what each verb answers."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.wait import until

IGNORES_TERM = ("busybox", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")


def test_create_then_start(timber):
    name = timber.tctl("create", "--name", "oak", "busybox", "sh", "-c", "echo ran; sleep 1000000").ok().out
    assert timber.state("oak") == "created"
    assert timber.tctl("start", "oak").ok().out == "oak"
    assert timber.state("oak") == "running"
    timber.wait_for_log("oak", "ran")
    assert timber.tctl("start", "oak").ok().out == "oak"
    timber.tctl("rm", "-f", name).ok()


def test_start_attached(timber):
    timber.tctl("create", "--name", "echo", "busybox", "sh", "-c", "echo out; echo err >&2; exit 5").ok()
    result = timber.tctl("start", "-a", "echo")
    assert (result.status, result.out, result.err) == (5, "out", "err")
    again = timber.tctl("start", "-a", "echo")
    assert (again.status, again.out) == (5, "out")


def test_files_survive_a_restart_of_the_container(timber):
    timber.tctl("create", "--name", "keep", "busybox", "sh", "-c", "echo x >> /file; wc -l < /file").ok()
    assert timber.tctl("start", "-a", "keep").ok().out == "1"
    assert timber.tctl("start", "-a", "keep").ok().out == "2"


def test_stop_asks_first(timber):
    name = timber.start_container("busybox", "sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.1; done")
    timber.wait_for_log(name, "ready")
    assert timber.tctl("stop", name).ok().out == name
    assert timber.inspect(name)["State"]["ExitCode"] == 7
    assert timber.tctl("logs", name).ok().lines == ["ready", "bye"]


def test_stop_then_kills(timber):
    name = timber.start_container(*IGNORES_TERM)
    timber.wait_for_log(name, "ready")
    begun = time.monotonic()
    timber.tctl("stop", "-t", "1", name).ok()
    # After one second; without -t it would be ten.
    assert 0.9 < time.monotonic() - begun < 9.5
    assert timber.inspect(name)["State"]["ExitCode"] == 137


def test_stop_timeout_of_the_container(timber):
    name = timber.start_container("--stop-timeout", "0", *IGNORES_TERM)
    timber.wait_for_log(name, "ready")
    begun = time.monotonic()
    timber.tctl("stop", name).ok()
    # At once; otherwise it would be ten seconds.
    assert time.monotonic() - begun < 9.5


def test_stop_signal_of_the_container(timber):
    name = timber.start_container("--stop-signal", "USR1", "busybox", "sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.1; done")
    timber.wait_for_log(name, "ready")
    timber.tctl("stop", name).ok()
    assert timber.inspect(name)["State"]["ExitCode"] == 9


def test_stop_twice_is_fine(timber):
    name = timber.sleeper()
    timber.tctl("stop", name).ok()
    assert timber.tctl("stop", name).ok().out == name


@pytest.mark.parametrize(("signal", "status"), [("KILL", 137), ("SIGKILL", 137), ("9", 137), ("USR1", 11)])
def test_kill(timber, signal, status):
    name = timber.start_container("busybox", "sh", "-c", "trap 'exit 11' USR1; echo ready; while :; do sleep 0.1; done")
    timber.wait_for_log(name, "ready")
    timber.tctl("kill", "-s", signal, name).ok()
    assert timber.tctl("wait", name).ok().out == str(status)


def test_kill_of_a_stopped_container(timber):
    timber.tctl("create", "--name", "off", "busybox").ok()
    timber.tctl("kill", "off").fails(1, "not running")


def test_kill_unknown_signal(timber):
    name = timber.sleeper()
    timber.tctl("kill", "-s", "NOSUCH", name).fails(1, "NOSUCH")


def test_restart(timber):
    name = timber.sleeper()
    first = timber.inspect(name)["State"]
    timber.tctl("restart", "-t", "1", name).ok()
    second = timber.inspect(name)["State"]
    assert second["Status"] == "running"
    assert second["Pid"] != first["Pid"] and second["StartedAt"] > first["StartedAt"]


def test_pause(timber):
    name = timber.start_container("busybox", "sh", "-c", "while :; do echo tick; sleep 0.05; done")
    timber.wait_for_log(name, "tick")
    timber.tctl("pause", name).ok()
    assert timber.state(name) == "paused"

    def ticks(seconds):
        """How many ticks are logged in so many seconds."""
        before = len(timber.tctl("logs", name).lines)
        time.sleep(seconds)
        return len(timber.tctl("logs", name).lines) - before

    # What it said before the pause may still be on its way to the log.
    until(lambda: ticks(0.3) == 0)
    assert ticks(0.5) == 0
    before = len(timber.tctl("logs", name).lines)
    timber.tctl("pause", name).fails(1, "paused")
    timber.tctl("exec", name, "true").fails(1, "paused")
    timber.tctl("unpause", name).ok()
    until(lambda: len(timber.tctl("logs", name).lines) > before, message="it does not go on")
    timber.tctl("unpause", name).fails(1, "not paused")


def test_stop_of_a_paused_container(timber):
    name = timber.sleeper()
    timber.tctl("pause", name).ok()
    timber.tctl("stop", "-t", "1", name).ok()
    assert timber.state(name) == "exited"


def test_kill_of_a_paused_container(timber):
    name = timber.sleeper()
    timber.tctl("pause", name).ok()
    timber.tctl("kill", name).ok()
    until(lambda: timber.state(name) == "exited")


def test_wait_for_several(timber):
    first = timber.start_container("busybox", "sh", "-c", "exit 3")
    second = timber.start_container("busybox", "sh", "-c", "sleep 0.3; exit 4")
    assert timber.tctl("wait", first, second).ok().lines == ["3", "4"]


def test_wait_is_woken(timber):
    name = timber.sleeper()
    waiting = timber.popen("wait", name)
    time.sleep(0.3)
    assert waiting.poll() is None
    timber.tctl("kill", name).ok()
    assert waiting.communicate(timeout=30)[0] == b"137\n"


def test_rename(timber):
    name = timber.tctl("create", "--name", "old", "busybox").ok().out
    timber.tctl("rename", "old", "new").ok()
    assert timber.inspect("new")["Id"] == name
    timber.tctl("inspect", "old").fails(1, "old")
    timber.tctl("create", "--name", "old", "busybox").ok()
    timber.tctl("rename", "new", "old").fails(1, "old")


def test_names_by_prefix_of_the_id(timber):
    name = timber.tctl("create", "busybox").ok().out
    assert timber.inspect(name[:6])["Id"] == name
    assert timber.tctl("rm", name[:12]).ok().out == name[:12]


def test_rm_needs_force_when_running(timber):
    name = timber.sleeper()
    timber.tctl("rm", name).fails(1, "running")
    assert timber.tctl("rm", "-f", name).ok().out == name
    assert timber.containers() == []


def test_rm_goes_on_after_one_that_fails(timber):
    timber.tctl("create", "--name", "first", "busybox").ok()
    timber.tctl("create", "--name", "second", "busybox").ok()
    result = timber.tctl("rm", "first", "nosuch", "second").fails(1, "nosuch")
    assert result.lines == ["first", "second"]


def test_top(timber):
    name = timber.start_container("busybox", "sh", "-c", "sleep 1234567 & wait")
    # The shell's own arguments have these words, too: only its child's begin with them.
    until(lambda: [row for row in timber.tctl("top", name).lines if row.split()[-2:] == ["sleep", "1234567"]])
    header, *rows = timber.tctl("top", name).ok().lines
    assert header.split()[:2] == ["UID", "PID"] and "CMD" in header
    assert len(rows) == 2
    header, *rows = timber.docker("top", name, "aux").ok().lines
    assert header.split()[:4] == ["USER", "PID", "%CPU", "%MEM"] and len(rows) == 2
    header, first, _ = timber.docker("top", name, "-eo", "pid,ppid,user,comm").ok().lines
    assert header.split() == ["PID", "PPID", "USER", "COMMAND"]
    assert first.split() == [str(timber.pid_of(name)), first.split()[1], "0", "sh"]
    timber.docker("top", name, "-o", "ppid").fails(1, "pid")
    timber.tctl("top", name, "--forest").fails(1, "--forest")
    timber.tctl("kill", name).ok()
    timber.tctl("wait", name).ok()
    timber.tctl("top", name).fails(1, "not running")


def test_container_prune(timber):
    stopped = timber.tctl("create", "busybox").ok().out
    running = timber.sleeper()
    result = timber.tctl("container", "prune", "-f").ok()
    assert stopped in result.out and running not in result.out
    assert timber.containers() == [running]


def test_ps(timber):
    timber.start_container("--name", "on", "--label", "kind=tree", "busybox", "sleep", "1000000")
    assert timber.tctl("run", "--name", "off", "busybox", "sh", "-c", "exit 3").status == 3
    header, row = timber.tctl("ps").ok().lines
    assert header.split() == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert row.split()[1] == "busybox" and '"sleep 1000000"' in row and "Up " in row and row.endswith("on")
    all_rows = timber.tctl("ps", "-a").ok().lines[1:]
    assert len(all_rows) == 2
    assert any("Exited (3)" in row for row in all_rows)
    assert timber.tctl("ps", "-aq", "--filter", "status=exited").ok().out == timber.inspect("off")["Id"][:12]
    assert timber.tctl("ps", "-q", "--no-trunc").ok().out == timber.inspect("on")["Id"]
    assert timber.tctl("ps", "-a", "--format", "{{.Names}}").ok().lines == ["off", "on"]
    assert timber.tctl("ps", "-a", "--filter", "label=kind=tree", "--format", "{{.Names}}: {{.Image}}").ok().out == "on: busybox"
    assert timber.tctl("ps", "-a", "--filter", "name=of", "--format", "{{.Status}}").ok().out.startswith("Exited (3)")
    assert timber.tctl("ps", "-l", "--format", "{{.Names}}").ok().out == "off"
    assert timber.tctl("ps", "-n", "1", "--format", "{{json .Names}}").ok().out == '"off"'


def test_oom_is_told(timber):
    name = timber.start_container("-m", "16m", "busybox", "sh", "-c", "exec head -c 100000000 /dev/zero | tail")
    timber.tctl("wait", name, timeout=60).ok()
    state = timber.inspect(name)["State"]
    assert state["OOMKilled"] is True, state


def test_removal_by_force_meets_the_end(timber):
    """Whatever the container does at that moment (starting, ending, being removed by another client), it is gone afterwards."""

    def remove(name):
        return timber.api.delete(f"/containers/{name}", force=1).status

    with ThreadPoolExecutor(4) as clients:
        for delay in range(25):
            name = timber.tctl("create", "busybox", "true").ok().out
            start = clients.submit(timber.api.request, "POST", f"/containers/{name}/start")
            time.sleep(delay / 1000)
            removals = [clients.submit(remove, name) for _ in range(2)]
            assert sorted(removal.result(30) for removal in removals) in ([204, 204], [204, 404])
            assert start.result(30).status in (204, 404, 409)
