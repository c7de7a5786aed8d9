"""Docker's own command line and Python SDK, pointed at our socket, unchanged."""

import itertools
import re
import signal
import socket
import subprocess
import time

import docker
import pexpect
import pytest

from harness.wait import until


@pytest.fixture
def client(timber):
    client = docker.DockerClient(base_url=f"unix://{timber.socket}", timeout=30)
    yield client
    client.close()


def test_run(timber):
    result = timber.docker("run", "--rm", "busybox", "echo", "hi").ok()
    assert (result.out, result.err) == ("hi", "")


@pytest.mark.parametrize(("command", "status"), [(("sh", "-c", "exit 7"), 7), (("nosuch",), 127), (("/etc/passwd",), 126)])
def test_run_status(timber, command, status):
    assert timber.docker("run", "--rm", "busybox", *command).status == status


def test_run_detached_with_a_port(timber):
    port = timber.slot.port(30)
    name = timber.docker("run", "-d", "--name", "web", "-p", f"{port}:80", "busybox", "sleep", "1000000").ok().out
    assert re.fullmatch("[0-9a-f]{64}", name)
    header, row = timber.docker("ps").ok().lines
    assert f"0.0.0.0:{port}->80/tcp" in row and row.endswith("web") and "Up " in row
    assert f"80/tcp -> 0.0.0.0:{port}" in timber.docker("port", "web").ok().lines


def test_published_port_answers(timber):
    port = timber.slot.port(32)
    timber.docker("run", "-d", "--name", "web", "-p", f"127.0.0.1:{port}:80", "busybox", "nc", "-ll", "-p", "80", "-e", "echo", "hi").ok()

    def answer():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                return connection.recv(100)
        except OSError:
            return None

    assert until(answer) == b"hi\n"


