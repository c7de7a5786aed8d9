"""The bridge, published ports, the other network modes, and that all of it goes away."""

import json
import re
import socket
import subprocess

import pytest

from harness import host
from harness.wait import until

# Answers every connection.
SERVER = ("busybox", "nc", "-ll", "-p", "80", "-e", "sh", "-c", "echo served")

UDP_ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 53))
while True:
    server.sendto(*server.recvfrom(1500))
"""


def ask(address, port, timeout=10):
    """What a TCP server says to a client that says nothing."""
    with socket.create_connection((address, port), timeout) as connection:
        connection.settimeout(timeout)
        data = b""
        while chunk := connection.recv(1000):
            data += chunk
        return data.decode()


def served(address, port):
    def attempt():
        try:
            return ask(address, port) == "served\n"
        except OSError:
            return False

    return until(attempt, message=f"{address}:{port} does not answer")


def host_address():
    """An address of the host that is neither loopback nor ours; the machine may have none."""
    routes = json.loads(subprocess.run(["ip", "-j", "-4", "addr"], capture_output=True, check=True).stdout)
    for link in routes:
        for address in link.get("addr_info", []):
            if link["ifname"] != "lo" and address["scope"] == "global" and not re.match("ttest|docker|timber|tdemo", link["ifname"]):
                return address["local"]
    return None


def test_address_route_and_gateway(timber):
    out = timber.sh("ip -4 addr show eth0; ip route; cat /sys/class/net/eth0/mtu")
    prefix = timber.slot.subnet.rsplit(".", 1)[0]
    assert re.search(rf"inet {re.escape(prefix)}\.\d+/24", out)
    assert f"default via {timber.slot.gateway} dev eth0" in out


def test_loopback_is_up(timber):
    assert "127.0.0.1/8" in timber.sh("ip addr show lo")


def test_the_host_is_reached(timber):
    assert "0% packet loss" in timber.sh(f"ping -c 1 -w 30 {timber.slot.gateway}", "--cap-add", "NET_RAW")


def test_containers_reach_each_other(timber):
    name = timber.start_container(*SERVER)
    address = timber.inspect(name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    until(lambda: timber.sh(f"nc -w 2 {address} 80 </dev/null || true") == "served")


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "0.0.0.0", "gateway", "host"])
def test_published_port_from_the_host(timber, address):
    port = timber.slot.port(0)
    timber.start_container("-p", f"{port}:80", *SERVER)
    address = {"gateway": timber.slot.gateway, "host": host_address() or timber.slot.gateway}.get(address, address)
    served(address, port)


def test_published_port_from_a_container(timber):
    port = timber.slot.port(1)
    name = timber.start_container("-p", f"{port}:80", *SERVER)
    served("127.0.0.1", port)
    assert timber.sh(f"nc -w 30 {timber.slot.gateway} {port} </dev/null") == "served"
    # From itself, through the host's address: hairpin.
    assert timber.tctl("exec", name, "sh", "-c", f"nc -w 30 {timber.slot.gateway} {port} </dev/null").ok().out == "served"


def test_published_on_one_address_only(timber):
    port = timber.slot.port(2)
    timber.start_container("-p", f"127.0.0.1:{port}:80", *SERVER)
    served("127.0.0.1", port)
    with pytest.raises(OSError):
        ask(timber.slot.gateway, port, 2)


def test_udp(timber, python):
    port = timber.slot.port(3)
    timber.start_container("-p", f"{port}:53/udp", python, "python3", "-c", UDP_ECHO)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)

        def answered():
            client.sendto(b"hello", ("127.0.0.1", port))
            try:
                return client.recv(100) == b"hello"
            except OSError:
                return False

        until(answered, message="no answer over UDP")


def test_range(timber):
    first = timber.slot.port(4)
    name = timber.start_container("-p", f"{first}-{first + 2}:80-82", *SERVER)
    served("127.0.0.1", first)
    lines = timber.tctl("port", name).ok().lines
    assert f"80/tcp -> 0.0.0.0:{first}" in lines and f"82/tcp -> 0.0.0.0:{first + 2}" in lines
    assert timber.tctl("port", name, "81").ok().lines[0] == f"0.0.0.0:{first + 1}"
    timber.tctl("port", name, "99").fails(1, "99")


def test_any_free_port(timber, busybox, tmp_path):
    name = timber.start_container("-p", "80", *SERVER)
    [binding] = [line for line in timber.tctl("port", name, "80/tcp").ok().lines if line.startswith("0.0.0.0:")]
    served("127.0.0.1", int(binding.split(":")[1]))
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("exposes:1", ExposedPorts={"80/tcp": {}, "81/udp": {}}).docker_archive())
    timber.load(file).ok()
    name = timber.start_container("-P", "exposes:1", *SERVER[1:])
    ports = timber.inspect(name)["NetworkSettings"]["Ports"]
    assert set(ports) == {"80/tcp", "81/udp"}
    served("127.0.0.1", int(ports["80/tcp"][0]["HostPort"]))
    timber.tctl("rm", "-f", name).ok()
    timber.tctl("rmi", "exposes:1").ok()


def test_ps_shows_ports(timber):
    port = timber.slot.port(8)
    timber.start_container("-p", f"{port}:80", "--expose", "99", "busybox", "sleep", "1000000")
    shown = timber.tctl("ps", "--format", "{{.Ports}}").ok().out
    assert f"0.0.0.0:{port}->80/tcp" in shown and "99/tcp" in shown


def test_port_in_use_by_a_container(timber):
    port = timber.slot.port(9)
    timber.start_container("--name", "first", "-p", f"{port}:80", "busybox", "sleep", "1000000")
    timber.run("-p", f"{port}:80", "busybox", "true").fails(125, str(port), "container first")
    timber.tctl("rename", "first", "second").ok()
    timber.run("-p", f"{port}:80", "busybox", "true").fails(125, str(port), "container second")
    timber.tctl("rm", "-f", "second").ok()
    timber.run("-p", f"{port}:80", "busybox", "true").ok()


def test_port_in_use_by_another_program(timber):
    port = timber.slot.port(10)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        timber.run("-p", f"{port}:80", "busybox", "true").fails(125, str(port))
    timber.run("-p", f"{port}:80", "busybox", "true").ok()


def test_a_published_port_is_taken_for_others_too(timber):
    """Another program cannot quietly take a port that leads into a container."""
    port = timber.slot.port(11)
    timber.start_container("-p", f"{port}:80", "busybox", "sleep", "1000000")
    with socket.socket() as other, pytest.raises(OSError):
        other.bind(("0.0.0.0", port))
        other.listen()


def test_ipv6_localhost_falls_back_at_once(timber):
    """`localhost` may be ::1 first: it must be refused, not dropped, so that clients try 127.0.0.1."""
    port = timber.slot.port(12)
    timber.start_container("-p", f"{port}:80", *SERVER)
    served("127.0.0.1", port)
    try:
        ask("::1", port, timeout=20)
    except TimeoutError:
        pytest.fail("a client that tries ::1 first waits for nothing")
    except OSError:
        pass


def test_nothing_listens(timber):
    """A published port with nobody behind it refuses, as the container itself would."""
    port = timber.slot.port(13)
    timber.start_container("-p", f"{port}:80", "busybox", "sleep", "1000000")
    with pytest.raises(ConnectionRefusedError):
        ask("127.0.0.1", port)


def test_stopped_container_has_no_port(timber):
    port = timber.slot.port(15)
    name = timber.start_container("-p", f"{port}:80", *SERVER)
    served("127.0.0.1", port)
    timber.tctl("kill", name).ok()
    timber.tctl("wait", name).ok()
    with pytest.raises(OSError):
        ask("127.0.0.1", port)
    timber.tctl("start", name).ok()
    served("127.0.0.1", port)


def test_established_connection_survives_other_containers(timber):
    port = timber.slot.port(16)
    timber.start_container("-p", f"{port}:80", "busybox", "nc", "-ll", "-p", "80", "-e", "cat")
    connection = until(lambda: connected(port))
    for number in range(3):
        timber.run("-p", f"{timber.slot.port(17 + number)}:80", "busybox", "true").ok()
        connection.sendall(b"x")
        assert connection.recv(10) == b"x"
    connection.close()


def connected(port):
    try:
        connection = socket.create_connection(("127.0.0.1", port), 10)
        connection.sendall(b"y")
        assert connection.recv(1) == b"y"
        return connection
    except (OSError, AssertionError):
        return None


def test_loopback_port_is_not_reached_from_a_neighbour(timber):
    """CVE-2020-8558: route_localnet must not open the host's loopback to containers."""
    port = timber.slot.port(20)
    timber.start_container("-p", f"127.0.0.1:{port}:80", *SERVER)
    served("127.0.0.1", port)
    script = f"ip route add 127.0.0.2/32 via {timber.slot.gateway} 2>/dev/null; nc -w 1 {timber.slot.gateway} {port} </dev/null; true"
    assert timber.sh(script, "--cap-add", "NET_ADMIN") == ""


