"""Restart policies: who starts again, when, how often, and who does not: after an end, a stop, a restart of timberd, a reboot."""

import json
import os
import signal
import sqlite3
import threading
import time

import pytest

from harness import host
from harness.tarbuilder import TarBuilder
from harness.wait import until

COUNTS = "echo run >> /runs; "


def policy(name, retries=0):
    return {"Name": name, "MaximumRetryCount": retries}


def restarts(daemon, name):
    return daemon.inspect(name)["RestartCount"]


def state(daemon, name):
    return daemon.inspect(name)["State"]


def rests(daemon, name, status="exited"):
    until(lambda: daemon.state(name) == status, message=lambda: f"{name} is {daemon.inspect(name)['State']}")
    return daemon.inspect(name)


def counts(daemon):
    """How much there is of everything on the host; a container that was restarted has other processes and interfaces, but no more."""
    return {what: len(items) for what, items in daemon.traces().items() if what != "children"}


def let_live(daemon, name):
    """The next run of a container of `failing` does not fail."""
    archive = TarBuilder().file("go", "").bytes()
    daemon.api.request("PUT", f"/containers/{name}/archive", archive, {"Content-Type": "application/x-tar"}, path="/").expect(200)


def failing(daemon, *flags, code=3, count=5):
    """A container that waits for its next start, and will for a while: its back-off has grown."""
    name = daemon.start_container(*flags, "busybox", "sh", "-c", f"[ -e /go ] && exec sleep 1000000; exit {code}")
    until(lambda: restarts(daemon, name) >= count and daemon.state(name) == "restarting")
    return name


# --- After an end -----------------------------------------------------------------------------------------------------


def test_always(timber):
    name = timber.start_container("--restart", "always", "busybox", "sh", "-c", COUNTS + "[ $(wc -l < /runs) -gt 3 ] && sleep 1000000; exit 0")
    until(lambda: restarts(timber, name) == 3 and timber.state(name) == "running")
    info = timber.inspect(name)
    assert info["HostConfig"]["RestartPolicy"] == policy("always")
    assert (info["State"]["Restarting"], info["State"]["ExitCode"]) == (False, 0)
    # By hand it begins to count anew.
    timber.tctl("restart", "-t", "0", name).ok()
    assert restarts(timber, name) == 0
    assert timber.state(name) == "running"


def test_on_failure_gives_up(timber):
    name = timber.start_container("--restart", "on-failure:2", "busybox", "sh", "-c", COUNTS + "exit 4")
    info = rests(timber, name)
    assert (info["RestartCount"], info["State"]["ExitCode"]) == (2, 4)
    assert info["HostConfig"]["RestartPolicy"] == policy("on-failure", 2)


def test_on_failure_is_content_with_success(timber):
    name = timber.start_container("--restart", "on-failure", "busybox", "sh", "-c", COUNTS + "[ $(wc -l < /runs) -gt 2 ]")
    info = rests(timber, name)
    assert (info["RestartCount"], info["State"]["ExitCode"]) == (2, 0)


def test_no_means_no(timber):
    name = timber.start_container("--restart", "no", "busybox", "false")
    assert rests(timber, name)["RestartCount"] == 0
    assert timber.inspect(name)["HostConfig"]["RestartPolicy"] == policy("no")


def test_killed_from_inside_or_by_the_host(timber):
    """Only a stop by hand is a stop: a crash is none, whatever signal it was."""
    name = timber.sleeper("--restart", "unless-stopped")
    os.kill(timber.pid_of(name), signal.SIGKILL)
    until(lambda: restarts(timber, name) == 1 and timber.state(name) == "running")


def test_what_one_sees(timber):
    name = failing(timber, "--restart", "always", "--name", "looper", count=6)
    info = timber.inspect(name)["State"]
    assert info["Status"] == "restarting" and info["Restarting"] and info["Running"] and not info["Pid"]
    assert info["ExitCode"] == 3
    [row] = timber.api.get("/containers/json").expect(200).json
    assert row["State"] == "restarting" and row["Status"].startswith("Restarting (3) ")
    assert "Restarting (3)" in timber.docker("ps").ok().out
    listed = timber.api.get("/containers/json", filters={"status": ["restarting"]}).expect(200).json
    assert [row["Id"] for row in listed] == [name]
    assert timber.api.get("/info").json["ContainersRunning"] == 1


