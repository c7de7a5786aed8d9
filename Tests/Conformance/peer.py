"""Debian's dockerd, with the face of our own daemon: what the tests ask of Timber they can ask of it, which proves the tests."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness.api import Api
from harness.daemon import REPOSITORY, Daemon
from harness.process import run
from harness.wait import until

# Where .ci/install unpacks docker.io and containerd.
PROGRAMS = Path(os.environ.get("PEER_BIN", REPOSITORY / ".build/tools/peer/usr")).resolve()


class Peer(Daemon):
    """Belongs into a network and a mount namespace of its own: it makes a bridge, rules and mounts as it likes."""

    def __init__(self, slot):
        self.slot = slot
        self.data = Path(tempfile.mkdtemp(prefix="tp-", dir="/var/tmp"))
        self.run_directory = Path(tempfile.mkdtemp(prefix="tp-", dir="/run"))
        self.socket = self.run_directory / "docker.sock"
        self.log = self.data.with_suffix(".log")
        # What a daemon of 20.10 knows.
        self.api = Api(self.socket, version="v1.41")
        self.process = None

    @property
    def cgroup(self):
        return f"timber-peer-{self.slot.number}"

    @property
    def flags(self):
        return [
            "--config-file", self.run_directory / "daemon.json", "--data-root", self.data, "--exec-root", self.run_directory / "exec",
            "--pidfile", self.run_directory / "pid", "--host", f"unix://{self.socket}", "--cgroup-parent", self.cgroup,
            "--storage-driver", "overlay2",
        ]  # fmt: skip

    def start(self):
        # dockerd reads a file whether there is one or not.
        (self.run_directory / "daemon.json").write_text(json.dumps({"bip": f"{self.slot.gateway}/24"}))
        path = f"{PROGRAMS}/sbin:{PROGRAMS}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in [PROGRAMS / "sbin/dockerd", *self.flags]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": path, "HOME": "/root"}, start_new_session=True,
            )  # fmt: skip
        until(self.answers, seconds=60, message=lambda: f"dockerd did not answer:\n{self.log_tail()}")
        return self

    def tctl(self, *words, **options):
        """Docker's words are the same."""
        return self.docker(*words, **options)

    def traces(self):
        """What it leaves behind is its own affair."""
        return {"containers": self.containers()}

    def discard(self):
        try:
            if self.process is not None and self.process.poll() is None:
                self.remove_containers()
                self.stop(signal.SIGTERM, seconds=60)
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for directory in (self.data, self.run_directory):
                for place in mounts_at_or_below(directory):
                    run(["umount", "--lazy", place])
            shutil.rmtree(self.data)
            shutil.rmtree(self.run_directory)
            self.log.unlink(missing_ok=True)
            remove_cgroups(self.cgroup)
            self.slot.release()


def mounts_at_or_below(directory):
    """The deepest first; dockerd binds its own directory onto itself."""
    with open("/proc/self/mountinfo") as file:
        places = [line.split()[4] for line in file]
    return sorted((place for place in places if place == str(directory) or place.startswith(f"{directory}/")), key=len, reverse=True)


def remove_cgroups(name):
    for hierarchy in [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")]:
        group = hierarchy / name
        if group.is_dir():
            for directory in [*sorted(group.rglob("*/"), key=lambda path: -len(path.parts)), group]:
                directory.rmdir()
