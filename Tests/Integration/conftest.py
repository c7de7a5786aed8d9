"""Fixtures: `timber`, a private daemon that the tests of a worker share, and `fresh`, one that a test has for itself."""

import os
import time

import pytest

from harness.daemon import BIN, FIXTURES, Daemon, Slot, difference
from harness.images import BusyBox


def pytest_sessionstart(session):
    """Says what is missing before any test runs; a tier that cannot run has failed."""
    if os.geteuid() != 0:
        pytest.exit("the integration tests start timberd: run as root", returncode=1)
    for program in ("timberd", "tctl", "timber-shim"):
        if not (BIN / program).exists():
            pytest.exit(f"{BIN / program} is missing: run make build, or set TIMBER_BIN", returncode=1)
    if not (FIXTURES / "variants").exists():
        pytest.exit(f"{FIXTURES} has no images: run make fixtures", returncode=1)


@pytest.fixture(scope="session")
def fixtures():
    """The directory of the images that rootfs-fixtures/ makes."""
    return FIXTURES


@pytest.fixture(scope="session")
def busybox(fixtures):
    """The busybox image, as the base of images that a test builds."""
    return BusyBox(fixtures / "busybox.tar")


@pytest.fixture(scope="session")
def shared_daemon(fixtures):
    daemon = Daemon(Slot())
    try:
        daemon.start()
        daemon.load(fixtures / "busybox.tar").ok()
        # The first container makes what stays for all later ones: bridge, table, directories.
        daemon.run("busybox", "true").ok()
        # And so does the first network with IPv6: forwarding.
        daemon.tctl("network", "create", "--ipv6", "first").ok()
        daemon.tctl("network", "rm", "first").ok()
        yield daemon
    finally:
        daemon.discard()


@pytest.fixture
def timber(shared_daemon):
    """A running daemon with busybox loaded. After the test nothing that the test made may be left on the host."""
    daemon = shared_daemon
    before = daemon.traces()
    yield daemon
    assert daemon.process.poll() is None, f"timberd ended during the test:\n{daemon.log_tail()}"
    daemon.remove_containers()
    assert_no_trace(daemon, before)


@pytest.fixture(scope="session")
def python(shared_daemon, fixtures):
    """The name of an image that has Python, in the shared daemon."""
    shared_daemon.load(fixtures / "python.tar").ok()
    return "python:3"


@pytest.fixture
def fresh(fixtures):
    """A daemon for one test, which may kill it, restart it or fill it."""
    daemon = Daemon(Slot())
    try:
        daemon.start()
        daemon.load(fixtures / "busybox.tar").ok()
        yield daemon
    finally:
        daemon.discard()


def assert_no_trace(daemon, before, seconds=30):
    """The host is as it was. The kernel takes interfaces and cgroups away a moment after their last user, so this waits."""
    end = time.monotonic() + seconds
    while True:
        changes = difference(before, daemon.traces())
        if not changes:
            return
        if time.monotonic() > end:
            pytest.fail(f"the test left something behind: {changes}\n{daemon.log_tail()}")
        time.sleep(0.05)