def test_events_of_a_restart(timber):
    begun = f"{time.time():.6f}"
    name = timber.start_container("--restart", "on-failure:1", "busybox", "false")
    rests(timber, name)

    def events():
        until = f"{time.time():.6f}"
        return timber.tctl("events", "--since", begun, "--until", until, "-f", f"container={name}", "--format", "{{.Action}}").ok().lines

    # An end is seen a moment before its event: that comes when the end is on record.
    until(lambda: events().count("die") == 2)
    assert events() == ["create", "start", "die", "start", "die"]


def test_a_restart_that_cannot_start_is_tried_again(timber, tmp_path):
    """A bind whose source is no directory for a while: the policy tries until it works."""
    source = tmp_path / "data"
    source.mkdir()
    name = timber.start_container("--restart", "always", "-v", f"{source}:/data/below", "busybox", "sleep", "1000000")
    source.rmdir()
    source.symlink_to("/nonexistent/nowhere")
    os.kill(timber.pid_of(name), signal.SIGKILL)
    # It is not in the middle of another try.
    until(lambda: restarts(timber, name) >= 3 and timber.state(name) == "restarting" and state(timber, name)["Error"])
    source.unlink()
    source.mkdir()
    until(lambda: timber.state(name) == "running", seconds=60)


def test_a_first_start_that_fails_is_not_tried_again(timber):
    timber.tctl("run", "-d", "--name", "missing", "--restart", "always", "busybox", "nosuch").fails(127, "nosuch")
    info = timber.inspect("missing")
    assert (info["State"]["Status"], info["RestartCount"]) == ("created", 0)


# --- Verbs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("stop",), ("kill",), ("kill", "-s", "TERM")], ids=" ".join)
def test_stopping_what_restarts(timber, words):
    name = failing(timber, "--restart", "always")
    before = restarts(timber, name)
    timber.tctl(*words, name).ok()
    info = timber.inspect(name)
    assert (info["State"]["Status"], info["State"]["ExitCode"]) == ("exited", 3)
    assert before <= info["RestartCount"] <= before + 1
    let_live(timber, name)
    timber.tctl("start", name).ok()
    assert (restarts(timber, name), timber.state(name)) == (0, "running")


def test_stopping_what_runs(timber):
    name = timber.sleeper("--restart", "always")
    timber.tctl("stop", name).ok()
    assert timber.state(name) == "exited"
    name = timber.sleeper("--restart", "unless-stopped")
    timber.tctl("kill", name).ok()
    assert timber.state(name) == "exited"


def test_a_signal_that_is_no_stop(timber):
    """A server that reloads at SIGHUP is not taken for one that was stopped."""
    name = timber.start_container("--restart", "always", "busybox", "sh", "-c", "trap 'exit 0' HUP; echo ready; while :; do sleep 0.05; done")
    timber.wait_for_log(name, "ready")
    timber.tctl("kill", "-s", "HUP", name).ok()
    until(lambda: restarts(timber, name) == 1 and timber.state(name) == "running")


def test_other_verbs_while_restarting(timber):
    name = failing(timber, "--restart", "always", count=7)
    timber.tctl("pause", name).fails(1, "restarting")
    timber.tctl("exec", name, "true").fails(1, "restarting")
    timber.tctl("attach", name).fails(125, "restarting")
    timber.tctl("kill", "-s", "HUP", name).fails(1, "restarting")
    timber.tctl("rm", name).fails(1, "restarting")
    timber.api.post(f"/containers/{name}/start").expect(304)
    timber.tctl("rename", name, "looper").ok()
    assert timber.inspect("looper")["State"]["Status"] == "restarting"
    assert timber.tctl("container", "prune", "-f").ok().out.count(name) == 0
    timber.tctl("rm", "-f", "looper").ok()