def test_logs_follow_what_comes(timber):
    """`logs -f` gives each line when it is written, and ends with the container."""
    timber.docker("run", "-d", "-i", "--name", "talk", "busybox", "cat").ok()
    with subprocess.Popen(["docker", "logs", "-f", "talk"], env=timber.environment, stdout=subprocess.PIPE) as logs:
        attached = subprocess.Popen(["docker", "attach", "talk"], env=timber.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for word in (b"one\n", b"two\n"):
            attached.stdin.write(word)
            attached.stdin.flush()
            assert logs.stdout.readline() == word
        timber.docker("stop", "-t", "1", "talk").ok()
        attached.stdin.close()
        attached.wait(30)
        assert logs.stdout.read() == b"" and logs.wait(30) == 0


def test_logs_follow(timber):
    timber.docker("run", "-d", "--name", "ticks", "busybox", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done").ok()
    assert timber.docker("logs", "-f", "ticks").ok().lines == ["1", "2", "3"]
    assert timber.docker("logs", "--tail", "1", "ticks").ok().out == "3"


def test_exec_on_a_terminal(timber):
    timber.sleeper("--name", "host")
    child = pexpect.spawn("docker", ["exec", "-it", "host", "sh"], env=timber.environment, timeout=60, dimensions=(22, 77))
    child.expect_exact("/ # ")
    child.sendline("stty size; exit 3")
    child.expect_exact("22 77")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 3


def test_run_on_a_terminal(timber):
    child = pexpect.spawn("docker", ["run", "--rm", "-it", "busybox", "sh"], env=timber.environment, timeout=60)
    child.expect_exact("/ # ")
    child.sendline("echo $((6 * 7)); exit")
    child.expect_exact("42")
    child.expect(pexpect.EOF)


def test_window_and_detach_keys(timber):
    """A changed window reaches the process; Ctrl-P Ctrl-Q leaves it running, and attach finds it again."""
    child = pexpect.spawn("docker", ["run", "-it", "--name", "oak", "busybox", "sh"], env=timber.environment, timeout=60, dimensions=(20, 70))
    child.expect_exact("/ # ")
    widths = itertools.count(91)

    def follows():
        # docker itself misses a change in the moment before it begins to watch, so each try is another change.
        width = next(widths)
        child.setwinsize(31, width)
        time.sleep(0.1)
        return timber.docker("exec", "oak", "sh", "-c", "stty size </dev/pts/0").out == f"31 {width}"

    until(follows)
    child.send("\x10\x11")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0 and timber.state("oak") == "running"
    again = pexpect.spawn("docker", ["attach", "oak"], env=timber.environment, timeout=60)
    again.send("echo $((6 * 7)); exit 5\r")
    again.expect_exact("42")
    again.expect(pexpect.EOF)
    again.wait()
    assert again.exitstatus == 5


def test_signals_are_forwarded(timber):
    """Ctrl-C to docker run without a terminal is SIGINT of the process."""
    script = "trap 'echo trapped; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(["docker", "run", "--rm", "busybox", "sh", "-c", script], env=timber.environment, stdout=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(signal.SIGINT)
        assert running.stdout.read() == b"trapped\n"
        assert running.wait(30) == 9


def test_input(timber):
    data = b"x" * 1_000_000
    assert timber.docker("run", "--rm", "-i", "busybox", "cat", input=data).ok().stdout == data


def test_stop_and_rm(timber):
    timber.sleeper("--name", "host")
    assert timber.docker("stop", "host").ok().out == "host"
    assert "Exited (0)" in timber.docker("ps", "-a").ok().out
    assert timber.docker("rm", "host").ok().out == "host"
    result = timber.docker("rm", "host").fails(1, "No such container: host")
    assert result.err.startswith("Error")


def test_images_and_load(timber, fixtures):
    assert "busybox" in timber.docker("images").ok().out
    assert timber.docker("load", "-i", fixtures / "busybox.tar").ok().lines[-1] == "Loaded image: busybox:latest"
    timber.docker("tag", "busybox", "elm:2").ok()
    assert timber.docker("images", "-q", "elm").ok().out == timber.docker("images", "-q", "busybox").ok().out
    assert timber.docker("rmi", "elm:2").ok().out == "Untagged: elm:2"
    assert "ADD busybox-static" in timber.docker("history", "busybox").ok().out


def test_image_not_there(timber):
    timber.docker("run", "--pull", "never", "nosuch:1").fails(125, "No such image: nosuch:1")


@pytest.mark.parametrize(
    "words",
    [
        ("version",), ("info",), ("ps", "-a"), ("images", "-a"), ("container", "ls"), ("image", "ls"), ("network", "ls"), ("volume", "ls"),
        ("system", "df"), ("ps", "--format", "json"), ("info", "--format", "{{.ServerVersion}}"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_questions(timber, words):
    timber.docker(*words).ok()


def test_networks(timber):
    assert [line.split() for line in timber.docker("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").ok().lines] == [
        ["bridge", "bridge", "local"], ["host", "host", "local"], ["none", "null", "local"],
    ]  # fmt: skip
    assert timber.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "bridge").ok().out == timber.slot.subnet
    timber.docker("network", "create", "--driver", "overlay", "mine").fails(1, "overlay")
    timber.docker("network", "rm", "bridge").fails(1, "pre-defined")
    timber.docker("network", "prune", "-f").ok()
    timber.docker("run", "--network", "mine", "busybox", "true").fails(125, "network mine not found")


@pytest.mark.parametrize(
    "flags",
    [("--gpus", "all"), ("--device-read-bps", "/dev/null:1mb")],
    ids=" ".join,
)
def test_what_is_not_there_is_refused_by_name(timber, flags):
    """An option that would be ignored is worse than one that is missing."""
    timber.docker("create", *flags, "busybox", "true").fails((1, 125), flags[0].lstrip("-").split("=")[0])
    assert timber.containers() == []


def test_save_of_a_missing_image(timber):
    timber.docker("save", "nosuch:1").fails(1, "nosuch:1")


def test_disk_usage(timber):
    timber.docker("run", "--name", "oak", "busybox", "sh", "-c", "head -c 2000 /dev/zero >/file").ok()
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in timber.docker("system", "df", "--format", r"{{.Type}}\t{{.TotalCount}}\t{{.Size}}").ok().lines}
    assert rows["Containers"] == ["1", "2kB"] and int(rows["Images"][0]) >= 1
    assert "oak" in timber.docker("system", "df", "-v").ok().out


def test_events(timber):
    begun = f"{time.time():.6f}"
    timber.docker("run", "--rm", "--name", "oak", "busybox", "true").ok()
    lines = timber.docker("events", "--since", begun, "--until", f"{time.time():.6f}", "--filter", "container=oak", "--format", "{{.Action}}").ok().lines
    assert lines[0] == "create" and lines[-1] == "destroy" and {"attach", "start", "die"} <= set(lines)


def test_version(timber):
    """The daemon is the one part that there is."""
    lines = [line.strip() for line in timber.docker("version").ok().lines]
    server = lines[lines.index("Server: Timber") :]
    assert server[1] == "Engine:" and server.count("Engine:") == 1 and "timberd:" not in server
    assert any(line.split() == ["API", "version:", "1.50", "(minimum", "version", "1.24)"] for line in server)


def test_verbs(timber):
    script = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    timber.docker("create", "--name", "oak", "busybox", "sh", "-c", script).ok()
    timber.docker("start", "oak").ok()
    until(lambda: timber.docker("logs", "oak").ok().lines == ["ready"])
    for words in (
        ("pause", "oak"), ("unpause", "oak"), ("top", "oak"), ("inspect", "oak"), ("rename", "oak", "elm"),
        ("restart", "-t", "1", "elm"),
    ):  # fmt: skip
        timber.docker(*words).ok()
    # The first process of a pid namespace does not hear a signal before it has a handler for it.
    until(lambda: timber.docker("logs", "elm").ok().lines == ["ready", "ready"])
    for words in ("kill", "-s", "TERM", "elm"), ("wait", "elm"), ("container", "prune", "-f"):
        timber.docker(*words).ok()
    assert timber.containers() == []


def test_attach(timber):
    name = timber.docker("run", "-d", "-i", "busybox", "cat").ok().out
    attached = subprocess.Popen(["docker", "attach", name], env=timber.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    attached.stdin.write(b"through docker\n")
    attached.stdin.flush()
    assert attached.stdout.readline() == b"through docker\n"
    timber.docker("kill", name).ok()
    attached.stdin.close()
    assert attached.wait(30) == 137


def test_name_conflict_message(timber):
    timber.docker("create", "--name", "oak", "busybox").ok()
    timber.docker("create", "--name", "oak", "busybox").fails(1, 'The container name "/oak" is already in use')


# --- docker-py ---------------------------------------------------------------------------------------------------------


def test_sdk_run(client):
    assert client.containers.run("busybox", "echo hi", remove=True) == b"hi\n"
    with pytest.raises(docker.errors.ContainerError) as error:
        client.containers.run("busybox", "sh -c 'exit 3'", remove=True)
    assert error.value.exit_status == 3


def test_sdk_lifecycle(client):
    container = client.containers.run("busybox", "sleep 1000000", detach=True, name="sdk", labels={"a": "b"}, environment={"X": "1"})
    container.reload()
    assert container.status == "running" and container.labels == {"a": "b"}
    assert [found.id for found in client.containers.list(filters={"label": "a=b"})] == [container.id]
    code, output = container.exec_run("sh -c 'echo $X; echo err >&2'", demux=True)
    assert (code, output) == (0, (b"1\n", b"err\n"))
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.kill()
    assert container.wait(timeout=30)["StatusCode"] == 137
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("sdk")


def test_sdk_logs_stream(client):
    container = client.containers.run("busybox", "sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done'", detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n"


def test_sdk_images(client, fixtures):
    with open(fixtures / "busybox.tar", "rb") as file:
        [image] = client.images.load(file)
    assert image.tags == ["busybox:latest"]
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nosuch:1")


def test_sdk_ports(client, timber):
    port = timber.slot.port(31)
    container = client.containers.run("busybox", "nc -ll -p 80 -e echo x", detach=True, ports={"80/tcp": port})
    container.reload()
    assert container.ports["80/tcp"][0]["HostPort"] == str(port)


def test_sdk_wait_for_removal(client):
    container = client.containers.create("busybox", "sleep 0.3", auto_remove=True)
    container.start()
    # Without the flag docker-py fails when a container goes between its list and its inspect.
    until(lambda: not client.containers.list(all=True, ignore_removed=True))


def test_old_and_new_versions(timber):
    for version in ("1.24", "1.41", "1.43", "1.50"):
        client = docker.DockerClient(base_url=f"unix://{timber.socket}", version=version)
        assert client.ping()
        client.containers.list(all=True)
        client.close()


def test_client_killed_in_the_middle(timber):
    running = subprocess.Popen(["docker", "run", "--name", "left", "busybox", "sleep", "1000000"], env=timber.environment, stdout=subprocess.DEVNULL)
    until(lambda: timber.containers() and timber.state("left") == "running")
    running.kill()
    running.wait()
    time.sleep(0.2)
    assert timber.state("left") == "running"
