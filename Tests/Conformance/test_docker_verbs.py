"""Docker's command line, verb by verb, as people and scripts use it. What is expected here is what Debian's dockerd does, too."""

import io
import json
import re
import select
import subprocess
import tarfile
import time

import pexpect
import pytest
from harness.wait import until


@pytest.fixture
def terminal(timber):
    """Starts docker on a terminal of its own."""
    started = []

    def start(*words, **options):
        child = pexpect.spawn("docker", [str(word) for word in words], env=timber.environment, timeout=20, **options)
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def ended(child, status):
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == status


# --- run ---------------------------------------------------------------------------------------------------------------

RUNS = {
    "environment": (["-e", "A=1", "-e", "B=x y"], "echo $A $B", "1 x y"),
    "working directory": (["-w", "/made/for/it"], "pwd", "/made/for/it"),
    "user": (["-u", "7:8"], "id -u; id -g", "7\n8"),
    "further groups": (["-u", "7:8", "--group-add", "9"], "id -G", "8 9"),
    "host name": (["-h", "oak", "--domainname", "wood"], "hostname", "oak"),
    "hosts": (["--add-host", "elm:10.1.2.3"], "grep elm /etc/hosts", "10.1.2.3\telm"),
    "name servers": (["--dns", "10.1.2.3", "--dns-search", "wood", "--dns-option", "ndots:2"], "grep -v '^#' /etc/resolv.conf | sort", "nameserver 10.1.2.3\noptions ndots:2\nsearch wood"),
    "tmpfs": (["--tmpfs", "/t:size=64k,mode=700"], "stat -c %a /t; df -k /t | tail -n 1 | awk '{print $2}'", "700\n64"),
    "read-only": (["--read-only", "--tmpfs", "/t"], "touch /x 2>/dev/null || touch /t/x && ls /t", "x"),
    "limits of a process": (["--ulimit", "nofile=64:128", "--ulimit", "core=0"], "ulimit -n; ulimit -Hn; ulimit -c", "64\n128\n0"),
    "shared memory": (["--shm-size", "128k"], "df -k /dev/shm | tail -n 1 | awk '{print $2}'", "128"),
    "capabilities": (["--cap-drop", "ALL", "--cap-add", "CHOWN"], "grep CapEff /proc/self/status", "CapEff:\t0000000000000001"),
    "no new privileges": (["--security-opt", "no-new-privileges"], "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
    "kernel parameters": (["--sysctl", "net.ipv4.ip_default_ttl=99"], "cat /proc/sys/net/ipv4/ip_default_ttl", "99"),
    "device": (["--device", "/dev/null:/dev/nothing:rw"], "echo x >/dev/nothing && stat -c %t:%T /dev/nothing", "1:3"),
    "no network": (["--network", "none"], "ls /sys/class/net", "lo"),
    "labels and a stop signal": (["--label", "a=b", "--stop-signal", "INT", "--stop-timeout", "1"], "echo", ""),
    "logging": (["--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "max-file=2"], "echo", ""),
}  # fmt: skip


@pytest.mark.parametrize("form", RUNS, ids=lambda form: form.replace(" ", "-"))
def test_run(timber, form):
    flags, script, expected = RUNS[form]
    assert timber.docker("run", "--rm", "--pull", "never", *flags, "busybox", "sh", "-c", script).ok().out == expected


@pytest.mark.timber
def test_init(timber):
    """Debian's Docker comes without one."""
    assert timber.docker("run", "--rm", "--init", "busybox", "sh", "-c", "test $$ != 1 && echo child").ok().out == "child"


def test_run_with_files(timber, tmp_path):
    (tmp_path / "variables").write_text("# none\nA=from a file\nHOME\n")
    (tmp_path / "labels").write_text("tree=oak\n")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/in").write_text("from the host")
    out = timber.docker(
        "run", "--name", "oak", "--cidfile", tmp_path / "id", "--env-file", tmp_path / "variables", "--label-file", tmp_path / "labels",
        "-v", f"{tmp_path}/shared:/s", "--mount", f"type=bind,source={tmp_path}/shared,target=/r,readonly", "--mount", "type=volume,source=filed,target=/d",
        "--mount", "type=tmpfs,target=/t,tmpfs-size=64k", "busybox", "sh", "-c", "echo $A; cat /r/in; echo out >/s/out; touch /r/x 2>/dev/null || echo kept >/d/f",
    ).ok()  # fmt: skip
    assert out.lines == ["from a file", "from the host"] and (tmp_path / "shared/out").read_text() == "out\n"
    assert (tmp_path / "id").read_text() == timber.docker("inspect", "-f", "{{.Id}}", "oak").ok().out
    assert timber.docker("inspect", "-f", "{{.Config.Labels.tree}} {{len .Mounts}}", "oak").ok().out == "oak 4"
    timber.docker("create", "--name", "elm", "-v", "filed:/d", "-v", f"{tmp_path}/shared:/s:ro", "busybox").ok()
    script = "cat /d/f; cat /s/in; touch /s/x 2>/dev/null; touch /d/x 2>/dev/null || echo read-only"
    run = ("run", "--rm", "--pull", "never", "--entrypoint", "sh")
    assert timber.docker(*run, "--volumes-from", "elm", "busybox", "-c", script).ok().out == "kept\nfrom the host"
    assert timber.docker(*run, "--volumes-from", "elm:ro", "busybox", "-c", script).ok().out.endswith("read-only")
    assert timber.docker(*run, "--volumes-from", "elm", "-v", "/d", "busybox", "-c", "ls /d").ok().lines == ["f", "x"]
    assert not (tmp_path / "shared/x").exists()
    timber.docker("rm", "elm").ok()
    timber.docker("rm", "-v", "oak").ok()
    timber.docker("volume", "rm", "filed").ok()


def test_run_streams(timber):
    """Only what is attached comes out; input that ends, ends."""
    script = "echo out; echo err >&2"
    assert (result := timber.docker("run", "--rm", "-a", "stderr", "busybox", "sh", "-c", script).ok()) and (result.out, result.err) == ("", "err")
    assert (result := timber.docker("run", "--rm", "busybox", "sh", "-c", script).ok()) and (result.out, result.err) == ("out", "err")
    assert timber.docker("run", "--rm", "-i", "busybox", "sh", "-c", "wc -c; exit 4", input=b"x" * 300_000).ends(4).out == "300000"


def test_run_on_a_terminal(timber, terminal):
    """Detached by keys of one's own, attached to again, detached by the usual keys, and ended in it."""
    child = terminal("run", "-it", "--name", "oak", "--detach-keys", "ctrl-e,x", "busybox", "sh", dimensions=(33, 99))
    child.expect_exact("/ # ")
    child.sendline("test -t 0 && tty")
    child.expect_exact("/dev/pts/0")
    child.send("\x05x")
    ended(child, 0)
    assert timber.state("oak") == "running"
    child = terminal("attach", "oak")
    # The prompt was written before; a line of one's own shows that the stream is there.
    child.send("echo $((40 + 2))\r")
    child.expect_exact("42\r\n")
    child.send("\x10\x11")
    # run says nothing of it, attach does.
    child.expect_exact("read escape sequence")
    ended(child, 1)
    assert timber.state("oak") == "running"
    child = terminal("start", "-ai", "oak")
    child.send("exit 6\r")
    ended(child, 6)
    assert timber.docker("inspect", "-f", "{{.State.ExitCode}}", "oak").ok().out == "6"


def test_attach_of_several(timber):
    """Everybody gets what comes after they came, and the container's status."""
    script = "while read x; do test $x = over && exit 3; echo $x; done"
    timber.docker("run", "-d", "-i", "--name", "oak", "busybox", "sh", "-c", script).ok()
    pipes = {"env": timber.environment, "stdout": subprocess.PIPE}
    with subprocess.Popen(["docker", "attach", "oak"], stdin=subprocess.PIPE, **pipes) as writer:
        with subprocess.Popen(["docker", "attach", "--no-stdin", "oak"], stdin=subprocess.DEVNULL, **pipes) as reader:

            def heard():
                # A reader that is not there yet misses what is said.
                writer.stdin.write(b"again\n")
                writer.stdin.flush()
                return select.select([reader.stdout], [], [], 0.1)[0]

            until(heard)
            writer.stdin.write(b"end\n")
            writer.stdin.flush()
            for client in (reader, writer):
                while (line := client.stdout.readline()) != b"end\n":
                    assert line == b"again\n"
            writer.stdin.write(b"over\n")
            writer.stdin.close()
            for client in (reader, writer):
                assert client.stdout.read() == b"" and client.wait(20) == 3


@pytest.mark.parametrize("version", ["1.25", "1.30", "1.40", "1.41"])
def test_older_versions(timber, version):
    """What a client says that was made for an older version of the API, and gets."""
    environment = timber.environment | {"DOCKER_API_VERSION": version}

    def docker(*words):
        return timber.docker(*words, env=environment)

    assert docker("version", "-f", "{{.Client.APIVersion}}").ok().out == version
    assert docker("run", "--name", "oak", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3").ends(3).out == "out"
    assert (result := docker("logs", "oak").ok()) and (result.out, result.err) == ("out", "err")
    docker("run", "-d", "--name", "elm", "busybox", "sleep", "1000000").ok()
    assert docker("exec", "elm", "sh", "-c", "echo inside; exit 4").ends(4).out == "inside"
    with tarfile.open(fileobj=io.BytesIO(docker("cp", "elm:/etc/passwd", "-").ok().stdout)) as tar:
        assert tar.getnames() == ["passwd"]
    assert docker("stats", "--no-stream", "--format", "{{.Name}}", "elm").ok().out == "elm"
    assert docker("inspect", "-f", "{{.State.ExitCode}} {{.Config.Image}}", "oak").ok().out == "3 busybox"
    assert docker("images", "--format", "{{.Repository}}").ok().lines == ["busybox"]
    assert docker("ps", "-a", "--format", "{{.Names}}").ok().lines == ["elm", "oak"]
    assert len(docker("system", "df").ok().lines) == 5
    docker("rm", "-f", "oak", "elm").ok()


def test_exec_on_a_terminal(timber, terminal):
    timber.docker("run", "-d", "--name", "oak", "busybox", "sleep", "1000000").ok()
    child = terminal("exec", "-it", "-e", "A=b", "-w", "/tmp", "-u", "7", "oak", "sh", dimensions=(22, 77))
    child.expect_exact("$ ")
    child.sendline("stty size; echo $A $PWD $(id -u)")
    child.expect_exact("22 77\r\n")
    child.expect_exact("b /tmp 7\r\n")
    child.sendline("exit 5")
    ended(child, 5)


# --- What it says ------------------------------------------------------------------------------------------------------


def test_logs_follow_since(timber):
    timber.docker("run", "-d", "-i", "--name", "oak", "busybox", "sh", "-c", "echo one; sleep 0.02; echo two; read x; echo three >&2; exit 1").ok()
    # Attached before anything else is, so that the input is kept open.
    with subprocess.Popen(["docker", "attach", "oak"], env=timber.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as writer:
        lines = until(lambda: len(found := timber.docker("logs", "-t", "oak").ok().lines) == 2 and found)
        assert [line.split(" ")[1] for line in lines] == ["one", "two"]
        second = lines[1].split(" ")[0]
        assert timber.docker("logs", "--since", second, "oak").ok().lines == ["two"]
        assert timber.docker("logs", "--until", lines[0].split(" ")[0], "oak").ok().lines == ["one"]
        with subprocess.Popen(["docker", "logs", "-f", "--since", second, "oak"], env=timber.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as logs:
            assert logs.stdout.readline() == b"two\n"
            writer.stdin.write(b"\n")
            writer.stdin.close()
            assert logs.stderr.read() == b"three\n" and logs.stdout.read() == b"" and logs.wait(20) == 0
        assert writer.wait(20) == 1
    assert timber.docker("logs", "-n", "1", "oak").ok().err == "three"


def test_events_of_a_life(timber):
    since = f"{time.time():.9f}"
    timber.docker("create", "--name", "oak", "busybox", "sleep", "1000000").ok()
    for words in (["start", "oak"], ["pause", "oak"], ["unpause", "oak"], ["rename", "oak", "elm"], ["kill", "elm"], ["wait", "elm"], ["rm", "elm"]):
        timber.docker(*words).ok()
    until = f"{time.time():.9f}"
    words = ["events", "--since", since, "--until", until, "--filter", "type=container", "--format", "{{.Action}}"]
    assert timber.docker(*words).ok().lines == ["create", "start", "pause", "unpause", "rename", "kill", "die", "destroy"]
    assert timber.docker(*words, "--filter", "event=die", "--filter", "event=kill").ok().lines == ["kill", "die"]
    assert timber.docker(*words, "--filter", "container=nosuch").ok().lines == []
    assert timber.docker("events", "--since", until, "--until", until, "--filter", "container=elm").ok().lines == []


def test_stats(timber):
    for name in ("oak", "elm"):
        timber.docker("run", "-d", "--name", name, "-m", "64m", "busybox", "sleep", "1000000").ok()
    rows = [line.split("\t") for line in timber.docker("stats", "--no-stream", "--format", "{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.NetIO}}\t{{.PIDs}}").ok().lines]
    assert sorted(row[0] for row in rows) == ["elm", "oak"]
    for _, cpu, memory, network, pids in rows:
        assert re.fullmatch(r"[0-9.]+%", cpu) and memory.endswith(" / 64MiB") and re.fullmatch(r"\S+B / \S+B", network) and pids == "1"
    timber.docker("kill", "elm").ok()
    assert timber.docker("stats", "--no-stream", "--format", "{{.Name}}", "oak").ok().out == "oak"
    timber.docker("stats", "--no-stream", "nosuch").fails(1, "No such container: nosuch")


def test_filters(timber):
    """Names are regular expressions, ids begin so, ports are ranges, and an image's children are of it."""
    timber.docker("run", "-d", "--name", "oak", "--expose", "8005", "-p", f"127.0.0.1:{timber.slot.port(41)}:80", "busybox", "sleep", "1000000").ok()
    timber.docker("create", "--name", "oaks", "busybox").ok()
    timber.docker("commit", "oaks", "child:1").ok()
    timber.docker("create", "--name", "elm", "child:1").ok()

    def names(*filters):
        return sorted(timber.docker("ps", "-a", *(word for text in filters for word in ("--filter", text)), "--format", "{{.Names}}").ok().lines)

    assert names("name=oak") == ["oak", "oaks"] and names("name=^/oak$") == names("name=^oak$") == names("name=k$") == ["oak"]
    assert names("name=^(elm|oaks)$") == ["elm", "oaks"] and names("name=^o[^e]{3}$") == ["oaks"]
    identifier = timber.docker("inspect", "-f", "{{.Id}}", "elm").ok().out
    assert names(f"id={identifier[:12]}") == names(f"id={identifier}") == ["elm"] and names(f"id={identifier[20:]}") == []
    assert names("ancestor=child:1") == ["elm"] and names("ancestor=busybox", "name=^(oak|oaks|elm)$") == ["elm", "oak", "oaks"]
    assert names("expose=8000-8010/tcp") == names("expose=80") == ["oak"] and names("expose=8005/udp") == names("expose=8006") == []
    assert names(f"publish={timber.slot.port(41)}") == ["oak"] and names("publish=80") == names(f"publish={timber.slot.port(41)}/udp") == []
    timber.docker("ps", "--filter", "expose=x").fails(1, "x")
    timber.docker("volume", "create", "data1").ok()
    timber.docker("network", "create", "grove1").ok()
    assert timber.docker("volume", "ls", "-q", "--filter", "name=^data[0-9]$").ok().out == "data1"
    network = timber.docker("network", "inspect", "-f", "{{.Id}}", "grove1").ok().out
    for text in ("name=^grove[0-9]$", f"id={network[:12]}", f"id={network[20:]}"):
        assert timber.docker("network", "ls", "--filter", text, "--format", "{{.Name}}").ok().out == "grove1"
    assert timber.docker("images", "--filter", "reference=[a-c]hil?", "--format", "{{.Repository}}").ok().out == "child"
    timber.docker("images", "--filter", "dangling=perhaps").fails(1, "dangling")
    timber.docker("rm", "-f", "oak", "oaks", "elm").ok()
    timber.docker("rmi", "child:1").ok()
    timber.docker("volume", "rm", "data1").ok()
    timber.docker("network", "rm", "grove1").ok()


@pytest.mark.timber
def test_platforms_of_images(timber, tmp_path):
    """What is there is of this machine's platform, and nobody who asks for another one is given it."""
    own = timber.docker("image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", "busybox").ok().out
    other = "linux/arm64" if own == "linux/amd64" else "linux/amd64"
    for words in (["image", "inspect"], ["history"], ["save", "-o", tmp_path / "saved.tar"]):
        timber.docker(*words, "--platform", own, "busybox").ok()
        timber.docker(*words, "--platform", other, "busybox").fails(1, "does not provide the specified platform", other)
    timber.docker("rmi", "--platform", other, "busybox").fails(1, "platform")
    assert "busybox" in timber.docker("images").ok().out


def test_wait_for_several(timber):
    for name, status in (("oak", 3), ("elm", 0)):
        timber.docker("run", "-d", "--name", name, "busybox", "sh", "-c", f"exit {status}").ok()
    timber.docker("run", "-d", "--name", "ash", "busybox", "sleep", "1000000").ok()
    with subprocess.Popen(["docker", "wait", "oak", "elm", "ash"], env=timber.environment, stdout=subprocess.PIPE) as waiting:
        assert [waiting.stdout.readline(), waiting.stdout.readline()] == [b"3\n", b"0\n"]
        timber.docker("kill", "ash").ok()
        assert waiting.stdout.read() == b"137\n" and waiting.wait(20) == 0
    timber.docker("wait", "nosuch").fails(1, "No such container: nosuch")


def test_update(timber):
    timber.docker("run", "-d", "--name", "oak", "-m", "64m", "--memory-swap", "64m", "busybox", "sleep", "1000000").ok()
    assert timber.docker("update", "-m", "96m", "--memory-swap", "96m", "--cpus", "0.5", "--pids-limit", "77", "--restart", "on-failure:3", "oak").ok().out == "oak"
    shown = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}"
    assert timber.docker("inspect", "-f", shown, "oak").ok().out == f"{96 << 20} 500000000 77 on-failure:3"
    assert timber.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", "oak").ok().out.endswith(" / 96MiB")
    timber.docker("update", "-m", "1k", "oak").fails(1, "memory limit")


# --- Files and images --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
def test_copy_and_compare(timber, tmp_path, runs):
    timber.docker("run", "-d", "--name", "oak", "busybox", "sleep", "1000000").ok()
    timber.docker("exec", "oak", "sh", "-c", "mkdir /d && echo inside >/d/f && ln -s f /d/link && rm /etc/group").ok()
    if not runs:
        timber.docker("kill", "oak").ok()
        timber.docker("wait", "oak").ok()
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/g").write_text("outside")
    timber.docker("cp", tmp_path / "dir", "oak:/d").ok()
    timber.docker("cp", f"{tmp_path}/dir/.", "oak:/d/made").ok()
    timber.docker("cp", "oak:/d", tmp_path / "back").ok()
    assert (tmp_path / "back/dir/g").read_text() == (tmp_path / "back/made/g").read_text() == "outside"
    assert (tmp_path / "back/link").readlink().name == "f"
    timber.docker("cp", "-L", "oak:/d/link", tmp_path / "followed").ok()
    assert (tmp_path / "followed").read_text() == "inside\n"
    archive = timber.docker("cp", "oak:/d/dir", "-").ok().stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["dir", "dir/g"]
    timber.docker("cp", "-a", "-", "oak:/tmp", input=archive).ok()
    timber.docker("cp", "oak:/none", tmp_path).fails(1, "/none")
    timber.docker("cp", tmp_path / "none", "oak:/").fails(1, "none")
    changes = timber.docker("diff", "oak").ok().lines
    assert {"A /d", "A /d/f", "A /d/made/g", "A /tmp/dir/g", "C /etc", "D /etc/group"} <= set(changes) and len(changes) == len(set(changes))
    with tarfile.open(fileobj=io.BytesIO(timber.docker("export", "oak").ok().stdout)) as tar:
        assert {"d/f", "tmp/dir/g", "bin/busybox"} <= set(tar.getnames()) and "etc/group" not in tar.getnames()


@pytest.mark.usefixtures("images")
def test_commit_save_load(timber, tmp_path):
    """An image is made of a container, taken away as an archive, and comes back the same."""
    timber.docker("run", "--name", "oak", "-e", "A=1", "busybox", "sh", "-c", "echo kept >/kept").ok()
    made = timber.docker("commit", "-a", "somebody", "-m", "with a file", "-c", 'CMD ["cat", "/kept"]', "-c", "ENV B=2", "oak", "made:1").ok().out
    shown = "{{.Id}} {{.Author}} {{.Comment}} {{json .Config.Cmd}} {{json .Config.Env}}"
    before = timber.docker("inspect", "-f", shown, "made:1").ok().out
    assert before.startswith(f'{made} somebody with a file ["cat","/kept"] ') and "A=1" in before and "B=2" in before
    assert timber.docker("run", "--rm", "made:1").ok().out == "kept"
    timber.docker("rm", "oak").ok()
    timber.docker("tag", "made:1", "made:2").ok()
    history = timber.docker("history", "--format", "{{.Comment}}", "made:1").ok().lines
    timber.docker("save", "-o", tmp_path / "both.tar", "made:1", "made:2").ok()
    # As people write it, and packed on the way.
    script = "docker save busybox made:1 | gzip | docker load"
    assert "Loaded image: made:1" in subprocess.run(["sh", "-c", script], env=timber.environment, check=True, capture_output=True, text=True).stdout
    assert set(timber.docker("rmi", "made:1", "made:2").ok().lines) >= {"Untagged: made:1", "Untagged: made:2", f"Deleted: {made}"}
    assert sorted(timber.docker("load", "-i", tmp_path / "both.tar").ok().lines) == ["Loaded image: made:1", "Loaded image: made:2"]
    assert timber.docker("inspect", "-f", shown, "made:2").ok().out == before
    assert timber.docker("history", "--format", "{{.Comment}}", "made:2").ok().lines == history
    assert timber.docker("run", "--rm", "made:2").ok().out == "kept"


@pytest.mark.usefixtures("images")
def test_import(timber):
    timber.docker("create", "--name", "oak", "busybox").ok()
    archive = timber.docker("export", "oak").ok().stdout
    timber.docker("import", "-m", "flat", "-c", 'ENTRYPOINT ["echo", "flat"]', "-", "flat:1", input=archive).ok()
    assert timber.docker("run", "--rm", "flat:1", "and", "well").ok().out == "flat and well"
    assert timber.docker("image", "inspect", "-f", "{{len .RootFS.Layers}} {{.Comment}}", "flat:1").ok().out == "1 flat"
    dangling = timber.docker("import", "-", input=archive).ok().out
    assert timber.docker("images", "-q", "--no-trunc", "--filter", "dangling=true").ok().out == dangling
    assert f"deleted: {dangling}" in timber.docker("image", "prune", "-f").ok().lines


# --- Networks and volumes ----------------------------------------------------------------------------------------------


def test_networks(timber):
    whole = timber.slot.network(0, 24)
    subnet = whole.removesuffix(".0/24")
    made = timber.docker("network", "create", "--subnet", whole, "--gateway", f"{subnet}.254", "--label", "a=b", "grove").ok().out
    assert timber.docker("network", "ls", "-q", "--no-trunc", "--filter", "label=a=b").ok().out == made
    assert timber.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}} {{.Driver}} {{.Internal}}", "grove").ok().out == f"{subnet}.254 bridge false"
    timber.docker("run", "-d", "--name", "oak", "--network", "grove", "--network-alias", "tree", "busybox", "sleep", "1000000").ok()
    timber.docker("run", "-d", "--name", "elm", "busybox", "sleep", "1000000").ok()
    timber.docker("network", "connect", "--alias", "other", "--ip", f"{subnet}.7", "grove", "elm").ok()
    for name in ("oak", "tree"):
        assert subnet in timber.docker("exec", "elm", "nslookup", "-type=a", name).ok().out
    assert f"{subnet}.7" in timber.docker("exec", "oak", "nslookup", "-type=a", "other").ok().out
    shown = "{{range .Containers}}{{.Name}}={{.IPv4Address}}\n{{end}}"
    assert f"elm={subnet}.7/24" in timber.docker("network", "inspect", "-f", shown, "grove").ok().lines
    timber.docker("network", "rm", "grove").fails(1, "has active endpoints")
    assert "grove" not in timber.docker("network", "prune", "-f").ok().out
    timber.docker("network", "disconnect", "grove", "elm").ok()
    timber.docker("exec", "oak", "nslookup", "-type=a", "other").ends(1)
    assert timber.docker("inspect", "-f", "{{len .NetworkSettings.Networks}}", "elm").ok().out == "1"
    timber.docker("rm", "-f", "oak").ok()
    assert timber.docker("network", "rm", "grove").ok().out == "grove"
    timber.docker("network", "create", "--internal", "unused").ok()
    assert timber.docker("network", "prune", "-f", "--filter", "label!=kept").ok().lines == ["Deleted Networks:", "unused"]


def test_volumes(timber):
    assert timber.docker("volume", "create", "--label", "a=b", "data").ok().out == "data"
    timber.docker("run", "--name", "oak", "-v", "data:/d", "-v", "/anonymous", "busybox", "sh", "-c", "echo kept >/d/f").ok()
    anonymous = timber.docker("inspect", "-f", '{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end}}', "oak").ok().out
    assert re.fullmatch("[0-9a-f]{64}", anonymous)
    assert timber.docker("volume", "ls", "-q").ok().lines == sorted([anonymous, "data"])
    assert timber.docker("volume", "ls", "-q", "--filter", "dangling=true").ok().lines == []
    assert timber.docker("volume", "inspect", "-f", "{{.Driver}} {{.Scope}} {{.Labels.a}}", "data").ok().out == "local local b"
    timber.docker("volume", "rm", "data").fails(1, "volume is in use")
    assert timber.docker("volume", "prune", "-f").ok().lines == ["Total reclaimed space: 0B"]
    timber.docker("rm", "oak").ok()
    assert timber.docker("volume", "ls", "-q", "--filter", "dangling=true").ok().lines == sorted([anonymous, "data"])
    assert timber.docker("run", "--rm", "-v", "data:/d:ro", "-v", f"{anonymous}:/a", "busybox", "cat", "/d/f").ok().out == "kept"
    assert anonymous in timber.docker("volume", "prune", "-f", "--filter", "label!=a").ok().lines
    assert timber.docker("volume", "rm", "data").ok().out == "data"
    timber.docker("volume", "rm", "data").fails(1, "no such volume")
    timber.docker("volume", "rm", "-f", "data").ok()


def test_prune_of_everything(timber):
    """Containers that ended and networks without any; what runs and what it has stays."""
    timber.docker("network", "create", "unused").ok()
    timber.docker("network", "create", "used").ok()
    timber.docker("run", "-d", "--name", "oak", "--network", "used", "-v", "data:/d", "busybox", "sleep", "1000000").ok()
    ended = timber.docker("create", "--name", "elm", "busybox").ok().out
    out = timber.docker("system", "prune", "-f", "--filter", "label!=kept").ok().out
    assert f"Deleted Containers:\n{ended}\n" in out and "Deleted Networks:\nunused\n" in out and "Total reclaimed space:" in out
    assert timber.docker("ps", "-a", "--format", "{{.Names}}").ok().lines == ["oak"]
    assert {"used", "bridge"} <= set(timber.docker("network", "ls", "--format", "{{.Name}}").ok().lines)
    assert "data" in timber.docker("volume", "ls", "-q").ok().lines
    details = timber.docker("system", "df", "-v").ok().out
    assert "oak" in details and re.search(r"^data +1 ", details, re.MULTILINE)
    timber.docker("rm", "-f", "oak").ok()
    timber.docker("volume", "rm", "data").ok()
    timber.docker("network", "rm", "used").ok()


def test_inspect_shows_what_holds(timber):
    """Defaults too, as scripts read them that copy a container."""
    timber.docker("create", "--name", "oak", "busybox").ok()
    shown = "{{.HostConfig.IpcMode}} {{.HostConfig.ShmSize}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.LogConfig.Type}} {{json .HostConfig.MaskedPaths}}"
    assert timber.docker("inspect", "-f", shown, "oak").ok().out.startswith('private 67108864 no json-file ["/proc/')
    assert timber.docker("inspect", "-f", "{{len .HostConfig.Runtime}} {{json .HostConfig.ReadonlyPaths}}", "oak").ok().out.split()[1].startswith('["/proc/bus"')
    timber.docker("create", "--name", "elm", "--security-opt", "systempaths=unconfined", "busybox").ok()
    assert timber.docker("inspect", "-f", "{{json .HostConfig.MaskedPaths}} {{json .HostConfig.ReadonlyPaths}}", "elm").ok().out == "[] []"


def test_inspect_of_several(timber):
    """Without a kind the first that has the name; what is not there is told after what is."""
    timber.docker("create", "--name", "oak", "busybox").ok()
    result = timber.docker("inspect", "oak", "nosuch", "busybox").fails(1, "No such object: nosuch")
    assert [("State" in item, "RootFS" in item) for item in json.loads(result.out)] == [(True, False), (False, True)]
    assert timber.docker("inspect", "-s", "-f", "{{.SizeRw}}", "oak").ok().out == "0"
