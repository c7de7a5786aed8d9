"""Networks that users make: their life, what is in them, who reaches whom, and that all of it is given back."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from harness import host
from harness.wait import until

SERVER = ("busybox", "nc", "-ll", "-p", "80", "-e", "sh", "-c", "echo served")


@pytest.fixture
def network(timber):
    """Makes networks, and removes them when the test is over."""
    made = []

    def make(name, **body):
        answer = timber.api.post("/networks/create", {"Name": name, **body}).expect(201).json
        assert answer["Warning"] == ""
        made.append(answer["Id"])
        return answer["Id"]

    yield make
    timber.remove_containers()
    for name in made:
        timber.api.delete(f"/networks/{name}").expect(204, 404)
    assert {entry["Name"] for entry in timber.api.get("/networks").json} == {"bridge", "host", "none"}


def subnet(timber, part, prefix=28):
    """A small subnet that no other daemon of these tests has."""
    return timber.slot.network(part, prefix)


def with_subnet(subnet, **more):
    return {"IPAM": {"Config": [{"Subnet": subnet, **more}]}}


def address(timber, container, network):
    return timber.inspect(container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def reaches(timber, container, target, port=80):
    """Whether a server there answers; a packet that is dropped is given two seconds."""
    return timber.tctl("exec", container, "sh", "-c", f"nc -w 2 {target} {port} </dev/null || true").ok().out == "served"


def devices(timber, container):
    out = timber.tctl("exec", container, "ip", "-o", "-4", "addr").ok().out
    return {line.split()[1]: line.split()[3] for line in out.splitlines() if " lo " not in line}


def route(timber, container):
    out = timber.tctl("exec", container, "ip", "route").ok().out
    return [line.split()[2] for line in out.splitlines() if line.startswith("default")]


# --- Their life ---------------------------------------------------------------------------------------------------------


def test_create_list_inspect_remove(timber, network):
    place = subnet(timber, 0)
    identity = network("grove", **with_subnet(place, Gateway=place.replace(".0/28", ".14")), Labels={"a": "b"}, Attachable=True)
    shown = timber.api.get("/networks/grove").expect(200).json
    assert shown["Id"] == identity and len(identity) == 64
    assert (shown["Driver"], shown["Scope"], shown["Internal"], shown["EnableIPv4"], shown["EnableIPv6"]) == ("bridge", "local", False, True, False)
    assert shown["IPAM"]["Config"] == [{"Subnet": place, "Gateway": place.replace(".0/28", ".14")}]
    assert shown["Labels"] == {"a": "b"} and shown["Containers"] == {} and shown["Options"] == {}
    assert timber.api.get(f"/networks/{identity[:12]}").expect(200).json["Name"] == "grove"
    assert [entry["Name"] for entry in timber.api.get("/networks", filters={"type": ["custom"]}).json] == ["grove"]
    assert [entry["Name"] for entry in timber.api.get("/networks", filters={"label": ["a=b"]}).json] == ["grove"]
    assert [entry["Name"] for entry in timber.api.get("/networks", filters={"dangling": ["true"]}).json] == ["grove"]
    bridge = f"tn-{identity[:12]}"
    assert bridge in host.interfaces()
    timber.api.delete("/networks/grove").expect(204)
    assert bridge not in host.interfaces()
    timber.api.get("/networks/grove").expect(404)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"Name": ""}, 400, "name"), ({"Name": " "}, 400, "name"), ({"Name": "a/b"}, 400, "a/b"), ({"Name": "host"}, 403, "host"),
        ({"Name": "x", "Driver": "overlay"}, 404, "overlay"), ({"Name": "x", "Driver": "host"}, 403, "host"),
        ({"Name": "x", "EnableIPv4": False}, 400, "IPv4"),
        ({"Name": "x", "Ingress": True}, 400, "Ingress"), ({"Name": "x", "ConfigOnly": True}, 400, "ConfigOnly"),
        ({"Name": "x", "Scope": "swarm"}, 400, "swarm"), ({"Name": "x", "Options": {"com.docker.network.bridge.nosuch": "1"}}, 400, "nosuch"),
        ({"Name": "x", "Options": {"com.docker.network.driver.mtu": "x"}}, 400, "mtu"),
        ({"Name": "x", "Options": {"com.docker.network.bridge.name": "../x"}}, 400, "../x"),
        ({"Name": "x", "Options": {"com.docker.network.bridge.name": "lo"}}, 409, "lo"),
        ({"Name": "x", "IPAM": {"Driver": "nosuch"}}, 404, "nosuch"), ({"Name": "x", "IPAM": {"Options": {"o": "1"}}}, 400, '"o"'),
        ({"Name": "x", **with_subnet("10.218.250.1/24")}, 400, "10.218.250.0/24"), ({"Name": "x", **with_subnet("nosuch")}, 400, "nosuch"),
        ({"Name": "x", **with_subnet("2001:db8::/64")}, 400, "2001:db8"), ({"Name": "x", **with_subnet("127.0.0.0/8")}, 409, "lo"),
        ({"Name": "x", **with_subnet("10.218.250.0/24", Gateway="10.218.251.1")}, 400, "10.218.251.1"),
        ({"Name": "x", **with_subnet("10.218.250.0/24", IPRange="10.218.251.0/26")}, 400, "10.218.251.0/26"),
        ({"Name": "x", "IPAM": {"Config": [{"Gateway": "10.218.250.1"}]}}, 400, "--subnet"),
        ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.218.250.0/25"}, {"Subnet": "10.218.250.128/25"}]}}, 400, "subnet"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_refused(timber, body, status, word):
    assert word in timber.api.post("/networks/create", body).expect(status).message
    assert len(timber.api.get("/networks").json) == 3


def test_names_and_subnets_are_given_once(timber, network):
    network("grove", **with_subnet(subnet(timber, 0)))
    assert "grove" in timber.api.post("/networks/create", {"Name": "grove"}).expect(409).message
    assert "network grove" in timber.api.post("/networks/create", {"Name": "other", **with_subnet(subnet(timber, 0, 27))}).expect(409).message
    assert "network bridge" in timber.api.post("/networks/create", {"Name": "other", **with_subnet(timber.slot.subnet)}).expect(409).message
    # Chosen by Timber: neither of them, and not a route of the host.
    chosen = timber.api.get(f"/networks/{network('chosen')}").json["IPAM"]["Config"][0]["Subnet"]
    routes = subprocess.run(["ip", "-4", "route"], capture_output=True, text=True, check=True).stdout
    assert routes.count(f"{chosen} ") == 1


def test_options(timber, network):
    bridge = f"tt{timber.slot.number}opt"
    network(
        "grove", **with_subnet(subnet(timber, 0), IPRange=subnet(timber, 0).replace(".0/28", ".8/30"), AuxiliaryAddresses={"printer": subnet(timber, 0).replace(".0/28", ".9")}),
        Options={
            "com.docker.network.bridge.name": bridge, "com.docker.network.driver.mtu": "1300",
            "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1", "com.docker.network.bridge.enable_ip_masquerade": "false",
        })  # fmt: skip
    port = timber.slot.port(0)
    name = timber.start_container("--network", "grove", "-p", f"{port}:80", *SERVER)
    assert timber.tctl("exec", name, "cat", "/sys/class/net/eth0/mtu").ok().out == "1300"
    assert len(host.ports_of(bridge)) == 1
    assert address(timber, name, "grove").rsplit(".", 1)[1] in ("8", "10", "11")
    assert timber.inspect(name)["NetworkSettings"]["Ports"]["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    rules = "\n".join(host.firewall(timber.bridge))
    assert not [line for line in rules.splitlines() if bridge in line and "masquerade" in line and '"op": "!="' in line]


def test_in_use_and_prune(timber, network):
    network("used", Labels={"keep": "yes"})
    network("idle")
    name = timber.sleeper("--network", "used", "--name", "oak")
    assert "oak" in timber.api.delete("/networks/used").expect(403).message
    assert timber.api.post("/networks/prune", filters={"until": ["1h"]}).expect(200).json["NetworksDeleted"] is None
    assert timber.api.post("/networks/prune", filters={"label": ["keep"]}).expect(200).json["NetworksDeleted"] is None
    assert timber.api.post("/networks/prune").expect(200).json["NetworksDeleted"] == ["idle"]
    timber.tctl("kill", name).ok()
    until(lambda: timber.state(name) == "exited")
    # As Docker: a container that does not run does not keep its network, and does not start without it.
    timber.api.delete("/networks/used").expect(204)
    assert "used" in timber.api.post(f"/containers/{name}/start").expect(404).message


# --- Containers in them ---------------------------------------------------------------------------------------------------


def test_run_in_a_network(timber, network):
    network("grove", **with_subnet(subnet(timber, 0)))
    own = subnet(timber, 0).replace(".0/28", ".5")
    name = timber.docker(
        "run", "-d", "--network", "grove", "--network-alias", "db", "--ip", own, "--mac-address", "02:42:ac:12:05:02", "busybox",
        "sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait").ok().out  # fmt: skip
    settings = timber.inspect(name)["NetworkSettings"]
    shown = settings["Networks"]["grove"]
    assert (shown["IPAddress"], shown["IPPrefixLen"], shown["MacAddress"]) == (own, 28, "02:42:ac:12:05:02")
    assert shown["Aliases"] == ["db"] and shown["IPAMConfig"]["IPv4Address"] == own
    assert settings["IPAddress"] == "" and timber.inspect(name)["HostConfig"]["NetworkMode"] == "grove"
    assert devices(timber, name) == {"eth0": f"{own}/28"}
    assert route(timber, name) == [own.rsplit(".", 1)[0] + ".1"]
    [container] = timber.api.get("/networks/grove").json["Containers"].values()
    assert (container["IPv4Address"], container["MacAddress"]) == (f"{own}/28", "02:42:ac:12:05:02")
    assert [entry["Id"] for entry in timber.api.get("/containers/json", filters={"network": ["grove"]}).json] == [name]
    # The address is taken as long as it runs.
    timber.docker("run", "--rm", "--network", "grove", "--ip", own, "busybox", "true").fails(125, own)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--network", "grove", "--ip", "10.218.250.9"), "10.218.250.9"), (("--network", "chosen", "--ip", "172.31.0.9"), "--subnet"),
        (("--ip", "10.218.250.9"), "user-defined"), (("--network", "nosuch"), "nosuch"), (("--network-alias", "x"), "user-defined"),
        (("--network", "grove", "--network", "host"), "user-defined"), (("--network", "grove", "--mac-address", "nosuch"), "nosuch"),
        (("--network", "grove", "--ip6", "2001:db8::1"), "2001:db8::1"), (("--network", "6"), "multiple network ids begin with 6"),
        (("--network", "name=grove,driver-opt=a=b"), '"a"'),
    ],
    ids=str,
)  # fmt: skip
def test_run_refused(timber, network, flags, word):
    network("grove", **with_subnet(subnet(timber, 0)))
    network("chosen")
    result = timber.docker("run", "--rm", *flags, "busybox", "true")
    assert result.status == 125 and word in result.err, result
    assert timber.containers() == []


def test_several_networks(timber, network):
    for index, name in enumerate(("ash", "birch", "cedar")):
        network(name, **with_subnet(subnet(timber, index)))
    name = timber.docker("run", "-d", "--network", "birch", "--network", "ash", "--network", "name=cedar,gw-priority=1", "busybox", "sleep", "1000").ok().out
    found = devices(timber, name)
    assert list(found) == ["eth0", "eth1", "eth2"]
    assert found["eth0"].split("/")[0] == address(timber, name, "birch")
    assert found["eth1"].split("/")[0] == address(timber, name, "ash")
    # The priority, before the name.
    assert route(timber, name) == [subnet(timber, 2).replace("32/28", "33")]
    timber.docker("network", "disconnect", "cedar", name).ok()
    assert route(timber, name) == [subnet(timber, 0).replace(".0/28", ".1")]


def test_connect_and_disconnect_live(timber, network):
    network("ash", **with_subnet(subnet(timber, 0)))
    network("birch", **with_subnet(subnet(timber, 1)))
    port = timber.slot.port(1)
    name = timber.start_container("--name", "oak", "--network", "ash", "-p", f"{port}:80", *SERVER)
    peer = timber.sleeper("--network", "birch")
    assert not reaches(timber, peer, address(timber, name, "ash"))
    own = subnet(timber, 1).replace("16/28", "29")
    timber.docker("network", "connect", "--ip", own, "--alias", "db", "birch", "oak").ok()
    assert devices(timber, name)["eth1"] == f"{own}/28"
    assert timber.inspect(name)["NetworkSettings"]["Networks"]["birch"]["Aliases"] == ["db"]
    until(lambda: reaches(timber, peer, own))
    assert "already exists" in timber.api.post("/networks/birch/connect", {"Container": "oak"}).expect(403).message
    # Published ports follow the default route.
    until(lambda: host_asks(port))
    timber.docker("network", "disconnect", "ash", "oak").ok()
    assert list(devices(timber, name)) == ["eth1"] and route(timber, name) == [own.rsplit(".", 1)[0] + ".17"]
    until(lambda: host_asks(port))
    timber.docker("network", "disconnect", "birch", "oak").ok()
    assert devices(timber, name) == {} and route(timber, name) == []
    assert timber.inspect(name)["NetworkSettings"]["Networks"] == {}
    assert "not connected" in timber.api.post("/networks/birch/disconnect", {"Container": "oak"}).expect(403).message
    timber.docker("network", "connect", "bridge", "oak").ok()
    assert list(devices(timber, name)) == ["eth0"] and route(timber, name) == [timber.slot.gateway]
    until(lambda: host_asks(port))
    for other, priority in (("ash", -(2**63)), ("birch", 2**63 - 1)):
        timber.api.post(f"/networks/{other}/connect", {"Container": name, "EndpointConfig": {"GwPriority": priority}}).expect(200)
    assert route(timber, name) == [subnet(timber, 1).replace("16/28", "17")]


def serve(server):
    """Says so to everybody who comes."""
    try:
        while True:
            with server.accept()[0] as connection:
                connection.sendall(b"served\n")
    except OSError:
        return  # The test is over.


def host_asks(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            return connection.recv(10) == b"served\n"
    except OSError:
        return False


def test_connect_while_it_does_not_run(timber, network):
    network("ash")
    name = timber.tctl("create", "--name", "oak", "busybox", "ip", "-o", "-4", "addr").ok().out
    timber.api.post("/networks/ash/connect", {"Container": "oak", "EndpointConfig": {"Aliases": ["db"]}}).expect(200)
    timber.api.post("/networks/bridge/disconnect", {"Container": "oak"}).expect(200)
    assert list(timber.inspect(name)["NetworkSettings"]["Networks"]) == ["ash"]
    out = timber.tctl("start", "-a", name).ok().out
    assert "eth0" in out and "eth1" not in out
    for mode in ("host", "none"):
        other = timber.tctl("create", "--network", mode, "busybox", "true").ok().out
        timber.api.post("/networks/ash/connect", {"Container": other}).expect(400)
        timber.api.post(f"/networks/{mode}/disconnect", {"Container": other}).expect(400)


def test_events(timber, network):
    since = time.time()
    network("ash")
    name = timber.docker("run", "-d", "--network", "ash", "busybox", "sleep", "1000").ok().out
    timber.api.post("/networks/bridge/connect", {"Container": name}).expect(200)
    timber.api.post("/networks/bridge/disconnect", {"Container": name}).expect(200)
    timber.tctl("rm", "-f", name).ok()
    timber.api.delete("/networks/ash").expect(204)
    answer = timber.api.get("/events", since=f"{since:.6f}", until=f"{time.time() + 0.001:.6f}", filters={"type": ["network"]}).expect(200)
    events = [json.loads(line) for line in answer.body.splitlines()]
    assert [(event["Action"], event["Actor"]["Attributes"]["name"]) for event in events] == [
        ("create", "ash"), ("connect", "ash"), ("connect", "bridge"), ("disconnect", "bridge"), ("disconnect", "ash"), ("destroy", "ash"),
    ]  # fmt: skip
    assert {event["Actor"]["Attributes"].get("container") for event in events[1:-1]} == {name}


def test_hosts_of_a_container_that_joins(timber, network):
    """As Docker: its address and name come with a network and go with it, and what it wrote itself stays."""
    network("ash")
    name = timber.start_container("--hostname", "oak", "--domainname", "forest", "busybox", "sleep", "1000000")

    def hosts():
        return timber.tctl("exec", name, "cat", "/etc/hosts").ok().out.splitlines()

    own = f"{address(timber, name, 'bridge')}\toak.forest oak"
    assert own in hosts()
    timber.tctl("exec", name, "sh", "-c", "echo 192.0.2.1 mine >> /etc/hosts").ok()
    timber.api.post("/networks/ash/connect", {"Container": name}).expect(200)
    joined = f"{address(timber, name, 'ash')}\toak.forest oak"
    assert hosts()[-3:] == [own, "192.0.2.1 mine", joined]
    timber.api.post("/networks/bridge/disconnect", {"Container": name}).expect(200)
    assert own not in hosts() and hosts()[-2:] == ["192.0.2.1 mine", joined]


def test_links_follow_restarts(timber):
    first = timber.sleeper("--name", "oak")
    linked = timber.sleeper("--link", "oak:db")
    before = address(timber, first, "bridge")
    timber.tctl("kill", "oak").ok()
    until(lambda: timber.state("oak") == "exited")
    timber.tctl("start", "oak").ok()
    after = address(timber, first, "bridge")
    assert after != before
    hosts = timber.tctl("exec", linked, "cat", "/etc/hosts").ok().out
    assert f"{after}\tdb {first[:12]} oak" in hosts and before not in hosts


def test_links_on_the_default_bridge(timber):
    target = timber.sleeper("--name", "oak")
    hosts = timber.docker("run", "--rm", "--link", "oak:db", "busybox", "cat", "/etc/hosts").ok().out
    assert f"{address(timber, target, 'bridge')}\tdb {target[:12]} oak" in hosts
    timber.docker("run", "--rm", "--link", "nosuch", "busybox", "true").fails(125, "nosuch")
    timber.docker("create", "--name", "left", "--link", "nosuch:db", "busybox").fails(1, "cannot link to nosuch: no such container")
    timber.docker("inspect", "left").fails(1, "left")


# --- Who reaches whom -----------------------------------------------------------------------------------------------------


def test_networks_are_isolated(timber, network):
    network("ash")
    network("birch")
    servers = {name: timber.start_container("--network", name, *SERVER) for name in ("ash", "birch", "bridge")}
    for name, server in servers.items():
        peer = timber.sleeper("--network", name)
        until(lambda: reaches(timber, peer, address(timber, server, name)), message=name)
        for other, foreign in servers.items():
            if other != name:
                assert not reaches(timber, peer, address(timber, foreign, other)), (name, other)


def test_internal(timber, network):
    network("inner", Internal=True)
    port = timber.slot.port(2)
    name = timber.start_container("--network", "inner", "--cap-add", "NET_ADMIN", "-p", f"{port}:80", *SERVER)
    assert timber.inspect(name)["NetworkSettings"]["Networks"]["inner"]["Gateway"] == ""
    assert route(timber, name) == []
    peer = timber.sleeper("--network", "inner")
    until(lambda: reaches(timber, peer, address(timber, name, "inner")))
    assert not host_asks(port)
    # Not even with a route of its own making: neither to another address of the host nor to another network.
    outside = timber.start_container(*SERVER)
    gateway = timber.api.get("/networks/inner").json["IPAM"]["Config"][0]["Gateway"]
    timber.tctl("exec", name, "ip", "route", "add", "default", "via", gateway).ok()
    assert not reaches(timber, name, address(timber, outside, "bridge"))
    with socket.create_server((timber.slot.gateway, timber.slot.port(3))) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        until(lambda: reaches(timber, outside, timber.slot.gateway, timber.slot.port(3)))
        assert not reaches(timber, name, timber.slot.gateway, timber.slot.port(3))
        server.shutdown(socket.SHUT_RDWR)


def test_ports_of_a_container_that_gets_a_way_out(timber, network):
    """Nothing is published as long as it has none; then as at a start."""
    network("inner", Internal=True)
    network("ash")
    port = timber.slot.port(6)
    name = timber.start_container("--network", "inner", "-p", f"{port}:80", *SERVER)
    other = timber.start_container("--network", "inner", "-p", f"{port}:80", *SERVER)
    assert timber.inspect(name)["NetworkSettings"]["Ports"] == {"80/tcp": None}
    timber.api.post("/networks/ash/connect", {"Container": name}).expect(200)
    assert timber.inspect(name)["NetworkSettings"]["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]}
    until(lambda: host_asks(port))
    # The port is its own now, and nothing is left of an attempt that failed.
    with pytest.raises(OSError), socket.create_server(("127.0.0.1", port)):
        pass
    assert str(port) in timber.api.post("/networks/ash/connect", {"Container": other}).expect(409).message
    assert list(timber.inspect(other)["NetworkSettings"]["Networks"]) == ["inner"] and list(devices(timber, other)) == ["eth0"]
    timber.tctl("rm", "-f", name).ok()
    until(lambda: not host_asks(port))
    timber.api.post("/networks/ash/connect", {"Container": other}).expect(200)
    until(lambda: host_asks(port))


def test_without_communication_between_containers(timber, network):
    network("apart", Options={"com.docker.network.bridge.enable_icc": "false"})
    port = timber.slot.port(4)
    name = timber.start_container("--network", "apart", "-p", f"{port}:80", *SERVER)
    peer = timber.sleeper("--network", "apart")
    until(lambda: host_asks(port))
    assert not reaches(timber, peer, address(timber, name, "apart"))


def test_a_published_port(timber, network):
    network("ash")
    port = timber.slot.port(5)
    name = timber.start_container("--network", "ash", "-p", f"{port}:80", *SERVER)
    until(lambda: host_asks(port))
    peer = timber.sleeper()
    until(lambda: reaches(timber, peer, timber.slot.gateway, port))
    until(lambda: reaches(timber, name, timber.slot.gateway, port))


# --- Given back -----------------------------------------------------------------------------------------------------------


def test_many_at_once(timber, network):
    """Addresses are given once, and come back: the subnet has just enough for all."""
    network("grove", **with_subnet(f"10.218.{timber.slot.number}.128/25"))
    for _ in range(2):
        names, failed = [], []

        def start():
            result = timber.docker("run", "-d", "--network", "grove", "busybox", "sleep", "1000000")
            names.append(result.out) if result.status == 0 else failed.append(result)

        threads = [threading.Thread(target=start) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        containers = timber.api.get("/networks/grove").json["Containers"]
        assert len(containers) == 30 and len({container["IPv4Address"] for container in containers.values()}) == 30
        timber.remove_containers()
        assert timber.api.get("/networks/grove").json["Containers"] == {}


def test_after_the_daemon(fresh):
    """kill -9: networks, addresses, interfaces, routes and ports are there as before, and go as before."""
    # Subnets of its own: what the daemon chooses, somebody else may take while the bridge is not there.
    fresh.api.post("/networks/create", {"Name": "ash", "Labels": {"a": "b"}, **with_subnet(subnet(fresh, 0))}).expect(201)
    gone = fresh.api.post("/networks/create", {"Name": "gone", **with_subnet(subnet(fresh, 1))}).expect(201).json["Id"]
    fresh.api.post("/networks/create", {"Name": "inner", "Internal": True, **with_subnet(subnet(fresh, 2))}).expect(201)
    port = fresh.slot.port(0)
    name = fresh.start_container("--network", "ash", "-p", f"{port}:80", *SERVER)
    fresh.api.post("/networks/inner/connect", {"Container": name}).expect(200)
    late = fresh.start_container("--network", "inner", "-p", f"{port + 1}:80", *SERVER)
    fresh.api.post("/networks/ash/connect", {"Container": late}).expect(200)
    before = fresh.inspect(name)["NetworkSettings"]
    networks = fresh.api.get("/networks").json
    rules = host.firewall(fresh.bridge)
    for restart in (fresh.kill, fresh.stop):
        restart()
        fresh.start()
        assert fresh.inspect(name)["NetworkSettings"] == before
        assert {network["Id"]: network["IPAM"] for network in fresh.api.get("/networks").json} == {
            network["Id"]: network["IPAM"] for network in networks
        }
        assert host.firewall(fresh.bridge) == rules
        until(lambda: host_asks(port) and host_asks(port + 1))
        # Reserved by the monitor, not by the daemon.
        with pytest.raises(OSError), socket.create_server(("127.0.0.1", port + 1)):
            pass
    # A bridge that is gone, as after a reboot, is made again; one whose row is gone is removed.
    fresh.kill()
    subprocess.run(["ip", "link", "del", f"tn-{gone[:12]}"], check=True)
    fresh.start()
    assert f"tn-{gone[:12]}" in host.interfaces()
    for container, device in ((name, "eth0"), (late, "eth1")):
        fresh.api.post("/networks/inner/disconnect", {"Container": container}).expect(200)
        assert list(devices(fresh, container)) == [device]
    fresh.api.delete("/networks/inner").expect(204)


def test_killed_before_the_default_route_moves(fresh):
    """It went by the network that the container leaves; with the interface the kernel takes it away."""
    identity = fresh.api.post("/networks/create", {"Name": "ash"}).expect(201).json["Id"]
    name = fresh.sleeper()
    fresh.api.post("/networks/ash/connect", {"Container": name}).expect(200)
    assert route(fresh, name) != [fresh.slot.gateway]
    fresh.kill()
    with sqlite3.connect(fresh.data / "state.db") as database:
        (text,) = database.execute("SELECT definition FROM container WHERE id = ?", [name]).fetchone()
        definition = json.loads(text)
        definition["memberships"] = [membership for membership in definition["memberships"] if membership["network"] != identity]
        assert len(definition["memberships"]) == 1
        database.execute("UPDATE container SET definition = ? WHERE id = ?", [json.dumps(definition).encode(), name])
    fresh.start()
    assert list(devices(fresh, name)) == ["eth0"] and route(fresh, name) == [fresh.slot.gateway]


@pytest.mark.parametrize("verb", ["connect", "disconnect"])
def test_killed_while_a_container_moves(fresh, verb):
    """Whatever was on record: afterwards the container has exactly the interfaces that are shown."""
    fresh.api.post("/networks/create", {"Name": "ash"}).expect(201)
    name = fresh.sleeper()

    def change():
        try:
            fresh.api.post(f"/networks/ash/{verb}", {"Container": name})
        except OSError:
            pass  # timberd is killed before it answers.

    for attempt in range(6):
        if verb == "disconnect":
            fresh.api.post("/networks/ash/connect", {"Container": name}).expect(200, 403)
        client = threading.Thread(target=change)
        client.start()
        threading.Event().wait(attempt * 0.003)
        fresh.kill()
        client.join(30)
        fresh.start()
        shown = {settings["IPAddress"] for settings in fresh.inspect(name)["NetworkSettings"]["Networks"].values()}
        assert {value.split("/")[0] for value in devices(fresh, name).values()} == shown
        assert len(route(fresh, name)) == 1
        fresh.api.post("/networks/ash/disconnect", {"Container": name}).expect(200, 403)
        assert list(devices(fresh, name)) == ["eth0"]


def test_tctl(timber, network):
    place = subnet(timber, 0)
    identity = timber.tctl("network", "create", "--subnet", place, "--ip-range", place, "--aux-address", f"a={place[:-5]}.9", "--label", "a=b", "grove").ok().out
    assert timber.api.get("/networks/grove").json["Id"] == identity
    name = timber.start_container("--network", "grove", "--network-alias", "db", "--ip", place[:-5] + ".5", "busybox", "sleep", "1000")
    assert timber.inspect(name)["NetworkSettings"]["Networks"]["grove"]["Aliases"] == ["db"]
    timber.tctl("network", "rm", "grove").fails(1, "active endpoints")
    timber.tctl("network", "connect", "--alias", "x", "bridge", name).fails(1, "user-defined")
    timber.tctl("network", "connect", "--gw-priority", "9", "bridge", name).ok()
    assert route(timber, name) == [timber.slot.gateway]
    timber.tctl("network", "disconnect", "bridge", name).ok()
    timber.tctl("network", "disconnect", "bridge", name).fails(1, "not connected")
    timber.tctl("run", "--network", "name=grove,ip6=2001:db8::1", "busybox", "true").fails(125, "--ipv6")
    timber.tctl("rm", "-f", name).ok()
    assert timber.tctl("network", "prune", "-f").ok().lines[:2] == ["Deleted Networks:", "grove"]
    timber.tctl("network", "rm", "grove").fails(1, "grove")
    timber.tctl("network", "rm", "-f", "grove").ok()


def test_docker_py(timber, network):
    import docker

    client = docker.DockerClient(base_url=f"unix://{timber.socket}")
    try:
        made = client.networks.create("grove", driver="bridge", labels={"a": "b"}, check_duplicate=True)
        container = client.containers.run("busybox", ["sleep", "1000"], detach=True, network="grove")
        made.reload()
        assert [one.id for one in made.containers] == [container.id]
        made.disconnect(container)
        made.connect(container, aliases=["db"])
        made.reload()
        assert made.attrs["Containers"][container.id]["Name"] == container.name
        assert [one.name for one in client.networks.list(names=["grove"])] == ["grove"]
        container.remove(force=True)
        assert client.networks.prune()["NetworksDeleted"] == ["grove"]
    finally:
        client.close()


def test_another_daemon_takes_the_chosen_subnet(fresh, timber, network):
    """Between a choice and its bridge anybody may take the subnet: who did not ask for it gets another one."""
    for attempt in range(5):
        answers = []
        request = threading.Thread(target=lambda: answers.append(fresh.api.post("/networks/create", {"Name": f"late{attempt}"})))
        # The network's row, which comes behind the choice, has to wait.
        with contextlib.closing(sqlite3.connect(fresh.data / "state.db", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            request.start()
            time.sleep(0.5)
            network(f"quick{attempt}")
            database.execute("ROLLBACK")
            waited = time.monotonic() - begun
        request.join()
        # No row waits longer than five seconds.
        if waited < 4:
            break
    assert waited < 4
    shown = [answers[0].expect(201).json["Id"], f"quick{attempt}"]
    subnets = [daemon.api.get(f"/networks/{name}").json["IPAM"]["Config"][0]["Subnet"] for daemon, name in zip((fresh, timber), shown, strict=True)]
    assert subnets[0] != subnets[1]
