"""What a start has taken goes back when the kernel refuses its firewall rules: the address, the port, the interface.

The daemon lives in a network namespace of its own, where another program may own the table: then nobody else can change it, and nobody
outside sees it.
"""

import json
import subprocess

import pytest

from harness import host
from harness.daemon import Daemon, Slot
from harness.process import run
from harness.wait import until


class Apart(Daemon):
    """A timberd with a network of its own, that has five addresses to give."""

    ADDRESSES = 5

    def __init__(self, slot):
        super().__init__(slot)
        script = "ip link set lo up && echo && exec sleep 1000000"
        self.keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.keeper.stdout.readline() == b"\n"

    @property
    def flags(self):
        flags = super().flags
        flags[flags.index("--bridge-subnet") + 1] = f"10.219.{self.slot.number}.0/29"
        return flags

    def inside(self, *words):
        return ["nsenter", f"--net=/proc/{self.keeper.pid}/ns/net", *words]

    def command(self, *words):
        return self.inside(*words)

    def discard(self):
        try:
            super().discard()
        finally:
            # And with it the namespace and all that is in it.
            self.keeper.kill()
            self.keeper.wait()
            self.keeper.stdout.close()

    def interfaces(self):
        links = json.loads(run(self.inside("ip", "-j", "link", "show")).ok().out)
        return sorted(link["ifname"] for link in links)

    def free(self, port):
        """Whether nobody holds a port of this network."""
        script = f"import socket; socket.socket().bind(('0.0.0.0', {port}))"
        return run(self.inside("/usr/bin/python3", "-c", script)).status == 0


@pytest.fixture
def apart(fixtures):
    daemon = Apart(Slot())
    try:
        daemon.start()
        daemon.load(fixtures / "busybox.tar").ok()
        yield daemon
    finally:
        daemon.discard()


def test_everything_is_given_back(apart):
    table = f"timber/{apart.bridge}"
    port = apart.slot.port(0)
    publish = ("-p", f"{port}:80")
    # The first one makes what stays.
    apart.run(*publish, "busybox", "true").ok()
    owner = subprocess.Popen(apart.inside("nft", "-i"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        # In one transaction, so that the daemon has no table in between.
        owner.stdin.write(f'add table inet {table}; delete table inet {table}; add table inet {table} {{ flags owner; }}\n'.encode())
        owner.stdin.flush()
        until(lambda: is_owned(apart, table))
        for _ in range(apart.ADDRESSES + 2):
            apart.run(*publish, "busybox", "true").fails(125, "cannot publish the ports", "not permitted")
            until(lambda: apart.free(port))
        until(lambda: apart.containers() == [])
        until(lambda: apart.interfaces() == sorted(["lo", apart.bridge]), message=lambda: f"{apart.interfaces()} stay")
    finally:
        # What it owns goes with it.
        owner.kill()
        owner.communicate()
    names = [apart.start_container(*(publish if number == 0 else ()), "busybox", "sleep", "1000000") for number in range(apart.ADDRESSES)]
    assert len({apart.inspect(name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] for name in names}) == apart.ADDRESSES
    apart.run("busybox", "true").fails(125, "address")
    assert not apart.free(port)
    apart.remove_containers()
    # The monitors end a moment later; the daemon does not wait for them when it is stopped.
    until(lambda: not host.shims(apart.run_directory) and host.cgroups(apart.cgroup) == [] and apart.interfaces() == sorted(["lo", apart.bridge]))


def is_owned(apart, table):
    """Nobody else can change it."""
    return "not permitted" in run(apart.inside("nft", "add", "chain", "inet", table, "x")).err