def test_no_network(timber):
    assert timber.sh("ls /sys/class/net; ip route", "--network", "none") == "lo"


def test_host_network(timber):
    assert timber.bridge in timber.sh("ls /sys/class/net", "--network", "host").split()
    timber.run("--network", "host", "-p", "80:80", "busybox", "true")


def test_network_of_a_container(timber):
    timber.start_container("--name", "owner", *SERVER)
    until(lambda: timber.sh("nc -w 1 127.0.0.1 80 </dev/null || true", "--network", "container:owner") == "served")
    own = timber.inspect("owner")["Config"]["Hostname"]
    script = "hostname; cat /etc/hostname; echo $HOSTNAME; grep -c $HOSTNAME /etc/hosts"
    assert timber.sh(script, "--network", "container:owner").splitlines() == [own, own, own, "1"]
    timber.run("--network", "container:owner", "-h", "other", "busybox", "true").fails(125, "hostname")


def test_sysctls_of_a_container_on_the_hosts_network(timber):
    """They would be the host's; the value is the one that is there already, in case they are not refused."""
    with open("/proc/sys/net/ipv4/ip_forward") as file:
        setting = f"net.ipv4.ip_forward={file.read().strip()}"
    timber.start_container("--name", "on-host", "--network", "host", "busybox", "sleep", "1000")
    timber.run("--network", "container:on-host", "--sysctl", setting, "busybox", "true").fails(125, "host's network")
    timber.start_container("--name", "on-bridge", "busybox", "sleep", "1000")
    timber.run("--network", "container:on-bridge", "--sysctl", setting, "busybox", "true").ok()


