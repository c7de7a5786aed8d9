"""Other people's clients against a private timberd. The daemon and its fixtures are those of the integration tests."""

import importlib.util
import sys
from pathlib import Path

import docker
import pytest

integration = importlib.util.spec_from_file_location("integration_conftest", Path(__file__).parent.parent / "Integration/conftest.py")
fixtures_of_integration = importlib.util.module_from_spec(integration)
sys.modules["integration_conftest"] = fixtures_of_integration
integration.loader.exec_module(fixtures_of_integration)

pytest_sessionstart = fixtures_of_integration.pytest_sessionstart
fixtures = fixtures_of_integration.fixtures
busybox = fixtures_of_integration.busybox
shared_daemon = fixtures_of_integration.shared_daemon
timber = fixtures_of_integration.timber


@pytest.fixture
def client(timber):
    """docker-py, which negotiates the newest version that both know."""
    client = docker.DockerClient(base_url=f"unix://{timber.socket}", version="auto", timeout=30)
    yield client
    client.close()
