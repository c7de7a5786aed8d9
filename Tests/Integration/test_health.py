"""Health checks: what they find, what one sees of it, and what becomes of their processes."""

import json
import time
from datetime import datetime

import pytest

from harness.wait import until

SECOND = 1_000_000_000


def health(daemon, name):
    return daemon.inspect(name)["State"].get("Health")


def becomes(daemon, name, status, seconds=60):
    until(lambda: health(daemon, name)["Status"] == status, seconds=seconds, message=lambda: f"{name}: {health(daemon, name)}")
    return health(daemon, name)


def seconds(stamp):
    """A time that the daemon gives, as time.time() does."""
    whole, _, part = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + part)


def checked(daemon, command, *flags, image="busybox", script="trap 'exit 0' TERM; sleep 1000000 & wait"):
    """A running container with a check every 50 ms."""
    words = ("--health-cmd", command, "--health-interval", "50ms")
    return daemon.start_container(*words, *flags, image, "sh", "-c", script)


def processes(daemon, name, word):
    return [line for line in daemon.tctl("top", name).ok().lines if word in line]


def actions(daemon, name):
    lines = daemon.api.get("/events", since=0, until=f"{time.time():.6f}", filters={"container": [name]}).expect(200).body
    return [json.loads(line)["Action"] for line in lines.splitlines()]


