"""Streams between tctl and a process: nothing is lost, and the end is the process's end."""

import io
import os
import signal
import subprocess
import tarfile
import time

from harness.wait import until


def test_output_and_errors_are_apart(tctl):
    result = tctl("run", "x", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.returncode, result.stdout, result.stderr) == (7, b"out\n", b"err\n")


def test_megabytes_go_both_ways(tctl):
    data = os.urandom(5_000_000)
    result = tctl("run", "-i", "x", "cat", input=data)
    assert result.returncode == 0
    assert result.stdout == data


def test_end_of_input_reaches_the_process(tctl):
    assert tctl("run", "-i", "x", "wc", "-c", input=b"12345").stdout.strip() == b"5"
    assert tctl("run", "-i", "x", "wc", "-c", input=b"").stdout.strip() == b"0"


def test_statuses(tctl):
    assert tctl("run", "x", "sh", "-c", "kill -9 $$").returncode == 137
    result = tctl("run", "x", "nosuchprogram")
    assert result.returncode == 127
    assert b"executable file not found" in result.stderr


def test_process_that_ends_while_input_is_open(executable, daemon):
    process = subprocess.Popen([executable, "-H", daemon.host, "run", "-i", "x", "true"], stdin=subprocess.PIPE)
    assert process.wait(30) == 0


def test_slow_reader_loses_nothing(executable, daemon):
    process = subprocess.Popen([executable, "-H", daemon.host, "run", "x", "sh", "-c", "head -c 3000000 /dev/zero; echo end >&2"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    out, errors = process.communicate(timeout=60)
    assert (len(out), errors, process.returncode) == (3_000_000, b"end\n", 0)


def test_signals_reach_the_process_while_nobody_reads(executable, daemon):
    process = subprocess.Popen(
        [executable, "-H", daemon.host, "run", "x", "sh", "-c", "trap 'exit 9' TERM; cat /dev/zero & wait"], stdout=subprocess.PIPE)
    until(lambda: any(r[1].endswith("/start") for r in daemon.requests))
    # Long enough for the pipe to be full, mostly; a signal before that must arrive too.
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    until(lambda: any(r[1].endswith("/kill") and r[2]["signal"] == "SIGTERM" for r in daemon.requests))
    process.kill()
    process.wait()


def test_exec(tctl):
    container = tctl("run", "-d", "x", "sleep", "60").stdout.decode().strip()
    result = tctl("exec", container, "sh", "-c", "echo in; echo err >&2; exit 3")
    assert (result.returncode, result.stdout, result.stderr) == (3, b"in\n", b"err\n")
    assert tctl("exec", "-i", container, "cat", input=b"abc").stdout == b"abc"
    assert tctl("exec", "-d", container, "true").returncode == 0


def test_start_attached(tctl):
    container = tctl("create", "-i", "x", "sh", "-c", "cat; exit 4").stdout.decode().strip()
    result = tctl("start", "-ai", container, input=b"hello")
    assert (result.returncode, result.stdout) == (4, b"hello")


def test_logs_are_taken_apart(tctl, daemon):
    container = tctl("run", "-d", "x", "sh", "-c", "echo out; echo err >&2").stdout.decode().strip()
    # Each stream has a reader of its own in the made-up daemon.
    until(lambda: all(word in daemon.objects[container].output for word in (b"out\n", b"err\n")))
    result = tctl("logs", "--tail", "5", "--since", "10m", container)
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_wait_prints_the_status(tctl):
    container = tctl("run", "-d", "x", "sh", "-c", "sleep 0.2; exit 6").stdout.decode().strip()
    result = tctl("wait", container)
    assert (result.returncode, result.stdout) == (0, b"6\n")


LOADED = b'{"status":"Loading layer","progressDetail":{"current":1,"total":2},"id":"abc"}\r\n{"stream":"Loaded image: x:1\\n"}\r\n'


def test_load_of_a_file_and_of_a_pipe(tctl, daemon, tmp_path):
    daemon.answer("POST", "/images/load", LOADED)
    data = os.urandom(3_000_000)
    (tmp_path / "image.tar").write_bytes(data)
    result = tctl("load", "-i", str(tmp_path / "image.tar"))
    assert (result.returncode, result.stdout, result.stderr) == (0, b"Loaded image: x:1\n", b"")
    assert daemon.last("/images/load")[3] == data
    assert tctl("load", input=data).returncode == 0
    assert daemon.last("/images/load")[3] == data


def test_load_of_a_layout_directory_is_an_archive(tctl, daemon, tmp_path):
    daemon.answer("POST", "/images/load", LOADED)
    blobs = tmp_path / "layout/blobs/sha256"
    blobs.mkdir(parents=True)
    (tmp_path / "layout/oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (tmp_path / "layout/index.json").write_text("{}")
    content = {f"{n:064x}": os.urandom(n) for n in (0, 1, 511, 512, 513, 300_000)}
    for name, data in content.items():
        (blobs / name).write_bytes(data)
    (blobs / "link").symlink_to("/etc/passwd")
    assert tctl("load", "-i", str(tmp_path / "layout")).returncode == 0
    with tarfile.open(fileobj=io.BytesIO(daemon.last("/images/load")[3])) as archive:
        read = {member.name: archive.extractfile(member).read() for member in archive}
    assert read.pop("oci-layout").startswith(b"{") and read.pop("index.json") == b"{}"
    assert read == {f"blobs/sha256/{name}": data for name, data in content.items()}


def test_load_of_something_else_is_refused(tctl, tmp_path):
    result = tctl("load", "-i", str(tmp_path))
    assert result.returncode == 1 and b"not an OCI layout" in result.stderr
    assert tctl("load", "-i", "/nonexistent").returncode == 1


def test_load_reports_what_the_daemon_found(tctl, daemon):
    daemon.answer("POST", "/images/load", b'{"errorDetail":{"message":"digest differs"},"error":"digest differs"}\r\n')
    result = tctl("load", input=b"x")
    assert (result.returncode, result.stderr) == (1, b"tctl: digest differs\n")


def test_save_writes_all_or_nothing(tctl, daemon, tmp_path):
    daemon.answer("GET", "/images/get", b"archive", kind="application/x-tar")
    assert tctl("save", "-o", str(tmp_path / "a.tar"), "x:1", "y:1").returncode == 0
    assert (tmp_path / "a.tar").read_bytes() == b"archive"
    assert tctl("save", "x:1").stdout == b"archive"
    daemon.answer("GET", "/images/get", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", kind="raw")
    assert tctl("save", "-o", str(tmp_path / "b.tar"), "x:1").returncode != 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]