@pytest.mark.parametrize("flags", [(), ("--restart", "always")], ids=["no-policy", "always"])
def test_forced_removal_during_a_restart(timber, flags):
    """At whatever moment it comes: the container is gone, and is not started any more."""
    for number in range(8):
        name = timber.sleeper(*flags)
        restarting = threading.Thread(target=timber.api.post, args=(f"/containers/{name}/restart",), kwargs={"t": 0})
        restarting.start()
        time.sleep(number * 0.003)
        timber.api.delete(f"/containers/{name}", force=1).expect(204)
        restarting.join(30)
        assert timber.containers() == []


def test_wait_ends_with_the_next_end(timber):
    name = timber.start_container("--restart", "always", "busybox", "sh", "-c", "read line < /dev/zero & sleep 0.3; exit 6")
    assert timber.tctl("wait", name).ok().out == "6"
    assert timber.docker("wait", name).ok().out == "6"


def test_restart_by_hand_ends_the_waiting(timber):
    name = failing(timber, "--restart", "always")
    let_live(timber, name)
    timber.api.post(f"/containers/{name}/restart").expect(204)
    assert (restarts(timber, name), timber.state(name)) == (0, "running")


def test_foreground_run_ends_with_the_first_run(timber):
    result = timber.docker("run", "--name", "first", "--restart", "on-failure:1", "busybox", "sh", "-c", "echo once; exit 5")
    assert (result.status, result.out) == (5, "once")
    assert rests(timber, "first")["RestartCount"] == 1


def test_rm_and_a_policy_exclude_each_other(timber):
    timber.tctl("run", "--rm", "--restart", "always", "busybox").fails(125, "--rm", "--restart")
    body = {"Image": "busybox", "HostConfig": {"AutoRemove": True, "RestartPolicy": policy("always")}}
    assert "AutoRemove" in timber.api.post("/containers/create", body).expect(400).message
    name = timber.start_container("--rm", "busybox", "sleep", "1000000")
    timber.tctl("update", "--restart", "always", name).fails(1, "--rm")


@pytest.mark.parametrize(
    "wrong", [policy("sometimes"), policy("always", 3), policy("on-failure", -1), {"Name": "on-failure", "MaximumRetryCount": "3"}], ids=json.dumps
)
def test_policies_that_mean_nothing(timber, wrong):
    timber.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"RestartPolicy": wrong}}).expect(400)


@pytest.mark.parametrize("flag", ["sometimes", "always:3", "on-failure:x", "on-failure:-1", ""])
def test_flags_that_mean_nothing(timber, flag):
    timber.tctl("run", "--restart", flag, "busybox").fails(125, "--restart")


def test_update_of_the_policy(timber):
    name = timber.start_container("busybox", "sh", "-c", "sleep 1000000; exit 3")
    timber.docker("update", "--restart", "on-failure:7", name).ok()
    assert timber.inspect(name)["HostConfig"]["RestartPolicy"] == policy("on-failure", 7)
    os.kill(timber.pid_of(name), signal.SIGKILL)
    until(lambda: restarts(timber, name) == 1 and timber.state(name) == "running")
    timber.tctl("update", "--restart", "no", name).ok()
    os.kill(timber.pid_of(name), signal.SIGKILL)
    rests(timber, name)


def test_update_ends_the_waiting(timber):
    name = failing(timber, "--restart", "always")
    timber.tctl("update", "--restart", "no", name).ok()
    assert rests(timber, name)["State"]["ExitCode"] == 3


# --- With the daemon --------------------------------------------------------------------------------------------------


