"""docker-py 7, as programs use it."""

import io
import socket
import struct
import threading
import time

import docker
import pytest
from docker.types import Mount, Ulimit
from harness.wait import until


@pytest.mark.timber
def test_the_daemon(client):
    assert client.ping() is True
    assert client.version()["Platform"]["Name"] == "Timber"
    assert client.api.api_version >= "1.43"
    info = client.info()
    assert info["Swarm"]["LocalNodeState"] == "inactive" and info["OSType"] == "linux"
    assert set(client.df()) >= {"Images", "Containers", "Volumes", "BuildCache", "LayersSize"}


@pytest.mark.timber
def test_refusals_are_errors_of_the_library(client):
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nosuch")
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nosuch")
    with pytest.raises(docker.errors.APIError, match="swarm"):
        client.services.list()
    with pytest.raises(docker.errors.APIError, match="swarm"):
        client.swarm.init()
    assert client.plugins.list() == []
    with pytest.raises(docker.errors.APIError, match="registries"):
        client.images.search("busybox")
    with pytest.raises(docker.errors.APIError, match="builds no images"):
        client.images.build(fileobj=io.BytesIO(b"FROM busybox"))


# --- Containers --------------------------------------------------------------------------------------------------------


def test_run_and_its_status(client):
    assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
    both = client.containers.run("busybox", ["sh", "-c", "echo out; echo err >&2"], remove=True, stdout=True, stderr=True)
    assert sorted(both.splitlines()) == [b"err", b"out"]
    with pytest.raises(docker.errors.ContainerError) as failure:
        client.containers.run("busybox", ["sh", "-c", "echo why >&2; exit 3"], remove=True)
    assert failure.value.exit_status == 3 and b"why" in failure.value.stderr


def test_life_of_a_container(client):
    container = client.containers.run(
        "busybox", ["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done"], detach=True, name="oak", labels={"a": "b"},
        environment={"X": "1"}, mem_limit="64m", ulimits=[Ulimit(name="nofile", soft=64, hard=64)], working_dir="/tmp",
    )  # fmt: skip
    assert container.status == "created"
    container.reload()
    assert container.status == "running" and container.labels["a"] == "b" and container.image.tags == ["busybox:latest"]
    assert [c.id for c in client.containers.list(filters={"label": "a=b"})] == [container.id]
    assert "PID" in container.top()["Titles"]
    container.rename("elm")
    assert client.containers.get("elm").id == container.id
    container.pause()
    assert client.containers.get("elm").status == "paused"
    container.unpause()
    container.update(mem_limit="96m", memswap_limit="96m")
    assert client.containers.get("elm").attrs["HostConfig"]["Memory"] == 96 << 20
    container.restart(timeout=5)
    # Until its trap is set the first process of a container is not killed by SIGTERM.
    until(lambda: container.logs().count(b"ready") == 2)
    container.kill("TERM")
    assert container.wait()["StatusCode"] == 7
    container.start()
    container.stop(timeout=5)
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        container.reload()


def test_logs(client):
    container = client.containers.run("busybox", ["sh", "-c", "echo one; echo two >&2; read x; echo three"], detach=True, stdin_open=True)
    until(lambda: container.logs().count(b"\n") == 2)
    assert container.logs(stdout=True, stderr=False) == b"one\n"
    assert container.logs(stdout=False, stderr=True) == b"two\n"
    assert container.logs(tail=1, timestamps=True).split(b" ")[0].endswith(b"Z")
    lines = container.logs(stream=True, follow=True)
    assert {next(lines), next(lines)} == {b"one\n", b"two\n"}
    sock = container.attach_socket(params={"stdin": 1, "stream": 1})
    sock._sock.sendall(b"\n")
    assert next(lines) == b"three\n"
    with pytest.raises(StopIteration):
        next(lines)
    sock.close()


def test_attach_stream(client):
    container = client.containers.create("busybox", ["sh", "-c", "echo out; echo err >&2"])
    stream = container.attach(stream=True, demux=True)
    container.start()
    out, err = b"", b""
    for o, e in stream:
        out += o or b""
        err += e or b""
    assert (out, err) == (b"out\n", b"err\n")


