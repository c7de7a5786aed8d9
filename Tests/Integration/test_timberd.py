"""timberd itself: its configuration, its socket, its flags, its log."""

import grp
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness import host
from harness.api import Api
from harness.daemon import BIN
from harness.process import run
from harness.wait import until


def timberd(*words, **options):
    return run([BIN / "timberd", *words], **options)


@pytest.fixture
def configuration(tmp_path):
    """Writes a configuration file and returns its path."""

    def write(text):
        file = tmp_path / "timberd.json"
        file.write_text(text if isinstance(text, str) else json.dumps(text))
        return file

    return write


def test_help_and_version():
    out = timberd("--help").ok().out
    for flag in ("--data-dir", "--run-dir", "--socket", "--bridge", "--bridge-subnet", "--config", "--validate"):
        assert flag in out, flag
    assert timberd("--version").ok().out


def test_unknown_flag():
    timberd("--nosuch").fails((1, 64), "--nosuch")


def test_validate(configuration):
    timberd("--validate", "--config", configuration({"data-dir": "/var/lib/oak", "log-level": "debug"})).ok()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"data-dri": "/x"}, ["data-dri", "data-dir"]),
        ({"data-dir": 5}, ["data-dir"]),
        ({"data-dir": "relative"}, ["relative", "absolute"]),
        ({"data-dir": ""}, ["data-dir"]),
        ({"log-level": "loud"}, ["loud"]),
        ({"bridge": "a name that is too long"}, ["bridge"]),
        ({"bridge-subnet": "10.0.0.0"}, ["10.0.0.0"]),
        ({"bridge-subnet": "10.0.0.0/99"}, ["10.0.0.0/99"]),
        ('{\n// "data-dir": 1\n"bridge": "b0", /*\n*/ "data-dri": "/x" }', ["timberd.json:4: unknown key", "data-dri", "data-dir"]),
        ('{\n\n"data-dir": [] }', ["timberd.json:3:", "data-dir", "string"]),
        ('{ "bridge": "b0",\n"bridge": "b1" }', ["timberd.json:2:", "bridge", "twice"]),
        ("not json", ["timberd.json"]),
        ("[]", ["timberd.json"]),
        ("", ["timberd.json"]),
        ("[" * 100_000, ["timberd.json"]),
    ],
    ids=range(15),
)
def test_wrong_configuration(configuration, text, words):
    timberd("--validate", "--config", configuration(text)).fails(1, *words)


def test_the_installed_configuration(configuration):
    """What the package brings says nothing but defaults, and with every comment taken away it is still right."""
    installed = (Path(__file__).parents[2] / "systemd/timberd.json").read_text()
    timberd("--validate", "--config", configuration(installed)).ok()
    said = re.sub(r'// ("[a-z-]+": )', r"\1", installed)
    assert said != installed
    timberd("--validate", "--config", configuration(said)).ok()


def test_missing_configuration(tmp_path):
    timberd("--validate", "--config", tmp_path / "none").fails(1, str(tmp_path / "none"))


def test_validate_starts_nothing(configuration, tmp_path):
    timberd("--validate", "--config", configuration({"data-dir": str(tmp_path / "data"), "run-dir": str(tmp_path / "run")})).ok()
    assert not (tmp_path / "data").exists() and not (tmp_path / "run").exists()


def test_flags_win_over_the_file(fresh, configuration):
    fresh.stop()
    file = configuration({"log-level": "debug", "data-dir": "/nonexistent/data", "bridge": "nonexistent"})
    fresh.start("--config", file)
    assert not os.path.exists("/nonexistent")
    fresh.run("busybox", "true").ok()


def test_socket_is_for_its_group(fresh):
    fresh.restart("--group", "games")
    status = os.stat(fresh.socket)
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o660
    assert (status.st_uid, status.st_gid) == (0, grp.getgrnam("games").gr_gid)


def test_log_is_structured(fresh):
    fresh.run("--name", "logged", "busybox", "true").ok()
    identifiers = [line for line in fresh.log_tail().splitlines() if line]
    assert identifiers, "nothing was logged"
    assert "Fatal" not in fresh.log_tail()


