"""`run` and `create`: what the command sees of flags and of the image's configuration, and how it ends."""

import json
import os
import re

import pytest

from harness.images import Image
from harness.tarbuilder import TarBuilder
from harness.wait import until


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 126, 127, 130, 255])
def test_status_is_the_commands_own(timber, status):
    assert timber.run("busybox", "sh", "-c", f"exit {status}").status == status


@pytest.mark.parametrize("signal", ["KILL", "SEGV", "HUP"])
def test_death_by_signal_is_128_and_its_number(timber, signal):
    numbers = {"KILL": 137, "SEGV": 139, "HUP": 129}
    # The first process of a pid namespace is immune to its own signals, so a child of --init dies instead.
    result = timber.run("--init", "busybox", "sh", "-c", f"kill -{signal} $$")
    assert result.status == numbers[signal], result


def test_stdout_and_stderr_stay_apart(timber):
    result = timber.run("busybox", "sh", "-c", "echo out; echo err >&2").ok()
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_output_is_bytes(timber):
    result = timber.run("busybox", "printf", r"\0\1\377\n\r\033")
    assert result.stdout == b"\0\1\xff\n\r\x1b"


def test_much_output_loses_nothing(timber):
    result = timber.run("busybox", "sh", "-c", "seq 1 300000")
    assert result.stdout == b"".join(b"%d\n" % number for number in range(1, 300001))


def test_image_command_is_used_without_one(timber):
    assert timber.run("-i", "busybox", input="echo from stdin\n").ok().out == "from stdin"


def test_without_i_there_is_no_input(timber):
    assert timber.run("busybox", "cat", input="ignored").ok().out == ""


def test_end_of_input_reaches_the_container(timber):
    data = bytes(range(256)) * 4000
    assert timber.run("-i", "busybox", "cat", input=data).ok().stdout == data


def test_environment(timber, tmp_path):
    file = tmp_path / "env"
    file.write_text("# comment\nFROM_FILE=1\nEMPTY=\nSPACES= a b \nPASSED\n")
    environment = timber.environment | {"PASSED": "on", "HOSTS": "mine"}
    result = timber.run(
        "-e", "A=1", "-e", "B=x=y", "-e", "HOSTS", "-e", "UNSET_ON_HOST", "--env-file", file, "busybox", "env", env=environment
    ).ok()  # fmt: skip
    variables = dict(line.split("=", 1) for line in result.lines)
    assert variables["A"] == "1"
    assert variables["B"] == "x=y"
    assert variables["HOSTS"] == "mine"
    assert "UNSET_ON_HOST" not in variables
    assert variables["FROM_FILE"] == "1"
    assert variables["EMPTY"] == ""
    assert variables["SPACES"] == " a b "
    assert variables["PASSED"] == "on"
    assert variables["PATH"] == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert variables["HOME"] == "/root"
    assert re.fullmatch("[0-9a-f]{12}", variables["HOSTNAME"])


def test_nothing_of_the_hosts_environment_leaks(timber):
    environment = timber.environment | {"SECRET": "x"}
    assert "SECRET" not in timber.run("busybox", "env", env=environment).ok().out


def test_hostname(timber):
    assert timber.sh("hostname; cat /etc/hostname", "-h", "oak") == "oak\noak"
    assert timber.sh("grep -c oak /etc/hosts", "-h", "oak") == "1"


def test_hosts_and_resolver(timber):
    hosts = timber.sh("cat /etc/hosts", "--add-host", "tree:192.0.2.7", "--add-host", "leaf:2001:db8::1")
    assert "127.0.0.1\tlocalhost" in hosts
    assert re.search(r"192\.0\.2\.7\s+tree", hosts)
    assert re.search(r"2001:db8::1\s+leaf", hosts)
    assert timber.sh("cat /etc/resolv.conf", "--dns", "192.0.2.53").count("nameserver 192.0.2.53") == 1


def test_working_directory(timber):
    assert timber.sh("pwd", "-w", "/tmp") == "/tmp"


def test_working_directory_is_made(timber):
    assert timber.sh("pwd; stat -c %a:%u .", "-w", "/not/there/yet") == "/not/there/yet\n755:0"


def test_entrypoint(timber):
    assert timber.run("--entrypoint", "echo", "busybox", "a", "b").ok().out == "a b"
    assert timber.run("--entrypoint", "", "busybox", "echo", "c").ok().out == "c"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("nobody", "65534:65534"),
        ("1000", "1000:0"),
        ("1000:1001", "1000:1001"),
        ("nobody:staff", "65534:50"),
        ("operator", "37:37"),
        ("0", "0:0"),
    ],
)
def test_user(timber, user, expected):
    assert timber.sh("echo $(id -u):$(id -g)", "-u", user) == expected


def test_supplementary_groups_come_from_the_image(timber):
    # busybox' /etc/group: operator is a member of video (44) and staff (50).
    assert timber.sh("id -G", "-u", "operator") == "37 44 50"
    assert timber.sh("id -G", "-u", "nobody", "--group-add", "video", "--group-add", "777") == "65534 44 777"


def test_home_follows_the_user(timber):
    assert timber.sh("echo $HOME", "-u", "mail") == "/var/spool/mail"