def test_started_with_the_daemon(fresh):
    """Which containers a new timberd starts, after the old one was killed and everything with it, as after a power cut."""
    names = {}
    for words in ["always", "unless-stopped", "on-failure", "no"]:
        names[words] = fresh.sleeper("--restart", words)
        names[f"stopped {words}"] = fresh.sleeper("--restart", words)
        fresh.tctl("stop", "-t", "0", names[f"stopped {words}"]).ok()
    names["created"] = fresh.tctl("create", "--restart", "always", "busybox", "sleep", "1000000").ok().out
    shims = list(host.shims(fresh.run_directory))
    fresh.kill()
    for shim in shims:
        os.kill(shim, signal.SIGKILL)
    fresh.start()
    # A container that was lost has failed; and always means always, also for what was stopped by hand, as in Docker.
    running = {"always", "stopped always", "unless-stopped", "on-failure"}
    for words in running:
        until(lambda: fresh.state(names[words]) == "running", message=lambda: f"{words}: {fresh.inspect(names[words])['State']}")
    assert {words for words, name in names.items() if fresh.state(name) == "running"} == running
    assert fresh.state(names["created"]) == "created"


def test_the_host_was_rebooted(fresh):
    names = [fresh.sleeper("--restart", "unless-stopped"), fresh.sleeper()]
    fresh.kill()
    for shim in host.shims(fresh.run_directory):
        os.kill(shim, signal.SIGKILL)
    with sqlite3.connect(fresh.data / "state.db") as database:
        for name in names:
            (row,) = database.execute("SELECT state FROM container WHERE id = ?", [name]).fetchone()
            row = json.loads(row)
            row["lifecycle"]["phase"]["running"]["_0"]["bootID"] = "another boot"
            database.execute("UPDATE container SET state = ? WHERE id = ?", [json.dumps(row).encode(), name])
    fresh.start()
    until(lambda: fresh.state(names[0]) == "running")
    assert state(fresh, names[1])["Status"] == "exited" and state(fresh, names[1])["ExitCode"] == 255


def test_waiting_goes_on_with_the_next_daemon(fresh):
    name = failing(fresh, "--restart", "on-failure:5", code=8, count=4)
    before = restarts(fresh, name)
    fresh.kill()
    fresh.start()
    assert rests(fresh, name)["State"]["ExitCode"] == 8
    assert before <= restarts(fresh, name) == 5


def test_a_stop_is_remembered(fresh):
    name = fresh.sleeper("--restart", "unless-stopped")
    fresh.tctl("stop", "-t", "0", name).ok()
    for _ in range(2):
        fresh.kill()
        fresh.start()
        assert fresh.state(name) == "exited"
    fresh.tctl("start", name).ok()
    os.kill(fresh.pid_of(name), signal.SIGKILL)
    until(lambda: restarts(fresh, name) == 1 and fresh.state(name) == "running")


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.01, 0.02, 0.05, 0.1])
def test_killed_around_a_restart(fresh, delay):
    """timberd dies at some moment of an end and the start behind it: the container runs again, and there is one of everything."""
    name = fresh.sleeper("--restart", "always", "-p", f"{fresh.slot.port(0)}:80")
    # Nothing waits for it, so it may come after the process.
    until(lambda: (fresh.run_directory / "containers" / name / "config.json").exists())
    before = counts(fresh)
    os.kill(fresh.pid_of(name), signal.SIGKILL)
    time.sleep(delay)
    fresh.kill()
    fresh.start()
    until(lambda: fresh.state(name) == "running")
    until(lambda: counts(fresh) == before, message=lambda: f"{before} became {fresh.traces()}")
    fresh.tctl("exec", name, "true").ok()


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01, 0.03])
def test_killed_around_a_stop(fresh, delay):
    """Once the stop is on its way to the process, no later daemon starts the container again."""
    name = fresh.start_container("--restart", "unless-stopped", "busybox", "sh", "-c", "trap 'sleep 0.1; exit 0' TERM; echo ready; sleep 1000000 & wait")
    fresh.wait_for_log(name, "ready")
    pid = fresh.pid_of(name)
    client = fresh.popen("stop", name)
    time.sleep(delay)
    fresh.kill()
    client.wait(30)
    fresh.start()
    if fresh.state(name) == "running":
        # The daemon died before it had done anything, or the container is still ending.
        if not until(lambda: fresh.state(name) == "exited" or restarts(fresh, name) == 0 and fresh.pid_of(name) == pid):
            pytest.fail("it was started again")
    fresh.tctl("stop", name).ok()
    assert restarts(fresh, name) == 0
