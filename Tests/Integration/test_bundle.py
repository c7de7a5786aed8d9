"""The OCI bundle that Timber writes: Debian's runc runs it, and a probe sees the same from inside."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import host
from harness.daemon import REPOSITORY
from harness.wait import until

PROBE = Path(__file__).with_name("probe.py")
DIFFERENCES = REPOSITORY / "docs/differences.md"


def listed_differences():
    """The first column of the table below "The same bundle under runc", which names what the probe may see otherwise."""
    section = DIFFERENCES.read_text().split("## The same bundle under runc", 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall("`([^`]+)`", cell)}


def flattened(value, path=()):
    """{"mounts /proc options": …} for every leaf of what the probe printed."""
    if isinstance(value, dict):
        return {name: leaf for key, item in value.items() for name, leaf in flattened(item, (*path, key)).items()}
    # Two pipes are never the same one.
    return {" ".join(path): re.sub(r":\[\d+\]", "", value) if isinstance(value, str) else value}


@pytest.fixture
def running(timber, python):
    """A container that waits for a program on its standard input, and its client."""
    client = timber.popen("run", "-i", "--name", "bundled", "--network", "none", python, "python3", "-", stdin=subprocess.PIPE)
    until(lambda: timber.containers() and timber.state("bundled") == "running")
    yield client
    client.kill()
    client.communicate()


@pytest.fixture
def bundle(timber, running, tmp_path):
    """A copy of the container's bundle, with a root file system of the same content."""
    identifier = timber.inspect("bundled")["Id"]
    directory = tmp_path / "bundle"
    directory.mkdir()
    config = timber.run_directory / "containers" / identifier / "config.json"
    # Nothing waits for it, so it may come after the process.
    until(lambda: config.exists() and config.read_bytes().endswith(b"}"))
    shutil.copy(config, directory)
    subprocess.run(["cp", "-ax", f"/proc/{timber.pid_of('bundled')}/root/.", directory / "rootfs"], check=True)
    return directory


@pytest.fixture
def cgroups(timber):
    """runc makes the bundle's cgroup in hierarchies that Timber leaves alone, and leaves its parent there."""
    before = places(timber.cgroup)
    yield
    for place in places(timber.cgroup) - before:
        for directory in [*place.glob("*/"), place]:
            directory.rmdir()


def places(parent):
    return {top / parent for top in Path("/sys/fs/cgroup").glob("*/") if (top / parent).exists() and not top.is_symlink()}


# runc freezes and thaws the bundle's cgroup by polling, which takes long on a busy machine.
@pytest.mark.timeout(240)
def test_runc_sees_the_same(cgroups, running, bundle):
    out, errors = running.communicate(PROBE.read_bytes(), timeout=60)
    assert running.returncode == 0, errors
    ours = flattened(json.loads(out))
    result = subprocess.run(
        ["runc", "--root", bundle / "state", "run", "--bundle", bundle, f"tt-{os.getpid()}"],
        input=PROBE.read_bytes(), capture_output=True, timeout=150,
    )  # fmt: skip
    assert result.returncode == 0, result
    theirs = flattened(json.loads(result.stdout))
    # runc hands on what its caller ignores, and so tells of this test's surroundings; Timber starts from none.
    ignored = "signals blocked SigIgn"
    inherited = int(host.status(os.getpid())["SigIgn"], 16) & ~int(ours[ignored], 16)
    theirs[ignored] = f"{int(theirs[ignored], 16) & ~inherited:016x}"
    # The copy of the root is a directory.
    assert (ours.pop("mounts / type"), theirs.pop("mounts / type")) != ("overlay", "overlay")
    different = {name: (ours.get(name), theirs.get(name)) for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    unlisted = {name: values for name, values in different.items() if name not in listed_differences()}
    assert not unlisted, f"{DIFFERENCES} does not list (Timber, runc): {unlisted}"


def test_runtime_spec(bundle):
    config = json.loads((bundle / "config.json").read_text())
    assert config["ociVersion"].startswith("1.")
    assert config["process"]["args"] == ["python3", "-"]
    assert {namespace["type"] for namespace in config["linux"]["namespaces"]} >= {"pid", "mount", "network", "ipc", "uts", "cgroup"}
    assert config["process"]["capabilities"]["inheritable"] == []
    assert config["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
