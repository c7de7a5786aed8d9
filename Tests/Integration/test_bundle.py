"""The OCI bundle that Timber writes: Debian's runc runs it, and a probe sees the same from inside."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROBE = Path(__file__).with_name("probe.py")

# What docs/differences.md lists: each is a choice of ours that the runtime-spec cannot say, or runc does differently.
DIFFERENT = {"oom_score_adj", "hostname"}


@pytest.fixture
def bundle(timber, python, tmp_path):
    """Timber's bundle of a running container, copied, with a root file system of the same content."""
    name = timber.start_container("-i", "--network", "none", python, "sleep", "1000000")
    directory = tmp_path / "bundle"
    directory.mkdir()
    shutil.copy(timber.run_directory / "containers" / name / "config.json", directory / "config.json")
    subprocess.run(["cp", "-ax", f"/proc/{timber.pid_of(name)}/root/.", directory / "rootfs"], check=False, capture_output=True)
    return name, directory


def test_runc_sees_the_same(timber, bundle):
    name, directory = bundle
    ours = json.loads(timber.tctl("exec", "-i", name, "python3", "-", input=PROBE.read_bytes()).ok().out)
    config = json.loads((directory / "config.json").read_text())
    config["process"]["args"] = ["python3", "-"]
    config["process"]["terminal"] = False
    (directory / "config.json").write_text(json.dumps(config))
    identifier = f"tt-{os.getpid()}"
    result = subprocess.run(
        ["runc", "--root", directory / "state", "run", "--bundle", directory, identifier], input=PROBE.read_bytes(), capture_output=True
    )
    assert result.returncode == 0, result
    theirs = json.loads(result.stdout)
    for key in set(ours) - DIFFERENT - {"pid", "descriptors"}:
        assert ours[key] == theirs[key], key


def test_runtime_spec(bundle):
    _, directory = bundle
    config = json.loads((directory / "config.json").read_text())
    assert config["ociVersion"].startswith("1.")
    assert config["process"]["args"] == ["sleep", "1000000"]
    assert {namespace["type"] for namespace in config["linux"]["namespaces"]} >= {"pid", "mount", "network", "ipc", "uts"}
    assert config["process"]["capabilities"]["inheritable"] in ([], None) if "inheritable" in config["process"]["capabilities"] else True
