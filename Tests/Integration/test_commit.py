"""commit and import: images made on this machine, by tctl, Docker's own client and docker-py."""

import gzip
import io
import json
import signal
import tarfile
import threading
import time

import docker
import pytest

from harness import host
from harness.tarbuilder import TarBuilder
from harness.wait import until


@pytest.fixture
def client(timber):
    client = docker.DockerClient(base_url=f"unix://{timber.socket}", timeout=30)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def only_busybox(timber):
    """Whatever images a test makes, they go."""
    before = {image["Id"] for image in timber.api.get("/images/json", all=1).json}
    yield
    timber.remove_containers()
    for image in timber.api.get("/images/json", all=1).json:
        if image["Id"] not in before:
            timber.api.delete(f"/images/{image['Id']}", force=1).expect(200, 404)
    assert {image["Id"] for image in timber.api.get("/images/json", all=1).json} == before


def image(timber, name):
    return timber.api.get(f"/images/{name}/json").expect(200).json


@pytest.mark.parametrize("program", ["tctl", "docker"])
@pytest.mark.parametrize("runs", [True, False])
def test_commit(timber, program, runs):
    cli = getattr(timber, program)
    script = "echo new > /new; rm /etc/passwd; mkdir -p /d/e; ln -s e /d/link; echo done; trap 'exit 0' TERM; while :; do sleep 1; done"
    timber.start_container("--name", "web", "-e", "A=1", "busybox", "sh", "-c", script)
    timber.wait_for_log("web", "done")
    if not runs:
        timber.tctl("kill", "web").ok()
    id = cli("commit", "-a", "Oak", "-m", "with new", "web", "made:1").ok().out
    made, base = image(timber, "made:1"), image(timber, "busybox")
    assert id == made["Id"] and made["RepoTags"] == ["made:1"]
    assert (made["Author"], made["Comment"], made["Parent"]) == ("Oak", "with new", base["Id"])
    layers, below = made["RootFS"]["Layers"], base["RootFS"]["Layers"]
    assert layers[:-1] == below and len(layers) == len(below) + 1
    assert made["Config"]["Cmd"] == ["sh", "-c", script] and "A=1" in made["Config"]["Env"]
    history = timber.api.get("/images/made:1/history").json
    assert (history[0]["Comment"], history[0]["CreatedBy"], history[0]["Id"]) == ("with new", f"sh -c {script}", id)
    assert len(history) == len(timber.api.get("/images/busybox/history").json) + 1
    assert timber.state("web") == ("running" if runs else "exited")
    assert timber.run("made:1", "sh", "-c", "cat /new; readlink /d/link; ls /etc/passwd 2>&1 || true; ls -d /proc /dev /etc/hosts").ok().lines == [
        "new", "e", "ls: /etc/passwd: No such file or directory", "/dev", "/etc/hosts", "/proc",
    ]  # fmt: skip


def test_layer_has_the_changes_only(timber, tmp_path):
    timber.sleeper("--name", "web", "-v", "commitvol:/data", "--tmpfs", "/t")
    timber.tctl("exec", "web", "sh", "-c", "echo x > /data/hidden; echo x > /t/hidden; echo 1 > /one; chmod 600 /one; ln /one /two; rm -r /tmp; mkdir /tmp; echo r > /tmp/r").ok()
    try:
        timber.tctl("commit", "web", "made:1").ok()
        timber.tctl("save", "-o", tmp_path / "saved.tar", "made:1").ok()
        with tarfile.open(tmp_path / "saved.tar") as saved:
            manifest = json.load(saved.extractfile("manifest.json"))[0]
            assert manifest["RepoTags"] == ["made:1"]
            layer = saved.extractfile(manifest["Layers"][-1]).read()
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            found = {member.name: member for member in tar}
        assert {"one", "two", "data", "tmp", "tmp/.wh..wh..opq", "tmp/r"} <= set(found)
        assert not [name for name in found if "hidden" in name or name.startswith(("proc", "dev", "sys", "etc/host"))]
        assert {found["one"].type, found["two"].type} == {tarfile.REGTYPE, tarfile.LNKTYPE} and found["one"].mode == 0o600
        assert timber.run("made:1", "ls", "/tmp/r", "/one").ok().lines == ["/one", "/tmp/r"]
        # It comes back as it was.
        before = image(timber, "made:1")
        timber.remove_containers()
        timber.tctl("rmi", "made:1").ok()
        timber.load(tmp_path / "saved.tar").ok()
        assert image(timber, "made:1")["Id"] == before["Id"]
    finally:
        timber.remove_containers()
        timber.api.delete("/volumes/commitvol").expect(204)