def test_from_starting_to_healthy(timber):
    name = checked(timber, "[ -e /ok ] && echo fine", "--health-start-period", "1h", "--health-start-interval", "50ms")
    until(lambda: len(health(timber, name)["Log"]) == 5)
    state = health(timber, name)
    # In the start period failures do not count.
    assert (state["Status"], state["FailingStreak"]) == ("starting", 0)
    assert {entry["ExitCode"] for entry in state["Log"]} == {1}
    [row] = timber.api.get("/containers/json").json
    assert row["Status"].endswith("(health: starting)")
    timber.tctl("exec", name, "touch", "/ok").ok()
    state = becomes(timber, name, "healthy")
    assert state["FailingStreak"] == 0
    last = state["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (0, "fine\n")
    assert last["Start"] < last["End"] and len(state["Log"]) == 5
    assert "(healthy)" in timber.docker("ps").ok().out


def test_unhealthy_after_retries_and_back(timber):
    begun = f"{time.time():.6f}"
    name = checked(timber, "test ! -e /bad", "--health-retries", "2")
    becomes(timber, name, "healthy")
    timber.tctl("exec", name, "touch", "/bad").ok()
    assert becomes(timber, name, "unhealthy")["FailingStreak"] >= 2
    timber.tctl("exec", name, "rm", "/bad").ok()
    assert becomes(timber, name, "healthy")["FailingStreak"] == 0

    def events(kind):
        words = ("events", "--since", begun, "--until", f"{time.time():.6f}", "--filter", f"container={name}", "--filter", f"event={kind}")
        return timber.docker(*words, "--format", "{{.Action}}").ok().lines

    # A new status is seen a moment before its event: that comes when the status is on record.
    until(lambda: len(events("health_status")) == 3)
    assert events("health_status") == ["health_status: healthy", "health_status: unhealthy", "health_status: healthy"]
    # Probes are nobody's execs: only those two of ours are there.
    assert len(events("exec_start")) == 2


def test_filters(timber):
    good, bad, none = checked(timber, "true"), checked(timber, "false", "--health-retries", "1"), timber.sleeper()
    becomes(timber, good, "healthy")
    becomes(timber, bad, "unhealthy")

    def listed(value):
        return [row["Id"] for row in timber.api.get("/containers/json", filters={"health": [value]}).expect(200).json]

    assert (listed("healthy"), listed("unhealthy"), listed("none"), listed("starting")) == ([good], [bad], [none], [])
    assert health(timber, none) is None


def test_too_long(timber):
    """A probe that takes too long has failed and is killed; so is everything with the container."""
    name = checked(timber, "exec sleep 4242", "--health-timeout", "100ms", "--health-retries", "1")
    last = becomes(timber, name, "unhealthy")["Log"][-1]
    assert last["ExitCode"] == -1 and "exceeded timeout (100ms)" in last["Output"]
    until(lambda: len(health(timber, name)["Log"]) == 5)
    # One that was killed may not be gone yet when the next one is there; five would be all of them.
    until(lambda: len(processes(timber, name, "sleep 4242")) <= 1, message="probes pile up")
    assert timber.inspect(name)["ExecIDs"] is None
    timber.tctl("stop", "-t", "0", name).ok()
    state = timber.inspect(name)["State"]
    assert (state["Status"], state["Health"]["Status"]) == ("exited", "unhealthy")


def test_too_long_with_children(timber):
    """Nothing that a probe has started stays behind it."""
    name = checked(timber, "sleep 4243 & sleep 4243", "--health-timeout", "100ms", "--health-retries", "1")
    until(lambda: len(health(timber, name)["Log"]) == 5, seconds=20)
    # Of the probe that runs at the moment: a shell and what it runs.
    until(lambda: len(processes(timber, name, "sleep 4243")) <= 3)


def test_output_is_bounded(timber):
    name = checked(timber, "head -c 20000 /dev/zero | tr '\\0' x; echo behind >&2; exit 7", "--health-retries", "1")
    last = becomes(timber, name, "unhealthy")["Log"][-1]
    assert last["ExitCode"] == 7
    assert last["Output"] == "x" * 4096 + "..."


def test_program_that_is_missing(timber):
    body = {"Image": "busybox", "Cmd": ["sleep", "1000000"],
            "Healthcheck": {"Test": ["CMD", "/nosuch", "x"], "Interval": SECOND // 20, "Retries": 1}}  # fmt: skip
    name = timber.api.post("/containers/create", body).expect(201).json["Id"]
    assert health(timber, name) is None
    timber.api.post(f"/containers/{name}/start").expect(204)
    last = becomes(timber, name, "unhealthy")["Log"][-1]
    assert last["ExitCode"] == -1 and "/nosuch" in last["Output"]


def test_what_the_image_says(timber, busybox, tmp_path):
    check = {"Test": ["CMD", "test", "-e", "/ready"], "Interval": SECOND // 20, "StartPeriod": 3600 * SECOND, "StartInterval": SECOND // 20, "Retries": 4}
    archive = tmp_path / "image.tar"
    archive.write_bytes(busybox.image("checked:1", Healthcheck=check, Cmd=["sleep", "1000000"]).docker_archive())
    timber.load(archive).ok()
    assert timber.inspect("checked:1", "image")["Config"]["Healthcheck"] == check
    name = timber.start_container("--health-retries", "9", "checked:1", "sh", "-c", "sleep 0.2; touch /ready; sleep 1000000")
    assert timber.inspect(name)["Config"]["Healthcheck"] == check | {"Retries": 9}
    becomes(timber, name, "healthy")
    without = timber.start_container("--no-healthcheck", "checked:1")
    assert health(timber, without) is None
    assert "health" not in timber.tctl("ps", "--format", "{{.Status}}", "--filter", f"id={without}").ok().out
    timber.tctl("rm", "-f", name, without).ok()
    timber.tctl("rmi", "checked:1").ok()


def test_paused_containers_are_not_probed(timber):
    name = checked(timber, "echo x >> /probes; true", "--health-retries", "1")
    becomes(timber, name, "healthy")
    timber.tctl("pause", name).ok()
    before = health(timber, name)["Log"][-1]["Start"]
    time.sleep(0.5)
    state = health(timber, name)
    # One that the pause fell into is forgotten, and none has begun since.
    assert state["Status"] == "healthy" and state["Log"][-1]["Start"] == before
    timber.tctl("unpause", name).ok()
    until(lambda: health(timber, name)["Log"][-1]["Start"] > before)
    assert health(timber, name)["Status"] == "healthy"


def test_frozen_for_a_commit(timber):
    """What a probe finds while a commit has the container frozen says nothing, also when its time was over meanwhile."""
    name = checked(timber, "sleep 0.3", "--health-timeout", "1s", "--health-retries", "1")
    becomes(timber, name, "healthy")
    timber.tctl("exec", name, "truncate", "-s", "200G", "/sparse").ok()
    with timber.api.open() as connection:
        connection.sendall(f"POST /v1.43/commit?container={name} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        until(lambda: timber.state(name) == "paused", interval=0.002)
        frozen = time.time()
        # Longer than a probe may take.
        time.sleep(1.5)
        thawed = time.time()
        assert timber.state(name) == "paused"
    results = until(lambda: seconds((log := health(timber, name)["Log"])[-1]["Start"]) > thawed and log)
    assert not [result for result in results if result["ExitCode"] == -1 and seconds(result["Start"]) < thawed and seconds(result["End"]) > frozen]


def test_goes_on_with_a_restart_of_the_container(timber):
    name = checked(timber, "test -e /ok")
    timber.tctl("exec", name, "touch", "/ok").ok()
    becomes(timber, name, "healthy")
    timber.tctl("restart", "-t", "0", name).ok()
    becomes(timber, name, "healthy")
    assert timber.inspect(name)["State"]["Running"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"Test": ["SHELL", "true"]}, {"Test": ["CMD"]}, {"Test": ["CMD-SHELL", ""]}, {"Test": ["CMD", "true"], "Interval": 999_999},
        {"Test": ["CMD", "true"], "Timeout": -1}, {"StartPeriod": 1}, {"StartInterval": 1}, {"Test": ["CMD", "true"], "Retries": -1}, {"Test": "true"},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_checks_that_mean_nothing(timber, wrong):
    timber.api.post("/containers/create", {"Image": "busybox", "Healthcheck": wrong}).expect(400)


@pytest.mark.parametrize(
    "flags",
    [("--health-interval", "x"), ("--health-timeout", "-1s"), ("--health-retries", "x"), ("--no-healthcheck", "--health-cmd", "true")],
    ids=" ".join,
)
def test_flags_that_mean_nothing(timber, flags):
    timber.tctl("create", *flags, "busybox").fails(125, flags[0])


def test_taken_up_again_by_the_next_daemon(fresh):
    """The status stays, a probe of the old daemon does not, and exec numbers are not used twice."""
    script = "[ -e /hang ] && { rm /hang; touch /hung; exec sleep 4242; }; test ! -e /bad"
    name = checked(fresh, script, "--health-retries", "1")
    becomes(fresh, name, "healthy")
    until(lambda: "health_status: healthy" in actions(fresh, name))
    mine = fresh.api.post(f"/containers/{name}/exec", {"Cmd": ["sleep", "2424"]}).expect(201).json["Id"]
    fresh.api.post(f"/exec/{mine}/start", {"Detach": True}).expect(200)
    fresh.tctl("exec", name, "touch", "/hang").ok()
    until(lambda: fresh.tctl("exec", name, "test", "-e", "/hung").status == 0)
    fresh.kill()
    fresh.start()
    assert health(fresh, name)["Status"] == "healthy"
    until(lambda: not processes(fresh, name, "sleep 4242"), message="the old daemon's probe stays")
    assert processes(fresh, name, "sleep 2424"), "a client's exec was ended"
    fresh.tctl("exec", name, "touch", "/bad").ok()
    becomes(fresh, name, "unhealthy")
    # The event comes when the status is on record.
    until(lambda: "health_status: unhealthy" in actions(fresh, name))
    fresh.kill()
    fresh.start()
    assert health(fresh, name)["Status"] == "unhealthy"
    fresh.tctl("exec", name, "rm", "/bad").ok()
    becomes(fresh, name, "healthy")


@pytest.mark.parametrize("delay", [0.01, 0.08, 0.15])
def test_killed_while_probing(fresh, delay):
    name = checked(fresh, "sleep 0.02")
    for _ in range(2):
        time.sleep(delay)
        fresh.kill()
        fresh.start()
    becomes(fresh, name, "healthy")
    fresh.tctl("exec", name, "true").ok()
    fresh.tctl("rm", "-f", name).ok()
