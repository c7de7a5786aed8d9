"""A private timberd: its own directories, socket, bridge and subnet, so that any number of them run side by side."""

import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from . import host
from .api import Api
from .process import run
from .wait import until

REPOSITORY = Path(__file__).resolve().parents[3]
BIN = Path(os.environ.get("TIMBER_BIN", REPOSITORY / ".build/debug")).resolve()
FIXTURES = Path(os.environ.get("FIXTURES_OUT", REPOSITORY / "rootfs-fixtures/out")).resolve()
SLOTS = 200


class Slot:
    """A number that no other running daemon of these tests has; it names a bridge and subnets."""

    def __init__(self):
        for number in range(SLOTS):
            self.file = open(f"/run/lock/timber-test-{number}", "w")
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.file.close()
                continue
            self.number = number
            if self.bridge not in host.interfaces():
                return
            # Of a run that was killed, or of somebody who does not ask for a slot.
            self.file.close()
        raise AssertionError("every slot is taken")

    @property
    def bridge(self):
        return f"ttest{self.number}"

    @property
    def subnet(self):
        return f"10.219.{self.number}.0/24"

    @property
    def gateway(self):
        return f"10.219.{self.number}.1"

    def network(self, part, prefix=28):
        """One of sixteen subnets for networks that a test makes."""
        assert 0 <= part < 16
        return f"10.218.{self.number}.{part * 16}/{prefix}"

    def port(self, index):
        """One of fifty host ports of this slot: below the ephemeral range, so that nobody gets it by chance."""
        assert 0 <= index < 50
        return 20000 + self.number * 50 + index

    def release(self):
        self.file.close()


