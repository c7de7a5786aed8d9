"""Networks with IPv6: what they get, who reaches whom, and that all of it is there again after the daemon."""

import ipaddress
import socket
import subprocess

import pytest

from harness import host
from harness.wait import until

SERVER = ("busybox", "nc", "-ll", "-p", "80", "-e", "sh", "-c", "echo served")


@pytest.fixture
def network(timber):
    """Makes networks, and removes them when the test is over."""
    made = []

    def make(name, *subnets, **body):
        if subnets:
            body["IPAM"] = {"Config": [{"Subnet": subnet} if isinstance(subnet, str) else subnet for subnet in subnets]}
        made.append(timber.api.post("/networks/create", {"Name": name, "EnableIPv6": True, **body}).expect(201).json["Id"])
        return made[-1]

    yield make
    timber.remove_containers()
    for name in made:
        timber.api.delete(f"/networks/{name}").expect(204, 404)


def subnet(daemon, part):
    """A subnet that no other daemon of these tests has."""
    return f"fd00:7e57:{daemon.slot.number:x}:{part:x}::/64"


def inside(daemon, part, last):
    return str(ipaddress.ip_network(subnet(daemon, part))[last])


def place(daemon, container, network):
    return daemon.inspect(container)["NetworkSettings"]["Networks"][network]


def reaches(daemon, container, target, port=80):
    """Whether a server there answers; a packet that is dropped is given two seconds."""
    return daemon.tctl("exec", container, "sh", "-c", f"nc -w 2 {target} {port} </dev/null || true").ok().out == "served"


def addresses(daemon, container):
    """{interface: address/prefix} of those that can be reached from elsewhere."""
    lines = daemon.tctl("exec", container, "ip", "-o", "-6", "addr").ok().out.splitlines()
    return {line.split()[1]: line.split()[3] for line in lines if "scope global" in line}


def routes(daemon, container):
    lines = daemon.tctl("exec", container, "ip", "-6", "route").ok().out.splitlines()
    return [line.split()[2] for line in lines if line.startswith("default")]


def knob(daemon, container, name):
    return daemon.tctl("exec", container, "cat", f"/proc/sys/net/ipv6/conf/{name}").ok().out