# systemd gives the socket as descriptor 3 and says so to the process that it starts.
AS_SYSTEMD_STARTS_IT = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_socket_from_systemd(fresh):
    """LISTEN_FDS: the socket exists before timberd does, and stays when it goes."""
    fresh.stop()
    fresh.socket.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(fresh.socket))
        listening.listen(100)
        words = [sys.executable, "-c", AS_SYSTEMD_STARTS_IT, listening.fileno(), BIN / "timberd", *fresh.flags]
        with open(fresh.log, "ab") as log:
            fresh.process = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[listening.fileno()]
            )
        until(fresh.answers, seconds=60, message=fresh.log_tail)
        fresh.run("busybox", "true").ok()
        assert fresh.stop() == 0
        assert fresh.socket.exists()
        # Who connects meanwhile waits for the next timberd; this one makes a socket of its own.
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(fresh.socket))
    fresh.start()
    assert fresh.stop() == 0
    assert not fresh.socket.exists()


def test_socket_of_somebody_else_stays(fresh):
    """What has taken the socket's place meanwhile is not timberd's to remove."""
    fresh.socket.unlink()
    fresh.socket.write_text("mine")
    assert fresh.stop() == 0
    assert fresh.socket.read_text() == "mine"
    fresh.socket.unlink()


@pytest.fixture
def notified(tmp_path):
    """A service manager: a function that returns the next message with `word`, and the environment by which timberd finds it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)

        def message(word):
            while True:
                text = manager.recv(4096)
                if word in text:
                    return text

        yield message, dict(os.environ) | {"NOTIFY_SOCKET": str(tmp_path / "notify")}


def test_notifies_systemd(fresh, notified):
    """Type=notify: READY=1 when it serves, STOPPING=1 when it ends."""
    message, environment = notified
    fresh.stop()
    fresh.start(env=environment)
    message(b"READY=1")
    fresh.stop()
    message(b"STOPPING=1")


def test_watchdog(fresh, notified, configuration):
    """It says that it is alive as long as it is, what it does, and what a reload is waiting for."""
    message, environment = notified
    fresh.stop()
    file = configuration({})
    fresh.start("--config", file, env=environment | {"WATCHDOG_USEC": "600000"})
    message(b"WATCHDOG=1")
    fresh.sleeper()
    assert b"1 of 1 containers run" in message(b"1 of 1")
    message(b"WATCHDOG=1")
    configuration({"group": "games"})
    fresh.process.send_signal(signal.SIGHUP)
    message(b"restart: group")
    # One that is meant for another process is not answered.
    fresh.stop()
    fresh.start(env=environment | {"WATCHDOG_USEC": "600000", "WATCHDOG_PID": "1"})
    message(b"READY=1")
    fresh.stop()
    assert b"WATCHDOG" not in message(b"")


def test_interrupt_stops_it_too(fresh):
    assert fresh.stop(signal.SIGINT) == 0


def test_reads_no_more_than_it_must(fresh):
    """An idle daemon is small."""
    assert host.resident_kib(fresh.pid) < 60 * 1024


def test_subnet_that_is_in_use(fresh):
    """A subnet that the host routes elsewhere is refused with a word, instead of taking its packets."""
    fresh.stop()
    flags = [str(word) for word in fresh.flags]
    flags[flags.index("--bridge-subnet") + 1] = "127.0.0.0/8"
    run([BIN / "timberd", *flags]).fails(1, "127.0.0.0/8")
    fresh.start()


def test_two_daemons_side_by_side(fresh, timber):
    port = timber.slot.port(40)
    timber.start_container("--name", "same", "-p", f"{port}:80", "busybox", "sleep", "1000000")
    fresh.start_container("--name", "same", "busybox", "sleep", "1000000")
    assert fresh.inspect("same")["Id"] != timber.inspect("same")["Id"]
    fresh.tctl("rm", "-f", "same").ok()
    assert timber.state("same") == "running"
    fresh.run("-p", f"{port}:80", "busybox", "true").fails(125, str(port))


def test_versions_agree(timber):
    assert Api(timber.socket).get("/version").json["Version"] in timberd("--version").out


def test_reload(fresh, configuration):
    """SIGHUP: what can change does, the rest is named, and a mistake changes nothing."""
    file = configuration({"log-level": "info"})
    fresh.restart("--config", file)

    def reload(text, *words):
        configuration(text)
        logged = len(fresh.log_tail(1 << 20))
        fresh.process.send_signal(signal.SIGHUP)
        until(lambda: all(word in fresh.log_tail(1 << 20)[logged:] for word in words), message=fresh.log_tail)

    reload({"log-level": "debug"}, "log-level=debug")
    reload({"log-level": "warning", "group": "games"}, "settings=group")
    reload('{\n"log-lever": "info"}', "timberd.json:2: unknown key", "log-lever")
    # Flags win over the file here too.
    reload({"data-dir": "/nonexistent", "log-level": "notice"}, "log-level=notice")
    assert "settings=data-dir" not in fresh.log_tail(1 << 20)
    fresh.run("busybox", "true").ok()


def cgroup_of(daemon, name):
    """The paths of a container's cgroups."""
    with open(f"/proc/{daemon.pid_of(name)}/cgroup") as file:
        return {line.rstrip("\n").split(":", 2)[2] for line in file}


