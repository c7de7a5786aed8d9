"""docker-py 7: files, images made of containers, samples, sockets, and what is connected to what."""

import datetime
import io
import socket
import tarfile

import docker
import pytest
from harness.wait import until

ENDLESS = ["sleep", "1000000"]


def archive(*entries):
    """A tar of (name, content or None for a directory, mode)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content, mode in entries:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.uid, entry.gid, entry.mtime = mode, 7, 8, 1_600_000_000
            if content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(content)
            tar.addfile(entry, None if content is None else io.BytesIO(content))
    return file.getvalue()


def entries(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        return {entry.name: (entry, tar.extractfile(entry).read() if entry.isfile() else None) for entry in tar}


# --- Files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
def test_archives(client, runs):
    container = client.containers.run("busybox", ENDLESS, detach=True)
    if not runs:
        container.kill()
        container.wait()
    large = bytes(range(256)) * 4096
    assert container.put_archive("/tmp", archive(("d", None, 0o750), ("d/small", b"small", 0o640), ("d/large", large, 0o444))) is True
    # A file, as a stream.
    assert container.put_archive("/tmp/d", io.BytesIO(archive(("late", b"late", 0o600)))) is True
    chunks, status = container.get_archive("/tmp/d")
    found = entries(chunks)
    assert set(found) == {"d", "d/small", "d/large", "d/late"}
    assert found["d/small"][1] == b"small" and found["d/large"][1] == large
    small = found["d/small"][0]
    # Docker writes the kind of a file into its mode, too.
    assert (small.mode & 0o7777, small.uid, small.gid, small.mtime) == (0o640, 7, 8, 1_600_000_000)
    assert status["name"] == "d" and status["mode"] == 1 << 31 | 0o750 and status["linkTarget"] == ""
    chunks, status = container.get_archive("/tmp/d/large")
    assert (status["name"], status["size"], status["mode"]) == ("large", len(large), 0o444)
    # Until it is read to its end Docker does nothing else with the container.
    assert list(entries(chunks)) == ["large"]
    if runs:
        # Not its output: docker-py drops what comes together with the head of the answer.
        script = 'test "$(stat -c "%a %u:%g" /tmp/d/small)" = "640 7:8"'
        assert container.exec_run(["sh", "-c", script]).exit_code == 0
    with pytest.raises(docker.errors.NotFound):
        container.get_archive("/none")
    with pytest.raises(docker.errors.NotFound):
        container.put_archive("/none", archive(("x", b"x", 0o644)))
    with pytest.raises(docker.errors.APIError, match="not a directory"):
        container.put_archive("/tmp/d/small", archive(("x", b"x", 0o644)))


def test_changes_and_export(client):
    container = client.containers.run("busybox", ["sh", "-c", "echo new >/new; rm /etc/group; echo x >>/etc/passwd"], detach=True)
    container.wait()
    changes = {(change["Path"], change["Kind"]) for change in container.diff()}
    assert changes == {("/new", 1), ("/etc", 0), ("/etc/group", 2), ("/etc/passwd", 0)}
    found = entries(container.export())
    assert found["new"][1] == b"new\n" and found["etc/passwd"][1].endswith(b"x\n") and "etc/group" not in found
    assert client.containers.create("busybox").diff() in (None, [])


@pytest.mark.usefixtures("images")
def test_commit(client):
    container = client.containers.run("busybox", ["sh", "-c", "echo kept >/kept; exec sleep 1000000"], detach=True, environment={"A": "1"})
    until(lambda: container.exec_run(["cat", "/kept"]).exit_code == 0)
    image = container.commit("made", "1", message="with a file", author="somebody", changes=["ENV B=2", "LABEL c=d"], conf={"Cmd": ["cat", "/kept"]})
    assert image.tags == ["made:1"] and image.labels == {"c": "d"}
    assert (image.attrs["Author"], image.attrs["Comment"]) == ("somebody", "with a file")
    assert {"A=1", "B=2"} <= set(image.attrs["Config"]["Env"])
    assert image.history()[0]["Comment"] == "with a file" and len(image.history()) == len(client.images.get("busybox").history()) + 1
    container.reload()
    assert container.status == "running"
    assert client.containers.run("made:1", remove=True) == b"kept\n"
    unnamed = container.commit()
    assert unnamed.tags == [] and unnamed.id in [image.id for image in client.images.list(filters={"dangling": True})]


@pytest.mark.usefixtures("images")
def test_images_from_archives(client):
    container = client.containers.create("busybox", ["true"])
    flat = b"".join(container.export())
    client.api.import_image_from_data(flat, repository="flat", tag="1")
    assert client.containers.run("flat:1", ["echo", "flat"], remove=True) == b"flat\n"
    saved = b"".join(client.images.get("flat:1").save(named=True))
    identifier = client.images.get("flat:1").id
    client.images.remove("flat:1")
    assert [image.id for image in client.images.load(saved)] == [identifier] == [client.images.get("flat:1").id]
    with pytest.raises(docker.errors.DockerException):
        client.images.load(b"no archive")


# --- Samples and events ------------------------------------------------------------------------------------------------


def test_samples(client):
    # What does nothing has used the same time in every sample.
    container = client.containers.run("busybox", ["sh", "-c", "while usleep 20000; do :; done"], detach=True, mem_limit="64m")
    one = container.stats(stream=False)
    assert one["memory_stats"]["limit"] == 64 << 20 and one["memory_stats"]["usage"] > 0 and one["pids_stats"]["current"] >= 1
    assert one["precpu_stats"]["system_cpu_usage"] > 0 and set(one["networks"]) == {"eth0"}
    quick = client.api.stats(container.id, stream=False, one_shot=True)
    assert quick["cpu_stats"]["cpu_usage"]["total_usage"] > 0 and "system_cpu_usage" not in quick["precpu_stats"]
    samples = container.stats(stream=True, decode=True)
    first, second = next(samples), next(samples)
    assert second["precpu_stats"]["cpu_usage"] == first["cpu_stats"]["cpu_usage"] and second["read"] > first["read"]
    assert second["cpu_stats"]["cpu_usage"]["total_usage"] > first["cpu_stats"]["cpu_usage"]["total_usage"]
    container.kill()
    # Samples go on, empty; they end with the container.
    until(lambda: not next(samples)["pids_stats"])
    container.remove()
    assert all(not sample["pids_stats"] for sample in samples)


def test_past_events(client):
    """Between two times, of every kind, as numbers and as dates."""
    # The daemon's clock says when it begins, without the parts of a second.
    begun = client.containers.create("busybox").attrs["Created"]
    network = client.networks.create("seen")
    volume = client.volumes.create("seen")
    container = client.containers.run("busybox", ENDLESS, detach=True, name="seen")
    network.connect(container)
    network.disconnect(container)
    container.kill()
    container.wait()
    container.remove()
    network.remove()
    volume.remove()
    since = datetime.datetime.fromisoformat(begun[:19])
    until_now = datetime.datetime.utcnow() + datetime.timedelta(seconds=1)
    # Ends by itself when the second is over. Docker 20.10 tells some things twice.
    events = client.events(decode=True, since=since, until=until_now, filters={"type": ["network", "volume"]})
    seen = list(dict.fromkeys((event["Type"], event["Action"]) for event in events if event["Actor"]["ID"] in (network.id, "seen")))
    assert seen == [("network", "create"), ("volume", "create"), ("network", "connect"), ("network", "disconnect"), ("network", "destroy"), ("volume", "destroy")]
    dies = list(client.events(decode=True, since=since, until=until_now, filters={"container": container.id, "event": "die"}))
    assert [event["Actor"]["Attributes"]["exitCode"] for event in dies] == ["137"]


# --- Sockets -----------------------------------------------------------------------------------------------------------


def test_attach_socket_of_a_terminal(client):
    """No frames, and the window follows."""
    container = client.containers.run("busybox", ["sh", "-c", "read x; stty size; exit 3"], detach=True, tty=True, stdin_open=True)
    stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    raw = getattr(stream, "_sock", stream)
    raw.settimeout(20)
    file = raw.makefile("rb")
    container.resize(height=21, width=63)
    raw.sendall(b"\n")
    assert file.read().splitlines()[-1] == b"21 63"
    assert container.wait()["StatusCode"] == 3
    stream.close()


def test_attach_socket_to_the_end(client):
    """Input that ends reaches a container that takes it once, and ends what it waits for."""
    container = client.containers.create("busybox", ["sh", "-c", "wc -c; exit 4"], stdin_open=True)
    stream = client.api.attach_socket(container.id, params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    raw = getattr(stream, "_sock", stream)
    raw.settimeout(20)
    raw.sendall(b"x" * 70_000)
    raw.shutdown(socket.SHUT_WR)
    received = raw.makefile("rb").read()
    assert received[8:] == b"70000\n"
    assert container.wait()["StatusCode"] == 4
    stream.close()


# --- Networks and volumes ----------------------------------------------------------------------------------------------


def test_names_in_networks(client, timber):
    subnet = timber.slot.network(0, 24)
    inside = subnet.removesuffix(".0/24")
    pool = docker.types.IPAMPool(subnet=subnet, gateway=f"{inside}.1")
    network = client.networks.create("grove", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    oak = client.containers.run("busybox", ENDLESS, detach=True, name="oak", network="grove")
    elm = client.containers.run("busybox", ENDLESS, detach=True, name="elm")
    network.connect(elm, aliases=["tree", "db"], ipv4_address=f"{inside}.9")
    elm.reload()
    place = elm.attrs["NetworkSettings"]["Networks"]["grove"]
    assert place["IPAddress"] == f"{inside}.9" and {"tree", "db"} <= set(place["Aliases"])
    for name in ("elm", "tree", "db", elm.short_id):
        assert oak.exec_run(["sh", "-c", f"nslookup -type=a {name} | grep -q {inside}.9"]).exit_code == 0, name
    network.reload()
    assert {c.name for c in network.containers} == {"oak", "elm"}
    with pytest.raises(docker.errors.APIError) as failure:
        network.connect(elm)
    assert failure.value.response.status_code == 403
    network.disconnect(elm)
    assert oak.exec_run(["nslookup", "-type=a", "db"]).exit_code != 0
    with pytest.raises(docker.errors.APIError):
        network.disconnect(elm)
    network.disconnect(oak, force=True)
    network.remove()


def test_unused_volumes(client):
    """Without a filter the unnamed ones that nobody has go."""
    used = client.containers.create("busybox", volumes=["/data"])
    left = client.containers.create("busybox", volumes=["/data"])
    names = [container.attrs["Mounts"][0]["Name"] for container in (used, left)]
    left.remove()
    answer = client.volumes.prune()
    assert answer["VolumesDeleted"] == [names[1]] and answer["SpaceReclaimed"] == 0
    assert [volume.name for volume in client.volumes.list()] == [names[0]]
    with pytest.raises(docker.errors.APIError) as failure:
        client.volumes.get(names[0]).remove()
    assert failure.value.response.status_code == 409
    used.remove(v=True)
    assert client.volumes.list() == []
