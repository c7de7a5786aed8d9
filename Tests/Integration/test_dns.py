"""The name server at 127.0.0.11 of containers in networks that users make."""

import contextlib
import ipaddress
import os
import socket
import struct
import subprocess
import threading

import pytest

from harness.wait import until

TYPES = {"A": 1, "MX": 15, "TXT": 16, "PTR": 12, "AAAA": 28, "SRV": 33}

# Asks 127.0.0.11 and prints code, truncation and the addresses of each answer; `tcp` goes by TCP.
ASK = """
import socket, struct, sys
def ask(name, kind, way):
    packet = struct.pack(">HHHHHH", 4660, 256, 1, 0, 0, 0)
    packet += b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\\0" + struct.pack(">HH", int(kind), 1)
    if way == "tcp":
        with socket.create_connection(("127.0.0.11", 53), 30) as s:
            s.sendall(struct.pack(">H", len(packet)) + packet)
            stream = s.makefile("rb")
            answer = stream.read(struct.unpack(">H", stream.read(2))[0])
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(30)
            s.connect(("127.0.0.11", 53))
            s.send(packet)
            answer = s.recv(65535)
    assert answer[:2] == packet[:2] and answer[12:len(packet)] == packet[12:], answer
    flags, _, count = struct.unpack(">HHH", answer[2:8])
    found, place = [], len(packet)
    for _ in range(count):
        place += 2
        length = struct.unpack(">H", answer[place + 8:place + 10])[0]
        data = answer[place + 10:place + 10 + length]
        found.append(socket.inet_ntoa(data) if length == 4 and kind == "1" else data.hex())
        place += 10 + length
    print(flags & 15, flags >> 9 & 1, *sorted(found))
for line in sys.stdin:
    ask(*line.split())
"""


@pytest.fixture
def network(timber):
    made = []

    def make(name, **body):
        made.append(timber.api.post("/networks/create", {"Name": name, **body}).expect(201).json["Id"])

    yield make
    timber.remove_containers()
    for name in made:
        timber.api.delete(f"/networks/{name}").expect(204, 404)