def test_changes_of_the_config(timber, client):
    timber.sleeper("--name", "web")
    flags = []
    for change in (
        'CMD ["cat", "/etc/passwd"]', "ENV B=two C='three and more'", "ENV PATH=$PATH:/more", "LABEL a=b", "EXPOSE 80 53/udp", "USER 1000:1000", "WORKDIR /srv",
        "WORKDIR sub", "VOLUME /data", "STOPSIGNAL SIGINT", "ONBUILD RUN true", "HEALTHCHECK --interval=5s --retries=2 CMD true",
    ):  # fmt: skip
        flags += ["--change", change]
    for program in (timber.tctl, timber.docker):
        config = image(timber, program("commit", *flags, "web").ok().out)["Config"]
        assert config["Cmd"] == ["cat", "/etc/passwd"]
        assert {"B=two", "C=three and more"} <= set(config["Env"]) and [v for v in config["Env"] if v.startswith("PATH=")][0].endswith(":/more")
        assert (config["Labels"], config["User"], config["WorkingDir"], config["StopSignal"]) == ({"a": "b"}, "1000:1000", "/srv/sub", "SIGINT")
        assert set(config["ExposedPorts"]) == {"80/tcp", "53/udp"} and set(config["Volumes"]) == {"/data"} and config["OnBuild"] == ["RUN true"]
        assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000, "Retries": 2}
    config = image(timber, timber.tctl("commit", "-c", 'ENTRYPOINT ["echo"]', "web").ok().out)["Config"]
    assert (config["Entrypoint"], config.get("Cmd")) == (["echo"], None)
    made = client.containers.get("web").commit("py", "1", message="m", author="a", changes="LABEL from=py\nCMD echo hi", conf={"Labels": {"x": "y"}})
    assert made.tags == ["py:1"] and made.labels == {"from": "py", "x": "y"}
    assert client.containers.run("py:1", remove=True) == b"hi\n"


def test_commit_bad(timber):
    timber.sleeper("--name", "web")
    for change, word in [("RUN true", "not a valid change command"), ("EXPOSE x", "containerPort"), ("ENV", "at least one argument"), ('LABEL "a=x', "without its end"), ("COPY a b", "COPY")]:
        timber.tctl("commit", "-c", change, "web").fails(1, word)
    timber.tctl("commit", "web", "Upper:1").fails(1, "lowercase")
    timber.tctl("commit", "nobody").fails(1, "No such container: nobody")
    timber.api.post("/commit").expect(404, 400)
    timber.api.post("/commit", b"{", container="web").expect(400)
    assert timber.state("web") == "running"


def test_nothing_changed(timber):
    """A commit of the config alone adds a step of its history and no layer."""
    timber.tctl("create", "--name", "web", "busybox", "true").ok()
    made = image(timber, timber.tctl("commit", "-m", "config", "web").ok().out)
    base = image(timber, "busybox")
    assert made["RootFS"] == base["RootFS"] and made["Id"] != base["Id"] and made["RepoTags"] == []
    assert timber.api.get(f"/images/{made['Id']}/history").json[0]["Size"] == 0


def test_pause(timber):
    """The container stands still while it is copied, unless it is not to."""
    id = timber.sleeper("--name", "web")
    timber.tctl("exec", "web", "sh", "-c", "echo x > /x").ok()

    def actions(*flags):
        since = time.time()
        timber.tctl("commit", *flags, "web").ok()
        lines = timber.api.get("/events", since=f"{since:.6f}", until=f"{time.time():.6f}", filters={"container": [id]}).body
        return [json.loads(line)["Action"] for line in lines.splitlines()]

    assert actions() == ["pause", "unpause", "commit"]
    assert actions("--pause=false") == ["commit"]
    timber.tctl("pause", "web").ok()
    timber.tctl("commit", "web").ok()
    assert timber.state("web") == "paused"
    timber.tctl("unpause", "web").ok()


def test_sparse_files(timber):
    """Holes are zeros in a layer: what does not fit is refused before it is written, and the rest ends when it is to."""
    timber.sleeper("--name", "web")
    timber.tctl("exec", "web", "truncate", "-s", "1024G", "/sparse").ok()
    timber.tctl("commit", "web").fails(1, "exceeds the limit")
    assert timber.state("web") == "running"
    timber.tctl("exec", "web", "truncate", "-s", "50G", "/sparse").ok()
    results = []
    committing = threading.Thread(target=lambda: results.append(timber.tctl("commit", "web", "made:1")))
    committing.start()
    until(lambda: timber.state("web") == "paused", interval=0.002)
    timber.tctl("rm", "-f", "web").ok()
    committing.join()
    results[0].fails(1, "interrupted")
    assert "made:1" not in timber.images()


def test_chain_and_removal(timber):
    """Images of images: the parent goes before its children without harm, layers go with their last user."""
    name, ids = "busybox", []
    for number in range(3):
        timber.tctl("run", "--name", f"c{number}", name, "sh", "-c", f"echo {number} > /file{number}").ok()
        name = f"chain:{number}"
        ids.append(timber.tctl("commit", f"c{number}", name).ok().out)
    assert image(timber, "chain:2")["Parent"] == ids[1] and image(timber, "chain:1")["Parent"] == ids[0]
    assert timber.run("chain:2", "cat", "/file0", "/file1", "/file2").ok().lines == ["0", "1", "2"]
    timber.remove_containers()
    assert timber.tctl("rmi", "chain:0").ok().lines[0] == "Untagged: chain:0"
    assert timber.run("chain:2", "cat", "/file0").ok().out == "0"
    removed = timber.docker("rmi", "chain:1", "chain:2").ok().lines
    assert [line for line in removed if line.startswith("Untagged")] == ["Untagged: chain:1", "Untagged: chain:2"]
    assert sum(line.startswith("Deleted") for line in removed) >= 5