def test_cgroup_parent(fresh):
    fresh.restart("--cgroup-parent", f"{fresh.cgroup}/oak")
    name = fresh.sleeper()
    assert f"/{fresh.cgroup}/oak/{name}" in cgroup_of(fresh, name)
    # Another one would lose it.
    fresh.restart("--cgroup-parent", f"{fresh.cgroup}/elm")
    assert "cgroup parent stays" in fresh.log_tail()
    other = fresh.sleeper("-m", "32m")
    assert f"/{fresh.cgroup}/oak/{other}" in cgroup_of(fresh, other)
    fresh.remove_containers()
    fresh.restart("--cgroup-parent", f"{fresh.cgroup}/elm")
    name = fresh.sleeper()
    assert f"/{fresh.cgroup}/elm/{name}" in cgroup_of(fresh, name)
    fresh.remove_containers()
    fresh.restart()


@pytest.mark.parametrize("parent", ["/abs", "../up", "a/../b", "", "-x", "a//b"])
def test_wrong_cgroup_parent(configuration, parent):
    timberd("--validate", "--config", configuration({"cgroup-parent": parent})).fails(1, "cgroup")


def test_no_two_daemons_share_a_cgroup(fresh, tmp_path):
    flags = ["--data-dir", tmp_path / "data", "--run-dir", tmp_path / "run", "--bridge", fresh.bridge, "--cgroup-parent", fresh.cgroup]
    run([BIN / "timberd", *flags], timeout=20).fails(1, fresh.cgroup, "--cgroup-parent")


# Locks whatever it can open of what it is told, and says how much that is.
HOLD = """
import fcntl, os, sys
held = 0
for path in sys.argv[1:]:
    for flags in (os.O_RDONLY, os.O_WRONLY):
        try:
            fcntl.flock(os.open(path, flags), fcntl.LOCK_EX | fcntl.LOCK_NB)
            held += 1
            break
        except OSError:
            pass
print(held, flush=True)
sys.stdin.read()
"""


def test_no_user_keeps_a_daemon_from_starting(fresh):
    """flock(2) asks for no more than an open file."""
    fresh.sleeper()
    tops = [top for top in [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")] if (top / fresh.cgroup).is_dir()]
    settings = [Path("/proc/sys/net/ipv4") / name for name in ("ip_forward", "route/flush", "tcp_fastopen_key")]
    locks = [Path("/run/timber"), *Path("/run/timber").glob("**/*"), fresh.run_directory, fresh.data, fresh.data / "lock"]
    paths = [*(top / fresh.cgroup for top in tops), *(top / fresh.cgroup / "cgroup.procs" for top in tops), *settings, *locks]
    nobody = subprocess.Popen(
        [os.path.realpath(sys.executable), "-I", "-c", HOLD, *map(str, paths)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=65534, group=65534, extra_groups=[],
    )  # fmt: skip
    try:
        assert int(nobody.stdout.readline()) > 2
        fresh.restart()
        assert fresh.tctl("network", "create", "oak").ok()
    finally:
        nobody.stdin.close()
        nobody.wait()