@pytest.mark.parametrize("option", ["hostname", "domainname"])
def test_names_of_the_host_are_not_changed(timber, option):
    """The name is the one that the host has already, in case it is not refused."""
    with open(f"/proc/sys/kernel/{option}") as file:
        name = file.read().strip()
    timber.run("--uts", "host", f"--{option}", name, "busybox", "true").fails(125, f"{option} and the UTS mode")


def test_gateway_by_name(timber):
    hosts = timber.sh("cat /etc/hosts", "--add-host", "host.docker.internal:host-gateway")
    assert f"{timber.slot.gateway}\thost.docker.internal" in hosts.splitlines()
    timber.run("--add-host", "x:nowhere", "busybox", "true").fails(125, "add-host")


def test_network_of_the_host_has_its_name(timber):
    assert timber.sh("hostname; cat /etc/hostname", "--network", "host").splitlines() == [socket.gethostname()] * 2


def test_addresses_are_leased_again(timber):
    """More containers than there are addresses, one after another, in a subnet of 253."""
    def address():
        return timber.sh("ip -4 -o addr show eth0 | tr -s ' ' | cut -d' ' -f4")

    seen = {address() for _ in range(5)}
    assert all(re.fullmatch(r"[\d.]+/24", one) for one in seen)


def test_address_of_a_stopped_container_is_free(timber):
    timber.tctl("run", "--name", "off", "busybox", "true").ok()
    assert timber.inspect("off")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == ""


def test_firewall_grows_by_elements_only(timber):
    """Publishing a port adds an element to a map, never a rule; removing the container takes it away."""
    before = host.firewall(timber.bridge)
    rules = [text for text in before if text.startswith('{"rule"')]
    names = [timber.start_container("-p", f"{timber.slot.port(21 + number)}:80", "busybox", "sleep", "1000000") for number in range(5)]
    during = host.firewall(timber.bridge)
    assert [text for text in during if text.startswith('{"rule"')] == rules
    assert all(any(str(timber.slot.port(21 + number)) in text for text in during) for number in range(5))
    for name in names:
        timber.tctl("rm", "-f", name).ok()
    until(lambda: host.firewall(timber.bridge) == before)
