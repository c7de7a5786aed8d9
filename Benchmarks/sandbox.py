"""Scratch directories, and processes that do not outlive the benchmark."""

import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

# Both sides put their containers' cgroups below this word.
CGROUP_WORD = "timber-bench"
CGROUP_ROOT = pathlib.Path("/sys/fs/cgroup")


class Sandbox:
    """Where everything of one benchmark is. Directories are deleted at the end only: ext4 is slower for minutes after it."""

    def __enter__(self):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="timber-bench.", dir="/var/tmp"))
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="timber-bench.", dir="/run"))
        self.processes = []
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(130))
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.stop(process)
        for directory in (self.data, self.run):
            shutil.rmtree(directory, ignore_errors=True)
        remove_cgroups()

    def directory(self, name):
        path = self.data / name
        path.mkdir(mode=0o700)
        return path

    def start(self, command, log, environment=None):
        with open(log, "ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        self.processes.append(process)
        return process

    def stop(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)


def remove_cgroups():
    """Removes what both sides leave empty."""
    for hierarchy in [CGROUP_ROOT, *CGROUP_ROOT.iterdir()]:
        for group in hierarchy.glob(f"{CGROUP_WORD}*"):
            for directory in sorted(group.rglob("*/"), key=lambda path: -len(path.parts)):
                directory.rmdir()
            group.rmdir()
