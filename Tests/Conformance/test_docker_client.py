"""Docker's command line, the families that ask a daemon for more than containers."""

import json
import subprocess
import time

import pytest


@pytest.mark.timber
def test_info_and_version(timber):
    """No line of nonsense: what is not there is not shown, and nothing is warned of that is no fault."""
    info = timber.docker("info").ok()
    assert not [line for line in info.lines if line.endswith(":") and line != "Server:" and line.startswith(" ") and "version" in line]
    for line in ("Server Version:", "Init Binary: timber-shim", "Storage Driver: overlay2", "Cgroup Driver: cgroupfs", "Swarm: inactive", "Runtimes: timber", "Kernel Version:"):
        assert line in info.out, line
    for word in ("<nil>", "%!", "expected", "ERROR"):
        assert word not in info.out + info.err, word
    assert timber.docker("info", "-f", "{{.ServerVersion}} {{.Driver}}").ok().out.endswith(" overlay2")
    version = timber.docker("version").ok()
    assert "Server: Timber" in version.out and "API version:      1.50 (minimum version 1.24)" in version.out
    assert version.err == ""


@pytest.mark.timber
def test_what_timber_is_not(timber):
    assert timber.docker("plugin", "ls").ok().lines == ["ID        NAME      DESCRIPTION   ENABLED"]
    for words in (["service", "ls"], ["node", "ls"], ["secret", "ls"], ["stack", "ls"], ["swarm", "init"], ["config", "ls"]):
        timber.docker(*words).fails(1, "swarm")
    timber.docker("search", "x").fails(1, "registries")


def test_system_df_and_prune(timber):
    timber.docker("run", "--name", "done", "-v", "kept:/d", "busybox", "sh", "-c", "head -c 3000 /dev/zero >/file").ok()
    summary = timber.docker("system", "df").ok().lines
    assert [line.split("  ")[0] for line in summary] == ["TYPE", "Images", "Containers", "Local Volumes", "Build Cache"]
    assert "3kB" in timber.docker("system", "df", "--format", "{{.Type}} {{.Size}}").ok().lines[1]
    details = timber.docker("system", "df", "-v").ok().out
    assert "Images space usage:" in details and "done" in details and "kept" in details and "Build cache usage: 0B" in details
    result = timber.docker("system", "prune", "-f").ok()
    assert "Deleted Containers:" in result.out and "Total reclaimed space: 3kB" in result.out and result.err == ""
    assert timber.docker("volume", "ls", "-q").ok().out == "kept"
    timber.docker("volume", "rm", "kept").ok()
    assert "busybox" in timber.docker("images").ok().out


def test_events(timber):
    begun = time.time()
    timber.docker("run", "--rm", "--name", "evented", "--label", "a=b", "busybox", "true").ok()
    lines = timber.docker("events", "--since", f"{begun:.9f}", "--until", f"{time.time():.9f}", "--filter", "container=evented", "--format", "{{.Action}}").ok().lines
    assert lines[0] == "create" and lines[-1] == "destroy" and "die" in lines
    lines = timber.docker("events", "--since", "1m", "--until", "-1s", "--filter", "label=a=b", "--filter", "event=die", "--format", "json").ok().lines
    assert json.loads(lines[-1])["Actor"]["Attributes"]["exitCode"] == "0"
    words = ["docker", "events", "--filter", "type=volume", "--until", f"{time.time() + 100:.0f}"]
    with subprocess.Popen(words, env=timber.environment, stdout=subprocess.PIPE) as events:
        # What is created before the client listens is seen by --since alone; this goes on until it does.
        for number in range(100):
            timber.docker("volume", "create", f"seen{number}").ok()
            if timber.api.get("/info").json["NEventsListener"]:
                break
        timber.docker("volume", "create", "last").ok()
        while b"last" not in (line := events.stdout.readline()):
            assert b" volume " in line
        events.terminate()
    timber.docker("volume", "rm", *timber.docker("volume", "ls", "-q").ok().lines).ok()


@pytest.mark.timber
def test_prune_of_named_volumes(timber):
    """Docker knows the flag since 23."""
    timber.docker("volume", "create", "kept").ok()
    assert "kept" not in timber.docker("volume", "prune", "-f").ok().out
    assert "kept" in timber.docker("volume", "prune", "-af").ok().out


def test_volumes(timber):
    timber.docker("volume", "create", "--label", "a=b", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m", "fast").ok()
    assert timber.docker("volume", "ls", "--filter", "label=a", "--format", "{{.Name}} {{.Driver}}").ok().out == "fast local"
    assert timber.docker("volume", "inspect", "-f", "{{.Options.type}}", "fast").ok().out == "tmpfs"
    assert timber.docker("run", "--rm", "--mount", "source=fast,target=/d", "busybox", "stat", "-fc", "%T", "/d").ok().out == "tmpfs"
    timber.docker("volume", "rm", "fast").ok()
    timber.docker("volume", "inspect", "fast").fails(1, "no such volume")


def test_inspect_of_every_kind(timber):
    timber.sleeper("--name", "oak", "-v", "data:/d")
    for kind, name, template, value in (
        ("container", "oak", "{{.Name}} {{.State.Status}}", "/oak running"), ("image", "busybox", "{{index .RepoTags 0}}", "busybox:latest"),
        ("volume", "data", "{{.Name}} {{.Scope}}", "data local"), ("network", "bridge", "{{.Driver}}", "bridge"),
    ):  # fmt: skip
        assert timber.docker("inspect", "--type", kind, "-f", template, name).ok().out == value
        assert json.loads(timber.docker(kind, "inspect", name).ok().out)[0]
    timber.docker("rm", "-f", "oak").ok()
    timber.docker("volume", "rm", "data").ok()


def test_save_and_load(timber, tmp_path):
    timber.docker("tag", "busybox", "copy:1").ok()
    before = timber.docker("inspect", "-f", "{{.Id}}", "copy:1").ok().out
    timber.docker("save", "-o", tmp_path / "copy.tar", "copy:1").ok()
    timber.docker("rmi", "copy:1").ok()
    assert "Loaded image: copy:1" in timber.docker("load", "-i", tmp_path / "copy.tar").ok().out
    assert timber.docker("inspect", "-f", "{{.Id}}", "copy:1").ok().out == before
    timber.docker("rmi", "copy:1").ok()


@pytest.mark.parametrize("command", [("ps", "-a"), ("images",), ("volume", "ls"), ("network", "ls"), ("system", "info")])
def test_listings_say_nothing_on_standard_error(timber, command):
    assert timber.docker(*command).ok().err == ""
