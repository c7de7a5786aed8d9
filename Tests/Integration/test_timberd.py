"""timberd itself: its configuration, its socket, its flags, its log."""

import grp
import json
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

from harness import host
from harness.api import Api
from harness.daemon import BIN
from harness.process import run
from harness.wait import until


def timberd(*words, **options):
    return run([BIN / "timberd", *words], timeout=20, **options)


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
        ("not json", ["timberd.json"]),
        ("[]", ["timberd.json"]),
        ("", ["timberd.json"]),
        ("[" * 100_000, ["timberd.json"]),
    ],
    ids=range(12),
)
def test_wrong_configuration(configuration, text, words):
    timberd("--validate", "--config", configuration(text)).fails(1, *words)


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
        until(fresh.answers, message=fresh.log_tail)
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


def test_notifies_systemd(fresh, tmp_path):
    """Type=notify: READY=1 when it serves, STOPPING=1 when it ends."""
    fresh.stop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(10)
        fresh.start(env=dict(os.environ) | {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert b"READY=1" in notified.recv(4096)
        fresh.stop()
        assert b"STOPPING=1" in notified.recv(4096)


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
    run([BIN / "timberd", *flags], timeout=20).fails(1, "127.0.0.0/8")
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