def read_frame(file):
    header = file.read(8)
    if not header:
        return None, b""
    stream, length = struct.unpack(">BxxxL", header)
    return stream, file.read(length)


def test_attach_socket(client):
    """Half-close: the end of the input, and then still the output."""
    container = client.containers.create("busybox", ["sh", "-c", "cat; echo end >&2"], stdin_open=True)
    container.attrs["Config"]["StdinOnce"] = True
    sock = client.api.attach_socket(container.id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    raw = getattr(sock, "_sock", sock)
    raw.sendall(b"some input\n")
    file = raw.makefile("rb")
    assert read_frame(file) == (1, b"some input\n")
    container.kill()
    assert read_frame(file) == (None, b"")
    sock.close()


def test_exec(client):
    container = client.containers.run("busybox", ["sleep", "1000000"], detach=True)
    assert container.exec_run(["sh", "-c", "echo $X; pwd; exit 3"], environment={"X": "y"}, workdir="/tmp") == (3, b"y\n/tmp\n")
    assert container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True) == (0, (b"out\n", b"err\n"))
    assert container.exec_run("id -u", user="1000") == (0, b"1000\n")
    status, stream = container.exec_run(["sh", "-c", "echo a; echo b"], stream=True)
    assert status is None and b"".join(stream) == b"a\nb\n"


@pytest.mark.timber
def test_exec_of_what_is_not_there(client):
    """127 as Docker says since 28; before it was 126."""
    container = client.containers.run("busybox", ["sleep", "1000000"], detach=True)
    assert container.exec_run("nosuch").exit_code == 127


def test_exec_socket(client):
    container = client.containers.run("busybox", ["sleep", "1000000"], detach=True)
    _, sock = container.exec_run(["cat"], stdin=True, socket=True)
    raw = getattr(sock, "_sock", sock)
    raw.sendall(b"through a socket")
    raw.shutdown(socket.SHUT_WR)
    assert read_frame(raw.makefile("rb")) == (1, b"through a socket")
    sock.close()
    identifier = client.api.exec_create(container.id, ["sh", "-c", 'while [ -z "$(stty size 2>/dev/null)" ]; do sleep 0.05; done; stty size; exit 4'], tty=True, stdin=True)["Id"]
    sock = client.api.exec_start(identifier, tty=True, socket=True)
    client.api.exec_resize(identifier, height=20, width=60)
    assert getattr(sock, "_sock", sock).makefile("rb").read() == b"20 60\r\n"
    assert until(lambda: client.api.exec_inspect(identifier)["ExitCode"]) == 4


