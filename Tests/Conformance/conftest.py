"""Other people's clients against a private timberd. The daemon and its fixtures are those of the integration tests.

With TIMBER_PEER=1 the same tests ask Debian's dockerd, which shows that they expect what Docker does (make test-peer); those that are
about Timber alone, marked `timber`, are not among them.
"""

import importlib.util
import os
import sys
from pathlib import Path

import docker
import pytest

from harness.daemon import Slot
from peer import PROGRAMS, Peer

integration = importlib.util.spec_from_file_location("integration_conftest", Path(__file__).parent.parent / "Integration/conftest.py")
fixtures_of_integration = importlib.util.module_from_spec(integration)
sys.modules["integration_conftest"] = fixtures_of_integration
integration.loader.exec_module(fixtures_of_integration)

PEER = os.environ.get("TIMBER_PEER") == "1"

fixtures = fixtures_of_integration.fixtures
busybox = fixtures_of_integration.busybox
timber = fixtures_of_integration.timber
if not PEER:
    shared_daemon = fixtures_of_integration.shared_daemon
    # What needs both daemons.
    collect_ignore = ["test_exchange.py"]
else:

    @pytest.fixture(scope="session")
    def shared_daemon(peer):
        yield peer


def pytest_sessionstart(session):
    fixtures_of_integration.pytest_sessionstart(session)
    if PEER and not (PROGRAMS / "sbin/dockerd").exists():
        pytest.exit(f"{PROGRAMS}/sbin/dockerd is missing: run make test-peer", returncode=1)


def pytest_collection_modifyitems(config, items):
    if PEER:
        chosen = [item for item in items if not item.get_closest_marker("timber")]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.fixture(scope="session")
def peer(fixtures):
    """Debian's dockerd with busybox loaded."""
    daemon = Peer(Slot())
    try:
        daemon.start()
        daemon.load(fixtures / "busybox.tar").ok()
        yield daemon
    finally:
        daemon.discard()


@pytest.fixture
def client(timber):
    """docker-py, which negotiates the newest version that both know."""
    client = docker.DockerClient(base_url=f"unix://{timber.socket}", version="auto", timeout=30)
    yield client
    client.close()


@pytest.fixture
def images(timber):
    """Images that a test makes go with it."""
    known = set(timber.images().values())
    yield
    timber.remove_containers()
    timber.remove_images(keep=known)