def test_create_list_and_inspect(timber, network):
    place6 = subnet(timber, 1)
    identity = network("grove", timber.slot.network(0), {"Subnet": place6, "Gateway": inside(timber, 1, 9)})
    shown = timber.api.get("/networks/grove").expect(200).json
    assert shown["EnableIPv6"] is True
    assert shown["IPAM"]["Config"] == [
        {"Subnet": timber.slot.network(0), "Gateway": f"10.218.{timber.slot.number}.1"},
        {"Subnet": place6, "Gateway": inside(timber, 1, 9)},
    ]
    out = subprocess.run(["ip", "-6", "addr", "show", "dev", f"tn-{identity[:12]}"], capture_output=True, text=True, check=True).stdout
    assert f"{inside(timber, 1, 9)}/64" in out
    assert "network grove" in timber.api.post(
        "/networks/create", {"Name": "x", "EnableIPv6": True, "IPAM": {"Config": [{"Subnet": place6}]}}).expect(409).message
    # Chosen by Timber: unique local addresses (RFC 4193), other ones for each network and the same prefix for all.
    chosen = []
    for name in ("chosen", "other"):
        network(name)
        chosen.append(timber.api.get(f"/networks/{name}").json["IPAM"]["Config"][1]["Subnet"])
    assert chosen[0] != chosen[1] and {ipaddress.ip_network(one).prefixlen for one in chosen} == {64}
    prefixes = {ipaddress.ip_network(one).supernet(new_prefix=48) for one in chosen}
    assert len(prefixes) == 1 and prefixes.pop().subnet_of(ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("subnets", "more", "status", "word"),
    [
        (["fd00:7e57::1/64"], {}, 400, "use fd00:7e57::/64"), (["fe80::/64"], {}, 400, "fe80::/10"), (["ff05::/64"], {}, 400, "ff00::/8"),
        (["::/64"], {}, 400, "::/8"), (["fd00:7e57::/127"], {}, 400, "8 to 126"), (["fd00:7e57::/64", "fd00:7e58::/64"], {}, 400, "IPv6 subnet"),
        (["nosuch::/64"], {}, 400, "nosuch"), ([{"Subnet": "fd00:7e57::/64", "Gateway": "fd00:7e58::1"}], {}, 400, "fd00:7e58::1"),
        ([{"Subnet": "fd00:7e57::/64", "Gateway": "10.0.0.1"}], {}, 400, "10.0.0.1"),
        ([{"Subnet": "fd00:7e57::/64", "IPRange": "fd00:7e58::/80"}], {}, 400, "fd00:7e58::/80"),
        (["fd00:7e57::/64"], {"EnableIPv6": False}, 400, "--ipv6"),
        ([], {"Options": {"com.docker.network.driver.mtu": "1279"}}, 400, "1280"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_refused(timber, subnets, more, status, word):
    configs = [{"Subnet": one} if isinstance(one, str) else one for one in subnets]
    body = {"Name": "x", "EnableIPv6": True, "IPAM": {"Config": configs}, **more}
    assert word in timber.api.post("/networks/create", body).expect(status).message
    assert len(timber.api.get("/networks").json) == 3


def test_run_in_a_network(timber, network):
    network("grove", subnet(timber, 1))
    own = inside(timber, 1, 0x55)
    name = timber.docker("run", "-d", "--network", "grove", "--ip6", own, "busybox", "sleep", "1000000").ok().out
    shown = place(timber, name, "grove")
    assert (shown["GlobalIPv6Address"], shown["GlobalIPv6PrefixLen"], shown["IPv6Gateway"]) == (own, 64, inside(timber, 1, 1))
    assert shown["IPAMConfig"] == {"IPv6Address": own} and shown["IPAddress"] != ""
    assert addresses(timber, name) == {"eth0": f"{own}/64"} and routes(timber, name) == [inside(timber, 1, 1)]
    assert f"{own}\t{name[:12]}" in timber.tctl("exec", name, "cat", "/etc/hosts").ok().out
    [container] = timber.api.get("/networks/grove").json["Containers"].values()
    assert container["IPv6Address"] == f"{own}/64"
    # Nobody's announcements are believed (CVE-2020-13401).
    for value in ("accept_ra", "autoconf", "accept_redirects", "disable_ipv6"):
        assert knob(timber, name, f"eth0/{value}") == "0", value
    # The address is taken as long as it runs, and no longer.
    timber.docker("run", "--rm", "--network", "grove", "--ip6", own, "busybox", "true").fails(125, own)
    timber.tctl("rm", "-f", name).ok()
    timber.docker("run", "--rm", "--network", "grove", "--ip6", own, "busybox", "true").ok()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--network", "grove", "--ip6", "2001:db8::1"), "2001:db8::1"), (("--network", "grove", "--ip6", "10.0.0.1"), "10.0.0.1"),
        (("--network", "chosen", "--ip6", "fd00::9"), "--subnet"), (("--ip6", "fd00::9"), "user-defined"),
        (("--network", "plain", "--ip6", "fd00::9"), "--ipv6"), (("--network", "grove", "--link-local-ip", "fe80::9"), "fe80::9"),
    ],
    ids=str,
)  # fmt: skip
def test_run_refused(timber, network, flags, word):
    network("grove", subnet(timber, 1))
    network("chosen")
    network("plain", EnableIPv6=False)
    result = timber.docker("run", "--rm", *flags, "busybox", "true")
    assert result.status == 125 and word in result.err, result
    assert timber.containers() == []


def test_who_reaches_whom(timber, network):
    network("ash", subnet(timber, 1))
    network("birch", subnet(timber, 2))
    network("inner", subnet(timber, 3), Internal=True)
    servers = {name: timber.start_container("--network", name, *SERVER) for name in ("ash", "birch", "inner")}
    for name, server in servers.items():
        peer = timber.sleeper("--network", name)
        until(lambda: reaches(timber, peer, place(timber, server, name)["GlobalIPv6Address"]), message=name)
        for other, foreign in servers.items():
            if other != name:
                assert not reaches(timber, peer, place(timber, foreign, other)["GlobalIPv6Address"]), (name, other)
    assert place(timber, servers["inner"], "inner")["IPv6Gateway"] == "" and routes(timber, servers["inner"]) == []


def test_a_subnet_that_is_taken(timber, network):
    """It is refused as the user's own, once; only what the daemon chooses itself it chooses again."""
    network("ash", subnet(timber, 1), timber.slot.network(0))
    for own, chosen in ((subnet(timber, 1), subnet(timber, 2)), (timber.slot.network(0), timber.slot.network(1))):
        body = {"Name": "refused", "EnableIPv6": True, "IPAM": {"Config": [{"Subnet": own}]}}
        assert "network ash" in timber.api.post("/networks/create", body).expect(409).message
        network("birch", chosen)
        timber.api.delete("/networks/birch").expect(204)
    assert not [line for line in timber.log.read_text().splitlines() if "network=refused" in line and "subnet again" in line]


def test_connect_and_disconnect_live(timber, network):
    network("plain", EnableIPv6=False)
    network("ash", subnet(timber, 1))
    network("birch", subnet(timber, 2))
    name = timber.sleeper("--network", "plain")
    assert addresses(timber, name) == {} and routes(timber, name) == [] and knob(timber, name, "eth0/disable_ipv6") == "1"
    own = inside(timber, 2, 0x66)
    timber.docker("network", "connect", "--ip6", own, "birch", name).ok()
    assert addresses(timber, name) == {"eth1": f"{own}/64"} and routes(timber, name) == [inside(timber, 2, 1)]
    assert knob(timber, name, "eth0/disable_ipv6") == "1" and knob(timber, name, "eth1/accept_ra") == "0"
    # The highest priority, then the first by name: each family for itself.
    timber.tctl("network", "connect", "ash", name).ok()
    assert routes(timber, name) == [inside(timber, 1, 1)]
    timber.docker("network", "disconnect", "ash", name).ok()
    assert routes(timber, name) == [inside(timber, 2, 1)]
    timber.tctl("network", "connect", "--gw-priority", "-1", "ash", name).ok()
    assert routes(timber, name) == [inside(timber, 2, 1)]
    timber.docker("network", "disconnect", "birch", name).ok()
    assert list(addresses(timber, name)) == ["eth2"] and routes(timber, name) == [inside(timber, 1, 1)]
    timber.docker("network", "disconnect", "ash", name).ok()
    assert addresses(timber, name) == {} and routes(timber, name) == []


def test_published_ports(timber, network):
    network("ash", subnet(timber, 1))
    network("plain", EnableIPv6=False)
    port, own = timber.slot.port(7), inside(timber, 1, 1)
    name = timber.start_container("--network", "ash", "-p", f"{port}:80", "-p", f"[{own}]:{port + 1}:80", "-p", f"0.0.0.0:{port + 2}:80", *SERVER)
    assert timber.inspect(name)["NetworkSettings"]["Ports"]["80/tcp"] == [
        {"HostIp": "0.0.0.0", "HostPort": str(port)}, {"HostIp": "::", "HostPort": str(port)},
        {"HostIp": own, "HostPort": str(port + 1)}, {"HostIp": "0.0.0.0", "HostPort": str(port + 2)},
    ]  # fmt: skip
    assert f"[::]:{port}->80/tcp" in timber.docker("ps", "--format", "{{.Ports}}").ok().out
    until(lambda: asks("127.0.0.1", port) and asks(own, port) and asks(own, port + 1) and asks("127.0.0.1", port + 2))
    assert not asks(own, port + 2) and not asks("127.0.0.1", port + 1)
    # What cannot be sent on is refused at once, and a client tries the next address.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("::1", port), 5)
    assert "::1" in timber.docker("create", "-p", f"[::1]:{port + 3}:80", "busybox", "true").fails(1).err
    timber.docker("run", "--rm", "--network", "plain", "-p", f"[{own}]:{port + 3}:80", "busybox", "true").fails(125, "--ipv6")
    # They go with the default route of their family, and with the container.
    network("birch", subnet(timber, 2))
    timber.tctl("network", "connect", "--gw-priority", "9", "birch", name).ok()
    assert routes(timber, name) == [inside(timber, 2, 1)]
    until(lambda: asks("127.0.0.1", port) and asks(own, port))
    timber.tctl("network", "disconnect", "ash", name).ok()
    until(lambda: asks("127.0.0.1", port) and asks(own, port))
    timber.tctl("rm", "-f", name).ok()
    assert not asks(own, port) and not asks("127.0.0.1", port)


def asks(address, port):
    try:
        with socket.create_connection((address, port), 2) as connection:
            return connection.recv(10) == b"served\n"
    except OSError:
        return False


def test_after_the_daemon(fresh):
    """kill -9: addresses are there as before, taken as before, and free again when their container is gone."""
    place6 = subnet(fresh, 1)
    # The network whose bridge is taken away has both: what the daemon chooses, somebody else may take meanwhile.
    both = [{"Subnet": place6}, {"Subnet": fresh.slot.network(0)}]
    for name, more in (("ash", {"IPAM": {"Config": both}}), ("chosen", {})):
        fresh.api.post("/networks/create", {"Name": name, "EnableIPv6": True, **more}).expect(201)
    own = inside(fresh, 1, 0x77)
    port = fresh.slot.port(0)
    server = fresh.start_container("--network", "ash", "--ip6", own, "-p", f"{port}:80", *SERVER)
    fresh.api.post("/networks/chosen/connect", {"Container": server}).expect(200)
    before = fresh.inspect(server)["NetworkSettings"]
    networks = {network["Id"]: network["IPAM"] for network in fresh.api.get("/networks").json}
    rules = host.firewall(fresh.bridge)
    for restart in (fresh.kill, fresh.stop):
        restart()
        fresh.start()
        assert fresh.inspect(server)["NetworkSettings"] == before
        assert {network["Id"]: network["IPAM"] for network in fresh.api.get("/networks").json} == networks
        assert host.firewall(fresh.bridge) == rules
        until(lambda: asks(inside(fresh, 1, 1), port))
        fresh.docker("run", "--rm", "--network", "ash", "--ip6", own, "busybox", "true").fails(125, own)
    peer = fresh.sleeper("--network", "ash")
    until(lambda: reaches(fresh, peer, own))
    # A bridge that is gone, as after a reboot, is made again with its addresses.
    fresh.remove_containers()
    identity = fresh.api.get("/networks/ash").json["Id"]
    fresh.kill()
    subprocess.run(["ip", "link", "del", f"tn-{identity[:12]}"], check=True)
    fresh.start()
    fresh.docker("run", "--rm", "--network", "ash", "--ip6", own, "--cap-add", "NET_RAW", "busybox", "ping", "-6", "-c", "1", "-w", "30", inside(fresh, 1, 1)).ok()


def test_tctl(timber, network):
    place4, place6 = timber.slot.network(1), subnet(timber, 4)
    words = ["network", "create", "--ipv6", "--subnet", place6, "--subnet", place4, "--gateway", inside(timber, 4, 7)]
    identity = timber.tctl(*words, "--ip-range", f"{inside(timber, 4, 0x10)}/124", "--aux-address", f"a={inside(timber, 4, 0x10)}", "grove").ok().out
    try:
        assert timber.api.get(f"/networks/{identity}").json["IPAM"]["Config"] == [
            {"Subnet": place4, "Gateway": f"10.218.{timber.slot.number}.17"},
            {"Subnet": place6, "Gateway": inside(timber, 4, 7), "IPRange": f"{inside(timber, 4, 0x10)}/124", "AuxiliaryAddresses": {"a": inside(timber, 4, 0x10)}},
        ]
        assert timber.tctl("network", "ls", "--filter", "name=grove", "--format", "{{.IPv4}} {{.IPv6}}").ok().out == "true true"
        name = timber.start_container("--network", "grove", "busybox", "sleep", "1000000")
        assert place(timber, name, "grove")["GlobalIPv6Address"] == inside(timber, 4, 0x11)
        timber.tctl("network", "disconnect", "grove", name).ok()
        timber.tctl("network", "connect", "--ip6", inside(timber, 4, 0x99), "grove", name).ok()
        assert list(addresses(timber, name).values()) == [f"{inside(timber, 4, 0x99)}/64"]
        timber.tctl("network", "create", "--ipv6", "--subnet", place6, "--subnet", subnet(timber, 5), "x").fails(1, "--subnet")
    finally:
        timber.remove_containers()
        timber.tctl("network", "rm", "grove").ok()