def test_order_within_a_second(timber):
    timber.tctl("create", "--name", "web", "busybox").ok()
    made = [timber.tctl("commit", "-m", f"number {number}", "web", f"made:{number}").ok().out for number in range(3)]

    def listed(**filters):
        return [image["Id"] for image in timber.api.get("/images/json", filters=filters).expect(200).json if image["Id"] in made]

    assert listed() == made[::-1]
    assert listed(since=["made:0"]) == made[:0:-1] and listed(before=["made:2"]) == made[1::-1]
    assert listed(since=["made:0"], before=["made:2"]) == [made[1]]


@pytest.mark.parametrize("program", ["tctl", "docker"])
def test_import(timber, program, busybox, tmp_path):
    cli = getattr(timber, program)
    rootfs = tmp_path / "rootfs.tar.gz"
    rootfs.write_bytes(gzip.compress(busybox.layer))
    id = cli("import", "-c", 'CMD ["echo", "imported"]', "-m", "from a file", rootfs, "flat:1").ok().out
    made = image(timber, "flat:1")
    assert (made["Id"], made["Comment"], made["Os"], made["Architecture"]) == (id, "from a file", "linux", "amd64")
    assert len(made["RootFS"]["Layers"]) == 1
    assert timber.run("flat:1").ok().out == "imported"
    timber.sleeper("--name", "web")
    exported = timber.tctl("export", "web").ok().stdout
    id = cli("import", "-c", "CMD echo again", "-", input=exported).ok().out
    assert timber.run(id).ok().out == "again"
    assert timber.api.get(f"/images/{id}/history").json[0]["Comment"] == "Imported from -"
    cli("import", "-", "x:1", input=b"no archive" * 200).fails(1, "tar")
    cli("import", "-", "x:1", input=b"").fails(1, "empty")
    cli("import", "-c", "RUN x", "-", input=exported).fails(1, "not a valid change command")
    assert "x:1" not in timber.images()


def test_import_refuses(timber, tmp_path):
    timber.api.post("/images/create", fromSrc="http://example.org/x.tar").expect(400)
    timber.api.post("/images/create").expect(400)
    timber.tctl("import", "http://example.org/x.tar").fails(1, "is not fetched")
    timber.tctl("import", tmp_path / "none").fails(1, "none")
    hostile = TarBuilder().file("../x", "x").bytes()
    timber.tctl("import", "-", input=hostile).fails(1, "..")


def test_daemon_dies_in_the_middle(fresh):
    """kill -9 during commits: the container is not left frozen, and there is no half image."""
    fresh.sleeper("--name", "web")
    # The hole makes the commit last, so that there is a middle to find.
    script = "for i in 1 2; do head -c 30000000 /dev/urandom > /f$i; done; truncate -s 50G /hole"
    fresh.tctl("exec", "web", "sh", "-c", script).ok()
    before = set(host.files(fresh.data / "content"))
    committing = threading.Thread(target=lambda: fresh.tctl("commit", "web", "made:1"))
    committing.start()
    until(lambda: fresh.state("web") == "paused", interval=0.002)
    fresh.stop(signal.SIGKILL)
    committing.join()
    fresh.start()
    assert fresh.state("web") == "running"
    fresh.tctl("exec", "web", "rm", "/hole").ok()
    assert "made:1" not in fresh.images() and set(host.files(fresh.data / "content")) == before
    fresh.tctl("commit", "web", "made:1").ok()
    assert fresh.run("made:1", "ls", "/f2").ok().out == "/f2"


def test_client_that_vanishes(timber):
    """Its commit ends with it, and the container goes on."""
    timber.sleeper("--name", "web")
    timber.tctl("exec", "web", "truncate", "-s", "200G", "/sparse").ok()
    with timber.api.open() as connection:
        connection.sendall(b"POST /v1.43/commit?container=web&repo=half HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        until(lambda: timber.state("web") == "paused", interval=0.002)
    # 200 GB of zeros would take minutes.
    until(lambda: timber.state("web") == "running")
    timber.tctl("exec", "web", "rm", "/sparse").ok()
    timber.tctl("commit", "web").ok()
    assert "half:latest" not in timber.images()


def test_client_that_vanishes_while_importing(timber):
    with timber.api.open() as connection:
        connection.sendall(b"POST /v1.43/images/create?fromSrc=-&repo=half HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + TarBuilder().file("f", "x" * 40_000).bytes())
    timber.sh("true")
    assert "half:latest" not in timber.images()
