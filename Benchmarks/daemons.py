"""The two daemons: how to start one with nothing in it, how to call it, and which processes it consists of."""

import http.client
import json
import os
import socket
import subprocess
import time

import memory
from sandbox import CGROUP_WORD


class Daemon:
    """One daemon with its files in the sandbox; started again, it starts from nothing."""

    name = ""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.process = None
        self.generation = 0

    def start(self):
        """Starts it on new directories and waits until it answers."""
        self.stop()
        self.generation += 1
        name = f"{self.name}{self.generation}"
        self.data = self.sandbox.directory(name)
        self.run = self.sandbox.run / name
        self.run.mkdir()
        self.socket = self.run / "api.sock"
        log = self.sandbox.data / f"{name}.log"
        self.process = self.sandbox.start(self.command(), log, self.environment())
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.request("GET", "/_ping")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self.name} did not start:\n{log.read_text()[-2000:]}")

    def stop(self):
        if self.process:
            running = self.output("ps", "-q").split()
            if running:
                self.output("rm", "-f", *running)
            self.sandbox.stop(self.process)
            self.process = None

    def environment(self):
        """What its client, and itself, are started with."""
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def output(self, *words):
        result = subprocess.run([self.client, *words], env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"{self.name} {' '.join(words)[:200]}: {result.stderr.strip()}")
        return result.stdout.strip()

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.socket))
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def pids(self):
        """The processes that there are without any container."""
        raise NotImplementedError

    def container_pids(self, container, port):
        """The processes that a running container has besides its own."""
        raise NotImplementedError


class Timber(Daemon):
    name = "timber"

    def __init__(self, sandbox, binaries):
        super().__init__(sandbox)
        self.binaries = binaries
        self.client = str(binaries / "tctl")

    def command(self):
        return [
            str(self.binaries / "timberd"), "--data-dir", str(self.data), "--run-dir", str(self.run), "--socket", str(self.socket),
            # The bridge's name is in the name of the cgroup, too.
            "--bridge", "bench0", "--bridge-subnet", "10.213.78.0/24",
        ]

    def environment(self):
        return {**os.environ, "TIMBER_HOST": f"unix://{self.socket}"}

    def pids(self):
        return [self.process.pid]

    def container_pids(self, container, port):
        return memory.find(lambda words: words[0].endswith("timber-shim") and container in words)


class Docker(Daemon):
    name = "docker"

    def __init__(self, sandbox, peer):
        super().__init__(sandbox)
        self.peer = peer
        self.client = str(peer / "bin/docker")

    def command(self):
        configuration = self.run / "daemon.json"
        configuration.write_text("{}")
        return [
            str(self.peer / "sbin/dockerd"), "--config-file", str(configuration), "--data-root", str(self.data),
            "--exec-root", str(self.run / "exec"), "--pidfile", str(self.run / "pid"), "--host", f"unix://{self.socket}",
            "--cgroup-parent", f"{CGROUP_WORD}-docker", "--storage-driver", "overlay2",
        ]

    def environment(self):
        return {
            **os.environ, "PATH": f"{self.peer}/sbin:{self.peer}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.run),
        }

    def pids(self):
        containerd = memory.find(lambda words: words[0].endswith("containerd") and any(str(self.run) in word for word in words))
        return [self.process.pid, *containerd]

    def container_pids(self, container, port):
        return memory.find(
            lambda words: words[0].endswith("containerd-shim-runc-v2") and container in words
            or words[0].endswith("docker-proxy") and str(port) in words)
