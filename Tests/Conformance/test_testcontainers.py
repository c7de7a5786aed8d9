"""testcontainers starts a container, waits for its log and its port, and cleans up. Its reaper needs an image of its own and is off."""

import socket

import pytest
from harness.wait import until


@pytest.fixture
def testcontainers(timber, monkeypatch):
    for name, value in timber.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DOCKER_CONFIG")
    import testcontainers.core.config as config

    monkeypatch.setattr(config.testcontainers_config, "ryuk_disabled", True)
    import testcontainers.core.container as container

    return container


def test_a_service(timber, testcontainers):
    from testcontainers.core.waiting_utils import wait_for_logs

    script = "echo ready to serve; exec nc -ll -p 8080 -e echo hi"
    service = testcontainers.DockerContainer("busybox").with_command(["sh", "-c", script]).with_exposed_ports(8080).with_env("X", "1")
    with service:
        wait_for_logs(service, "ready to serve", timeout=60)
        address = (service.get_container_host_ip(), int(service.get_exposed_port(8080)))

        def said():
            # The server listens a moment after its log says so.
            try:
                with socket.create_connection(address, timeout=10) as connection:
                    return connection.recv(100)
            except OSError:
                return None

        assert until(said) == b"hi\n"
        assert service.exec(["sh", "-c", "echo $X; exit 3"]) == (3, b"1\n")
        identifier = service.get_wrapped_container().id
        assert identifier in timber.containers()
    assert timber.containers() == []


def test_one_that_fails(timber, testcontainers):
    from testcontainers.core.waiting_utils import wait_for_logs

    with testcontainers.DockerContainer("busybox").with_command(["sh", "-c", "echo went wrong >&2; exit 1"]) as service:
        wait_for_logs(service, "went wrong", timeout=60)
        assert service.get_wrapped_container().wait()["StatusCode"] == 1
    assert timber.containers() == []