class Daemon:
    def __init__(self, slot):
        self.slot = slot
        self.bridge = slot.bridge
        # Short paths: the address of a Unix socket has 108 bytes.
        self.data = Path(tempfile.mkdtemp(prefix="tt-", dir="/var/tmp"))
        self.run_directory = Path(tempfile.mkdtemp(prefix="tt-", dir="/run"))
        self.socket = self.run_directory / "timberd.sock"
        self.log = self.data.with_suffix(".log")
        self.api = Api(self.socket)
        self.process = None

    # --- Its life ---------------------------------------------------------------------------------------------------

    @property
    def flags(self):
        return [
            "--data-dir", self.data, "--run-dir", self.run_directory, "--socket", self.socket,
            "--bridge", self.bridge, "--bridge-subnet", self.slot.subnet,
        ]  # fmt: skip

    def command(self, *words):
        """How to run timberd."""
        return list(words)

    @property
    def pid(self):
        return self.process.pid

    @property
    def cgroup(self):
        """The cgroup that holds those of its containers: named by the data directory's FNV-1a hash, as no two daemons share that."""
        value = 0xCBF29CE484222325
        for byte in os.fsencode(self.data):
            value = (value ^ byte) * 0x100000001B3 % 2**64
        return f"timber-{value:016x}"

    def start(self, *flags, pass_fds=(), env=None, descriptors=None):
        """Starts timberd and waits until it answers; `descriptors` are its soft and hard limit."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command(BIN / "timberd", *self.flags, *flags)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=pass_fds, env=env, start_new_session=True,
                preexec_fn=descriptors and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)),
            )  # fmt: skip
        until(self.answers, seconds=60, message=lambda: f"timberd did not answer:\n{self.log_tail()}")
        return self

    def answers(self):
        assert self.process.poll() is None, f"timberd ended with {self.process.returncode}:\n{self.log_tail()}"
        try:
            return self.api.get("/_ping", timeout=10).status == 200
        except OSError:
            return False

    def log_tail(self, size=6000):
        return self.log.read_bytes()[-size:].decode("utf-8", "replace")

    def stop(self, sign=signal.SIGTERM, seconds=60):
        """Stops timberd and returns its status; containers go on."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(sign)
        status = self.process.wait(seconds)
        self.process = None
        return status

    def kill(self):
        self.stop(signal.SIGKILL)

    def restart(self, *flags):
        self.stop()
        return self.start(*flags)

    def discard(self):
        """Stops everything and removes every trace, whatever state the test left it in."""
        try:
            if self.process is None or self.process.poll() is not None:
                self.start()
            self.remove_containers()
            assert self.stop() == 0, f"timberd did not end well:\n{self.log_tail()}"
            run(self.command(BIN / "timberd", *self.flags, "--clean-network")).ok()
            until(
                lambda: self.bridge not in host.interfaces() and host.firewall(self.bridge) == [], message="the network did not go")
            tops = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")]
            stays = [str(top / self.cgroup) for top in tops if (top / self.cgroup).exists()]
            assert stays == [], "cgroups of the daemon stay"
            assert "Fatal error" not in self.log.read_text(errors="replace"), self.log_tail()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for shim in host.shims(self.run_directory):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(shim, signal.SIGKILL)
            if self.bridge in host.interfaces():
                # What the host forwarded before is known to nobody else.
                run([BIN / "timberd", *self.flags, "--clean-network"])
            for bridge in [self.bridge, *host.networks_of(self.bridge)]:
                run(["ip", "link", "del", bridge])
            run(["nft", "delete", "table", "inet", f"timber/{self.bridge}"])
            until(lambda: not host.mounts(self.data, self.run_directory), message="mounts of ours stay")
            shutil.rmtree(self.data)
            shutil.rmtree(self.run_directory)
            self.log.unlink(missing_ok=True)
            Path(f"/run/timber/locks/cgroup%{self.cgroup}").unlink(missing_ok=True)
            self.slot.release()

    # --- Its clients ------------------------------------------------------------------------------------------------

    @property
    def environment(self):
        """What both clients need to find this daemon, and nothing of who runs the tests."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
        return kept | {
            "TIMBER_HOST": f"unix://{self.socket}",
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_CONFIG": "/nonexistent",
            "HOME": "/root",
        }

    def tctl(self, *words, **options):
        options.setdefault("env", self.environment)
        return run([BIN / "tctl", *words], **options)

    def docker(self, *words, **options):
        options.setdefault("env", self.environment)
        return run(["docker", *words], **options)

    def popen(self, *words, **options):
        """tctl in the background, with pipes."""
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(
            [str(word) for word in [BIN / "tctl", *words]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, **options,
        )  # fmt: skip

    # --- Short forms ------------------------------------------------------------------------------------------------

    def load(self, archive):
        return self.tctl("load", "-i", archive, timeout=120)

    def run(self, *words, **options):
        """`tctl run --rm WORDS`."""
        return self.tctl("run", "--rm", *words, **options)

    def sh(self, script, *flags, **options):
        """What `sh -c SCRIPT` prints in a container of busybox."""
        return self.run(*flags, "busybox", "sh", "-c", script, **options).ok().out

    def start_container(self, *words):
        """`tctl run -d WORDS`, and the id it prints."""
        out = self.tctl("run", "-d", *words).ok().out
        assert re.fullmatch("[0-9a-f]{64}", out), out
        return out

    def sleeper(self, *flags):
        """A container that does nothing until it is told to end: its trap is set, its sleep may not be forked yet."""
        name = self.start_container(*flags, "busybox", "sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait")
        self.wait_for_trap(name)
        return name

    def wait_for_trap(self, name, number=signal.SIGTERM):
        """Until the first process of a container handles a signal: the kernel drops one that it does not, as of any first process."""
        until(lambda: host.catches(self.pid_of(name), number), message=lambda: f"{name} sets no trap: {self.inspect(name)['State']}")

    def inspect(self, name, kind="container"):
        return self.api.get(f"/{kind}s/{name}/json").expect(200).json

    def pid_of(self, name):
        """The first process of a container, as the host numbers it."""
        return self.inspect(name)["State"]["Pid"]

    def state(self, name):
        return self.inspect(name)["State"]["Status"]

    def wait_for_log(self, name, word, seconds=30):
        def said():
            result = self.tctl("logs", name)
            return result.out if word in result.out or word in result.err else None

        return until(said, seconds=seconds, message=lambda: f"{name} did not say {word!r}: {self.tctl('logs', name)}")

    def containers(self):
        return [container["Id"] for container in self.api.get("/containers/json", all=1).expect(200).json]

    def images(self):
        return {tag: image["Id"] for image in self.api.get("/images/json").expect(200).json for tag in image["RepoTags"] or []}

    def remove_containers(self):
        for name in self.containers():
            self.api.delete(f"/containers/{name}", force=1, v=1).expect(204, 404)

    def remove_images(self, keep):
        """Removes all images but those with an id in `keep`, children before their parents."""
        while left := [image["Id"] for image in self.api.get("/images/json", all=1).expect(200).json if image["Id"] not in keep]:
            statuses = {self.api.delete(f"/images/{identifier}", force=1).expect(200, 404, 409).status for identifier in left}
            assert statuses != {409}, f"images cannot be removed: {left}"

    # --- What it has on the host --------------------------------------------------------------------------------------

    def traces(self):
        """All that a container could leave behind, in a form that can be compared."""
        return {
            "containers": self.containers(),
            "mounts": host.mounts(self.data, self.run_directory),
            "interfaces": host.ports_of(self.bridge),
            "networks": host.networks_of(self.bridge),
            "firewall": host.firewall(self.bridge),
            "cgroups": host.cgroups(self.cgroup),
            "shims": host.shims(self.run_directory),
            "container files": host.files(self.data / "containers"),
            "run files": host.files(self.run_directory),
            "children": children(self.pid),
        }


def children(pid):
    """Processes that the daemon is the parent of, zombies too."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += file.read().split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # A thread that has just ended.
    return found


def difference(before, after):
    """Names of traces that changed, with what came and what went; empty when nothing did."""
    changes = {}
    for name, old in before.items():
        new = after[name]
        came = [item for item in new if item not in old]
        # A veth pair that an earlier test left to the kernel may go while this one runs; nothing else may.
        went = [item for item in old if item not in new and not (name == "interfaces" and item.startswith("tv"))]
        if came or went:
            changes[name] = {"came": came, "went": went}
    return changes