def test_name_and_label(timber, tmp_path):
    labels = tmp_path / "labels"
    labels.write_text("from=file\n")
    timber.tctl("create", "--name", "oak", "--label", "kind=tree", "--label", "bare", "--label-file", labels, "busybox").ok()
    inspected = timber.inspect("oak")
    assert inspected["Name"] == "/oak"
    assert inspected["Config"]["Labels"] == {"kind": "tree", "bare": "", "from": "file"}


def test_random_names_are_words_and_differ(timber):
    names = {timber.inspect(timber.tctl("create", "busybox").ok().out)["Name"] for _ in range(5)}
    assert len(names) == 5
    assert all(re.fullmatch("/[a-z]+_[a-z]+[0-9]*", name) for name in names), names


def test_cidfile(timber, tmp_path):
    file = tmp_path / "cid"
    timber.run("--cidfile", file, "busybox", "true").ok()
    assert re.fullmatch("[0-9a-f]{64}", file.read_text())
    timber.run("--cidfile", file, "busybox", "true").fails(125, "cid")


def test_detached_prints_the_id_only(timber):
    result = timber.tctl("run", "-d", "busybox", "true").ok()
    assert re.fullmatch(b"[0-9a-f]{64}\n", result.stdout)
    assert result.stderr == b""


def test_rm_removes(timber):
    timber.run("--name", "gone", "busybox", "true").ok()
    assert timber.containers() == []


def test_rm_removes_when_detached(timber):
    name = timber.start_container("--rm", "busybox", "true")
    timber.tctl("wait", name)
    until(lambda: name not in timber.containers(), message="the container stays")


def test_init_reaps_orphans(timber):
    script = """
        (tail -f /dev/null & echo $! >/pid); orphan=$(cat /pid)
        kill $orphan; tries=0
        while [ -e /proc/$orphan ] && [ $tries -lt 2000 ]; do sleep 0.01; tries=$((tries + 1)); done
        [ -e /proc/$orphan ] && echo stays || echo reaped
        cat /proc/1/comm
    """
    end, first = timber.sh(script, "--init").splitlines()
    assert end == "reaped"
    assert first != "sh"


def test_image_configuration(timber, busybox, tmp_path):
    """Entrypoint, Cmd, Env, WorkingDir, User, Labels of an image, each of which a flag overrides."""
    image = busybox.image(
        "configured:1", Entrypoint=["sh", "-c", 'echo "$PWD $USER_NAME $(id -un) $*"', "x"], Cmd=["one", "two"],
        Env=["PATH=/bin", "USER_NAME=from image"], WorkingDir="/var/spool", User="mail", Labels={"a": "image"}, StopSignal="SIGUSR1",
    )  # fmt: skip
    archive = tmp_path / "image.tar"
    archive.write_bytes(image.docker_archive())
    timber.load(archive).ok()
    assert timber.run("configured:1").ok().out == "/var/spool from image mail one two"
    assert timber.run("configured:1", "three").ok().out == "/var/spool from image mail three"
    assert timber.run("-w", "/", "-u", "0", "-e", "USER_NAME=flag", "configured:1").ok().out == "/ flag root one two"
    timber.tctl("create", "--name", "configured", "--label", "b=flag", "configured:1").ok()
    config = timber.inspect("configured")["Config"]
    assert config["Labels"] == {"a": "image", "b": "flag"}
    assert config["StopSignal"] == "SIGUSR1"
    timber.tctl("rm", "configured").ok()
    timber.tctl("rmi", "configured:1").ok()


def test_inspect_has_the_documented_fields(timber):
    assert timber.tctl("run", "--name", "done", "busybox", "sh", "-c", "exit 3").status == 3
    inspected = json.loads(timber.tctl("inspect", "done").ok().out)[0]
    state = inspected["State"]
    assert (state["Status"], state["Running"], state["ExitCode"], state["Pid"]) == ("exited", False, 3, 0)
    assert state["StartedAt"] < state["FinishedAt"]
    assert inspected["Path"] == "sh" and inspected["Args"] == ["-c", "exit 3"]
    assert inspected["Config"]["Image"] == "busybox"
    assert inspected["Image"].startswith("sha256:")
    assert inspected["HostConfig"]["NetworkMode"] in ("default", "bridge")


def test_a_start_changes_nothing_in_the_containers_own_layer(timber):
    """What the runtime mounts on lies below the image: no container copies a directory up for it."""
    name = timber.tctl("create", "busybox", "ls", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf").ok().out
    timber.tctl("start", "-a", name).ok()
    assert os.listdir(timber.data / "containers" / name / "upper") == []


def test_an_image_that_is_one_program(timber, busybox, tmp_path):
    """It has no directory to mount on; those that it gets are everybody's to enter and root's to write."""
    file = tmp_path / "image.tar"
    layer = TarBuilder().file("busybox", busybox.program, mode=0o755)
    file.write_bytes(Image("alone:1", [layer]).docker_archive())
    timber.load(file).ok()
    result = timber.run("-u", "1000", "alone:1", "/busybox", "stat", "-c", "%n %a %u:%g", "/", "/etc", "/proc", "/sys", "/dev", "/etc/hosts").ok()
    assert result.lines == ["/ 755 0:0", "/etc 755 0:0", "/proc 555 0:0", "/sys 555 0:0", "/dev 755 0:0", "/etc/hosts 644 0:0"]
    assert timber.run("-u", "1000", "alone:1", "/busybox", "cat", "/etc/hostname").ok().out
