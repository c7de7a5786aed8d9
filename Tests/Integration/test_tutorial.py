"""The tutorial, word for word."""

import os
import urllib.request

from harness.daemon import BIN, REPOSITORY
from harness.process import run
from harness.wait import until


def answer(address, port):
    try:
        with urllib.request.urlopen(f"http://{address}:{port}/index", timeout=30) as response:
            return response.read().decode()
    except OSError:
        return None


def test_tutorial(fresh, fixtures):
    assert "Loaded image: timber_tutorial:1" in fresh.load(fixtures / "timber_tutorial.tar").ok().lines
    port = fresh.slot.port(0)
    running = fresh.popen("run", "-p", f"{port}:8080", "timber_tutorial:1")
    for address in ("127.0.0.1", "0.0.0.0", "localhost", fresh.slot.gateway):
        until(lambda: answer(address, port), seconds=60)
        assert answer(address, port) == '{"timber": "so delicious"}'
    running.terminate()
    assert running.wait(60) == 0


def test_second_version(fresh, fixtures):
    fresh.load(fixtures / "timber_tutorial.tar").ok()
    fresh.load(fixtures / "timber_tutorial-2.tar").ok()
    port = fresh.slot.port(0)
    first = fresh.start_container("-p", f"{port}:8080", "timber_tutorial:1")
    until(lambda: answer("127.0.0.1", port), seconds=60)
    fresh.tctl("rm", "-f", first).ok()
    fresh.start_container("-p", f"{port}:8080", "timber_tutorial:2")
    until(lambda: answer("127.0.0.1", port), seconds=60)
    assert answer("127.0.0.1", port) == '{"timber": "so delicious", "why": "because logging shouldn\'t be hard"}'


def test_demo_leaves_nothing(fresh):
    """`make demo`, by itself: the answer on standard output, and no trace."""
    port = fresh.slot.port(5)
    before = set(os.listdir("/sys/class/net"))
    environment = dict(os.environ) | {"DEMO_ONCE": "1", "DEMO_PORT": str(port), "TIMBER_BIN": str(BIN)}
    result = run([REPOSITORY / ".ci/demo"], env=environment, timeout=230).ok()
    assert '{"timber": "so delicious"}' in result.lines
    assert not [name for name in set(os.listdir("/sys/class/net")) - before if name.startswith("tdemo")]
    assert not [name for name in os.listdir("/run") + os.listdir("/var/tmp") if name.startswith("tdemo")]