class Server:
    """A name server on the host that knows what a test tells it, by UDP and TCP."""

    def __init__(self, address):
        self.address = address
        self.asked = []
        self.long = 0
        self.code = 0
        self.silent = False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        self.sources = set()
        for body in (self.datagrams, self.connections):
            threading.Thread(target=body, daemon=True).start()

    def answer(self, query, limit):
        self.asked.append(query)
        count = self.long or 1
        question = query[12 : query.index(b"\0", 12) + 5]
        records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, number + 1]) for number in range(count))
        flags = 0x8180 | self.code
        if len(records) + 12 + len(question) > limit:
            flags, count, records = flags | 0x200, 0, b""
        if self.code:
            count, records = 0, b""
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + records

    def datagrams(self):
        with contextlib.suppress(OSError):
            while True:
                query, sender = self.udp.recvfrom(4096)
                if sender is None:
                    return  # Shut down.
                self.sources.add((sender[1], query[:2]))
                if not self.silent:
                    self.udp.sendto(self.answer(query, 512), sender)

    def connections(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                with connection, contextlib.suppress(OSError):
                    stream = connection.makefile("rb")
                    answer = self.answer(stream.read(struct.unpack(">H", stream.read(2))[0]), 65535)
                    connection.sendall(struct.pack(">H", len(answer)) + answer)

    def close(self):
        for one in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def upstream(timber):
    """Two name servers on addresses of the host that no other daemon of these tests uses."""
    with contextlib.ExitStack() as stack:
        servers = []
        for last in (1, 2):
            own = f"198.18.{timber.slot.number}.{last}"
            subprocess.run(["ip", "address", "replace", f"{own}/32", "dev", "lo"], check=True)
            stack.callback(subprocess.run, ["ip", "address", "del", f"{own}/32", "dev", "lo"], check=True)
            servers.append(Server(own))
            stack.callback(servers[-1].close)
        yield servers


def ask(daemon, container, *questions):
    """[code, truncated, records…] for each `name type [tcp]`."""
    lines = []
    for question in questions:
        name, kind, *way = question.split()
        lines.append(f"{name} {TYPES[kind]} {way[0] if way else 'udp'}\n")
    out = daemon.tctl("exec", "-i", container, "python3", "-c", ASK, input="".join(lines)).ok().out
    return [line.split() for line in out.splitlines()]


def address(daemon, container, network):
    return daemon.inspect(container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def asker(daemon, python, *flags):
    return daemon.start_container(*flags, python, "sleep", "1000000")


def encoded(*labels):
    return "".join(f"{len(label):02x}{label.encode().hex()}" for label in labels) + "00"


def test_names(timber, network, python):
    network("ash")
    network("birch")
    web = timber.start_container("--name", "web", "--network", "ash", "--network-alias", "Front", "--hostname", "fir", "busybox", "sleep", "1000000")
    other = timber.sleeper("--name", "other", "--network", "birch")
    me = asker(timber, python, "--name", "me", "--network", "ash", "--dns", timber.slot.gateway)
    own = address(timber, web, "ash")
    for name in ("web", "WEB", "front", web[:12], "fir", "web.ash"):
        assert ask(timber, me, f"{name} A", f"{name} A tcp") == [["0", "0", own]] * 2, name
    # No other types, and nothing of it leaves the host: the server that would be asked is not there.
    assert ask(timber, me, "web AAAA", "web MX", "web SRV") == [["0", "0"]] * 3
    reverse = ".".join(reversed(own.split("."))) + ".in-addr.arpa"
    assert ask(timber, me, f"{reverse} PTR") == [["0", "0", encoded("web", "ash")]]
    # Neither names nor addresses of networks that it is not in.
    assert ask(timber, me, "other A") == [["2", "0"]]
    timber.api.post("/networks/birch/connect", {"Container": me, "EndpointConfig": {"Aliases": ["self"]}}).expect(200)
    assert ask(timber, me, "other A", "other.birch A") == [["0", "0", address(timber, other, "birch")]] * 2
    assert ask(timber, me, "self A") == [["0", "0", address(timber, me, "birch")]]
    # What is renamed, or has ended, is not found by its old name.
    timber.tctl("rename", "web", "spider").ok()
    assert ask(timber, me, "spider A", "web A") == [["0", "0", own], ["2", "0"]]
    timber.tctl("kill", "spider").ok()
    until(lambda: ask(timber, me, "spider A") == [["2", "0"]])
    # By the C library, too.
    assert address(timber, other, "birch") in timber.tctl("exec", me, "python3", "-c", "import socket; print(socket.gethostbyname('other'))").ok().out


def test_aliases_shared_and_links(timber, network, python):
    network("ash")
    servers = [timber.sleeper("--network", "ash", "--network-alias", "pool") for _ in range(3)]
    timber.tctl("rename", servers[0], "postgres").ok()
    me = asker(timber, python, "--network", "ash", "--link", "postgres:db", "--dns", timber.slot.gateway)
    assert ask(timber, me, "pool A") == [["0", "0", *sorted(address(timber, server, "ash") for server in servers)]]
    assert ask(timber, me, "db A") == [["0", "0", address(timber, servers[0], "ash")]]
    # A link is its container's own.
    other = asker(timber, python, "--network", "ash", "--dns", timber.slot.gateway)
    assert ask(timber, other, "db A") == [["2", "0"]]


def test_addresses_of_ipv6(timber, network, python):
    network("ash", EnableIPv6=True)
    network("birch")
    oak = timber.sleeper("--name", "oak", "--network", "ash", "--network", "birch")
    elm = timber.sleeper("--name", "elm", "--network", "birch")
    me = asker(timber, python, "--network", "ash", "--network", "birch", "--dns", timber.slot.gateway)
    own = ipaddress.ip_address(timber.inspect(oak)["NetworkSettings"]["Networks"]["ash"]["GlobalIPv6Address"])
    assert ask(timber, me, "oak AAAA", "oak.ash AAAA tcp") == [["0", "0", own.packed.hex()]] * 2
    assert ask(timber, me, "oak A") == [["0", "0", *sorted(address(timber, oak, name) for name in ("ash", "birch"))]]
    # A name without such an address has none, and nobody outside is asked for it.
    assert ask(timber, me, "oak.birch AAAA", "elm AAAA") == [["0", "0"]] * 2
    assert ask(timber, me, f"{own.reverse_pointer} PTR") == [["0", "0", encoded("oak", "ash")]]
    assert ask(timber, me, f"{(own + 99).reverse_pointer} PTR") == [["3", "0"]]
    # The C library asks for both.
    script = "import socket; print(*sorted({entry[4][0] for entry in socket.getaddrinfo('oak', 80)}))"
    assert str(own) in timber.tctl("exec", me, "python3", "-c", script).ok().out.split()
    timber.tctl("rm", "-f", oak).ok()
    assert ask(timber, me, f"{own.reverse_pointer} PTR") == [["3", "0"]]


def test_resolv_conf(timber, network):
    network("ash")
    assert timber.sh("cat /etc/resolv.conf", "--network", "ash", "--dns-search", "example").splitlines() == [
        "nameserver 127.0.0.11", "search example", "options ndots:0",
    ]  # fmt: skip
    assert "127.0.0.11" not in timber.sh("cat /etc/resolv.conf")
    # One that joins while it runs gets the name server then, unless it has written the file itself.
    name = timber.sleeper("--dns", "192.0.2.1")
    own, long = timber.sleeper(), timber.sleeper()
    timber.tctl("exec", own, "sh", "-c", "echo mine > /etc/resolv.conf").ok()
    timber.tctl("exec", long, "sh", "-c", "yes | head -c 2000000 > /etc/resolv.conf").ok()
    for container in (name, own, long):
        timber.api.post("/networks/ash/connect", {"Container": container}).expect(200)
    assert "nameserver 127.0.0.11" in timber.tctl("exec", name, "cat", "/etc/resolv.conf").ok().out
    assert timber.tctl("exec", own, "cat", "/etc/resolv.conf").ok().out == "mine"
    assert timber.tctl("exec", long, "wc", "-c", "/etc/resolv.conf").ok().out.split()[0] == "2000000"


def test_everything_else_is_passed_on(timber, network, python, upstream):
    first, second = upstream
    network("ash")
    me = asker(timber, python, "--network", "ash", "--dns", first.address, "--dns", second.address)

    def first_alone():
        # The second one is asked when the machine is so busy that the first one is late.
        first.asked, second.asked = [], []
        assert ask(timber, me, "example.com A", "example.com A tcp", "x.example TXT") == [["0", "0", "192.0.2.1"]] * 2 + [["0", "0", "c0000201"]]
        return len(first.asked) == 3 and second.asked == []

    until(first_alone)
    # Neither its number nor its port can be guessed from the one before, nor is the container's own passed on.
    ask(timber, me, *["example.com A"] * 20)
    ports, numbers = ({entry[index] for entry in first.sources} for index in (0, 1))
    assert len(ports) > 15 and len(numbers) > 15
    # Long answers: cut by UDP, whole by TCP.
    first.long = 100
    assert ask(timber, me, "long.example A") == [["0", "1"]]
    assert len(ask(timber, me, "long.example A tcp")[0]) == 102
    # The next one is asked when the first one cannot help, is silent, or is not there.
    first.long, first.code = 0, 2
    assert ask(timber, me, "a.example A") == [["0", "0", "192.0.2.1"]]
    first.code, first.silent = 0, True
    assert ask(timber, me, "b.example A") == [["0", "0", "192.0.2.1"]]
    first.close()
    assert ask(timber, me, "c.example A", "c.example A tcp") == [["0", "0", "192.0.2.1"]] * 2
    second.code = 3
    assert ask(timber, me, "d.example A") == [["3", "0"]]


@pytest.mark.parametrize("server", ["127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.53"])
def test_the_hosts_loopback_is_not_asked(timber, network, server):
    network("ash")
    timber.tctl("create", "--network", "ash", "--dns", server, "busybox", "true").fails(1, "loopback")
    name = timber.sleeper("--dns", server)
    assert f"nameserver {server}" in timber.tctl("exec", name, "cat", "/etc/resolv.conf").ok().out
    assert "loopback" in timber.api.post("/networks/ash/connect", {"Container": name}).expect(400).message


def test_an_internal_network_asks_nobody(timber, network, python, upstream):
    """CVE-2024-29018."""
    network("inner", Internal=True)
    network("ash")
    web = timber.sleeper("--name", "web", "--network", "inner")
    me = asker(timber, python, "--network", "inner", "--dns", upstream[0].address)
    assert ask(timber, me, "web A", "leak.example A", "leak.example A tcp") == [["0", "0", address(timber, web, "inner")], ["2", "0"], ["2", "0"]]
    assert upstream[0].asked == []
    timber.api.post("/networks/ash/connect", {"Container": me}).expect(200)
    assert ask(timber, me, "example.com A") == [["0", "0", "192.0.2.1"]]
    timber.api.post("/networks/ash/disconnect", {"Container": me}).expect(200)
    asked = list(upstream[0].asked)
    assert ask(timber, me, "leak.example A") == [["2", "0"]]
    assert upstream[0].asked == asked and not [query for query in asked if b"leak" in query]


def test_port_53_is_the_containers(timber, network, python):
    """Servers of DNS run in containers, too."""
    network("ash")
    script = "import socket; [socket.socket(socket.AF_INET, kind).bind(('', 53)) for kind in (1, 2)]; print('bound')"
    assert timber.run("--network", "ash", python, "python3", "-c", script).ok().out == "bound"


def test_hostile_questions(timber, network, python, upstream):
    """Garbage, floods, connections that say nothing: the container gets no further than its bounds, and others do not notice."""
    network("ash")
    web = timber.sleeper("--name", "web", "--network", "ash")
    evil = asker(timber, python, "--network", "ash", "--dns", upstream[0].address)
    good = asker(timber, python, "--network", "ash", "--dns", upstream[1].address)
    upstream[0].silent = True
    descriptors = len(os.listdir(f"/proc/{timber.pid}/fd"))
    script = """
import os, socket, time
end = time.time() + 3
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setblocking(False)
idle = [socket.socket() for _ in range(100)]
for one in idle:
    one.setblocking(False)
    one.connect_ex(("127.0.0.11", 53))
question = b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4flood\\0\\0\\1\\0\\1"
print("flooding", flush=True)
while time.time() < end:
    for packet in (os.urandom(40), b"", question, question[:12] + b"\\xc0\\x0c\\0\\1\\0\\1", b"\\0" * 9000):
        try:
            udp.sendto(packet, ("127.0.0.11", 53))
        except OSError:
            pass
    for one in idle[:10]:
        try:
            one.send(os.urandom(200))
        except OSError:
            pass
"""
    flood = timber.popen("exec", evil, "python3", "-c", script)
    assert flood.stdout.readline() == b"flooding\n"
    for _ in range(5):
        assert ask(timber, good, "web A", "example.com A") == [["0", "0", address(timber, web, "ash")], ["0", "0", "192.0.2.1"]]
        assert len(os.listdir(f"/proc/{timber.pid}/fd")) < descriptors + 200
    assert flood.wait(60) == 0
    until(lambda: len(os.listdir(f"/proc/{timber.pid}/fd")) <= descriptors + 2, seconds=30, message="descriptors stay")
    # Datagrams that wait from the flood leave no room for another: as any client, it asks again. By TCP it is heard at once.
    assert ask(timber, evil, "web A tcp") == [["0", "0", address(timber, web, "ash")]]


def test_nothing_stays(timber, network):
    network("ash")
    timber.run("--network", "ash", "busybox", "true").ok()
    before = len(os.listdir(f"/proc/{timber.pid}/fd"))
    for _ in range(5):
        timber.run("--network", "ash", "busybox", "true").ok()
    # Descriptors of the next requests and of namespaces made ahead come and go.
    until(lambda: len(os.listdir(f"/proc/{timber.pid}/fd")) <= before + 4)


def test_after_the_daemon(fresh, fixtures):
    """While timberd is away questions fail at once; the next one answers them."""
    fresh.load(fixtures / "python.tar").ok()
    fresh.api.post("/networks/create", {"Name": "ash"}).expect(201)
    web = fresh.sleeper("--name", "web", "--network", "ash")
    me = fresh.start_container(
        "--network", "ash", "python:3", "python3", "-u", "-c",
        # A question that is under way when timberd dies has no answer, and nothing says so: hence the limit.
        "import socket, time\nwhile True:\n  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(6); s.connect(('127.0.0.11', 53))\n"
        "  try: s.send(b'x'); s.send(bytes.fromhex('000101000001000000000000' '0377656200' '00010001')); print('answer', s.recv(99).hex(), flush=True)\n"
        "  except OSError as e: print(type(e).__name__, flush=True)\n  time.sleep(0.1)")  # fmt: skip
    own = socket.inet_aton(address(fresh, web, "ash")).hex()
    log = fresh.data / "containers" / me / "log"

    def said():
        return "".join(file.read_text() for file in sorted(log.parent.glob("log*")) if file.is_file())

    until(lambda: own in said())
    fresh.kill()
    until(lambda: "ConnectionRefusedError" in said(), message="questions hang while timberd is away")
    count = said().count(own)
    fresh.start()
    until(lambda: said().count(own) > count, message=lambda: f"no answers:\n{fresh.log_tail()}")
