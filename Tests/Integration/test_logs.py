"""`logs`: content, order, selection by time and number, following, and their bound on disk."""

import re
import time
from datetime import datetime, timezone

from harness.wait import until


def finished(timber, script, *flags):
    name = timber.start_container(*flags, "busybox", "sh", "-c", script)
    timber.tctl("wait", name).ok()
    return name


def test_streams_stay_apart(timber):
    result = timber.tctl("logs", finished(timber, "echo out; echo err >&2")).ok()
    assert (result.out, result.err) == ("out", "err")


def test_content_is_bytes(timber):
    name = finished(timber, r"printf 'a\000b\377\r\n\nno end of line'")
    assert timber.tctl("logs", name).ok().stdout == b"a\0b\xff\r\n\nno end of line"


def test_long_lines_come_back_whole(timber):
    name = finished(timber, "head -c 200000 /dev/zero | tr '\\0' x; echo; echo after")
    assert timber.tctl("logs", name).ok().stdout == b"x" * 200000 + b"\nafter\n"


def test_tail(timber):
    name = finished(timber, "seq 1 10000")
    assert timber.tctl("logs", "--tail", "3", name).ok().lines == ["9998", "9999", "10000"]
    assert timber.tctl("logs", "-n", "0", name).ok().out == ""
    assert len(timber.tctl("logs", "--tail", "all", name).ok().lines) == 10000
    assert len(timber.tctl("logs", "--tail", "20000", name).ok().lines) == 10000


def test_timestamps(timber):
    name = finished(timber, "echo one")
    stamp, text = timber.tctl("logs", "-t", name).ok().out.split(" ", 1)
    assert text == "one"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", stamp)
    age = datetime.now(timezone.utc) - datetime.fromisoformat(stamp[:26] + "+00:00")
    assert 0 <= age.total_seconds() < 60


def test_since_and_until(timber):
    name = finished(timber, "for i in 1 2 3; do echo $i; sleep 0.3; done")
    stamps = [line.split()[0] for line in timber.tctl("logs", "-t", name).ok().lines]
    assert timber.tctl("logs", "--since", stamps[1], name).ok().lines == ["2", "3"]
    assert timber.tctl("logs", "--until", stamps[1], name).ok().lines == ["1", "2"]
    assert timber.tctl("logs", "--since", stamps[1], "--until", stamps[1], name).ok().lines == ["2"]
    assert timber.tctl("logs", "--since", "1h", name).ok().lines == ["1", "2", "3"]
    assert timber.tctl("logs", "--since", "0", name).ok().lines == ["1", "2", "3"]
    assert timber.tctl("logs", "--until", "1h", name).ok().lines == []


def test_follow_past_a_client_that_does_not_read(timber):
    """Who follows the log reads, too: an attached client that holds the container back is cut off for their sake."""
    name = timber.start_container("-i", "busybox", "sh", "-c", "read x; yes $(printf %0999d 0) | head -c 6000000; echo done; exec sleep 1000000")
    stalled, _ = timber.api.hijack(f"/containers/{name}/attach", stream=1, stdin=1, stdout=1)
    with stalled, timber.popen("logs", "-f", name) as following:
        stalled.sendall(b"\n")
        for line in following.stdout:
            if line == b"done\n":
                break
        following.terminate()
    assert line == b"done\n"


def test_follow_to_the_end(timber):
    name = timber.start_container("busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
    assert timber.tctl("logs", "-f", name).ok().lines == ["1", "2", "3", "4", "5"]


def test_follow_is_prompt(timber):
    # The seconds since the machine was booted.
    name = timber.start_container("busybox", "sh", "-c", "while :; do cut -d ' ' -f 1 /proc/uptime; sleep 0.2; done")
    following = timber.popen("logs", "-f", "--tail", "0", name)
    # How long each was on its way; a machine that stands still for a moment makes some of them late.
    delays = sorted(time.clock_gettime(time.CLOCK_BOOTTIME) - float(following.stdout.readline()) for _ in range(15))
    assert delays[len(delays) // 2] < 2, delays
    following.terminate()
    following.wait(30)


def test_follow_after_restart_of_the_container_shows_both_runs(timber):
    timber.tctl("create", "--name", "twice", "busybox", "echo", "run").ok()
    for _ in range(2):
        timber.tctl("start", "twice").ok()
        timber.tctl("wait", "twice").ok()
    assert timber.tctl("logs", "twice").ok().lines == ["run", "run"]


def test_terminal_output_is_logged(timber):
    name = timber.start_container("-t", "busybox", "echo", "x")
    timber.tctl("wait", name).ok()
    assert timber.tctl("logs", name).ok().stdout == b"x\r\n"


def test_created_container_has_none(timber):
    timber.tctl("create", "--name", "new", "busybox").ok()
    result = timber.tctl("logs", "new").ok()
    assert (result.out, result.err) == ("", "")


def test_disk_use_is_bounded(timber):
    """By default five files of 10 MB: a container that logs 80 MB keeps the newest and leaves the disk alone."""
    name = finished(timber, "yes 'a line of some forty characters, or so' | head -c 80000000; echo; echo last")
    kept = [file for file in (timber.data / "containers" / name).rglob("*") if file.is_file() and "log" in str(file.relative_to(timber.data))]
    assert 1_000_000 < sum(file.stat().st_size for file in kept) < 55_000_000
    assert timber.tctl("logs", "--tail", "1", name).ok().out == "last"


def test_a_slow_reader_does_not_hold_the_container_back(timber):
    name = timber.start_container("busybox", "sh", "-c", "seq 1 200000; echo finished > /tmp/f; sleep 1000000")
    following = timber.popen("logs", "-f", name)
    until(lambda: timber.tctl("exec", name, "cat", "/tmp/f").out == "finished", seconds=60)
    following.kill()
    following.communicate()