def test_ports(client, timber):
    port = timber.slot.port(40)
    container = client.containers.run("busybox", ["nc", "-ll", "-p", "80", "-e", "echo", "hi"], detach=True, ports={"80/tcp": ("127.0.0.1", port)})
    container.reload()
    assert container.ports["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]

    def answer():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                return connection.recv(100)
        except OSError:
            return None

    assert until(answer) == b"hi\n"


def test_waiting(client):
    container = client.containers.create("busybox", ["sh", "-c", "exit 5"])
    found = []
    waiter = threading.Thread(target=lambda: found.append(container.wait(condition="next-exit", timeout=60)))
    waiter.start()
    # That the wait is there shows in nothing but the daemon's connections: should the first end have come too early, there is another.
    time.sleep(0.5)
    for _ in range(20):
        container.start()
        waiter.join(2)
        if not waiter.is_alive():
            break
    assert found[0]["StatusCode"] == 5


def test_prune(client):
    container = client.containers.create("busybox", ["true"], labels={"prune": "me"})
    assert client.containers.prune(filters={"label": "prune=me"})["ContainersDeleted"] == [container.id]


# --- Images, volumes, networks, events ---------------------------------------------------------------------------------


def test_images(client):
    image = client.images.get("busybox")
    assert "busybox:latest" in image.tags and image.id.startswith("sha256:") and image.history()
    assert image.tag("other", tag="1") is True
    assert client.images.get("other:1").id == image.id
    assert [i.id for i in client.images.list(name="other")] == [image.id]
    archive = b"".join(client.images.get("other:1").save(named="other:1"))
    client.images.remove("other:1")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("other:1")
    [loaded] = client.images.load(archive)
    assert loaded.id == image.id and "other:1" in loaded.tags
    client.images.remove("other:1")
    assert client.images.prune()["ImagesDeleted"] is None


def test_volumes(client):
    volume = client.volumes.create("data", labels={"a": "b"}, driver="local", driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"})
    assert client.volumes.get("data").attrs["Options"]["type"] == "tmpfs"
    assert [v.name for v in client.volumes.list(filters={"label": "a=b"})] == ["data"]
    show = ["sh", "-c", "stat -fc %T /d; stat -c %a /t; ls /s"]
    mounts = [Mount("/d", "data"), Mount("/t", None, type="tmpfs", tmpfs_size=1 << 20, tmpfs_mode=0o711), Mount("/s", "/etc", type="bind", read_only=True)]
    out = client.containers.run("busybox", show, mounts=mounts, remove=True).splitlines()
    assert out[:2] == [b"tmpfs", b"711"] and b"passwd" in out
    volume.remove()
    client.volumes.create(labels={"prune": "me"})
    assert len(client.volumes.prune(filters={"label": "prune=me"})["VolumesDeleted"]) == 1


def test_networks(client):
    assert {"bridge", "host", "none"} <= {network.name for network in client.networks.list()}
    container = client.containers.run("busybox", ["sleep", "1000000"], detach=True)
    bridge = client.networks.get("bridge")
    bridge.reload()
    assert [c.id for c in bridge.containers] == [container.id]
    assert client.containers.run("busybox", ["cat", "/sys/class/net/lo/operstate"], network_mode="none", remove=True)


def test_user_networks(client):
    network = client.networks.create("mine", driver="bridge", labels={"a": "b"}, internal=False)
    assert [n.id for n in client.networks.list(filters={"label": "a=b"})] == [network.id]
    inside = client.containers.run("busybox", ["sleep", "1000000"], detach=True, network="mine")
    outside = client.containers.run("busybox", ["sleep", "1000000"], detach=True)
    network.connect(outside, aliases=["second"])
    network.reload()
    assert {c.id for c in network.containers} == {inside.id, outside.id}
    outside.reload()
    assert set(outside.attrs["NetworkSettings"]["Networks"]) == {"bridge", "mine"}
    network.disconnect(outside)
    network.reload()
    assert [c.id for c in network.containers] == [inside.id]
    with pytest.raises(docker.errors.APIError):
        network.remove()
    inside.remove(force=True)
    network.remove()
    with pytest.raises(docker.errors.NotFound):
        client.networks.get("mine")
    client.networks.create("unused", labels={"prune": "me"})
    assert client.networks.prune(filters={"label": "prune=me"})["NetworksDeleted"] == ["unused"]


def test_restart_policy(client):
    container = client.containers.run("busybox", ["sh", "-c", "exit 1"], detach=True, restart_policy={"Name": "on-failure", "MaximumRetryCount": 2})
    until(lambda: client.containers.get(container.id).attrs["RestartCount"] == 2)
    until(lambda: client.containers.get(container.id).status == "exited")
    container.update(restart_policy={"Name": "no"})
    assert client.containers.get(container.id).attrs["HostConfig"]["RestartPolicy"]["Name"] == "no"


def test_events(client):
    begun = time.time()
    stream = client.events(decode=True, filters={"type": "container", "label": "watched"})
    container = client.containers.run("busybox", ["true"], detach=True, labels={"watched": "yes"})
    container.wait()
    container.remove()
    seen = []
    for event in stream:
        seen.append(event["Action"])
        if event["Action"] == "destroy":
            break
    stream.close()
    assert seen == ["create", "start", "die", "destroy"]
    past = client.events(decode=True, since=begun, until=time.time(), filters={"container": container.id})
    assert [event["Action"] for event in past] == seen
