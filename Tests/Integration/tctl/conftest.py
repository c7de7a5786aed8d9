"""tctl against a daemon of its own that needs neither root nor containers: what is sent, what is printed, what a terminal is left like."""

import os
import subprocess
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def executable():
    path = Path(os.environ.get("TIMBER_BIN", ROOT / ".build/debug"), "tctl").resolve()
    assert path.exists(), f"{path} is missing: swift build --product tctl"
    return str(path)


@pytest.fixture
def daemon():
    daemon = FakeDaemon()
    yield daemon
    daemon.close()


@pytest.fixture
def tctl(executable, daemon):
    """Runs tctl against the daemon; gives the finished process, output as bytes."""

    def run(*words, input=b"", timeout=60, **options):
        return subprocess.run([executable, "-H", daemon.host, *words], input=input, capture_output=True, timeout=timeout, **options)

    return run
