import CTimber
import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

/// Networks with IPv6: addresses and routes, who reaches whom, and that the host's own IPv6 is left as it was.
@Suite struct IPv6Tests {
    private static let hostAddress = "2001:db8:9::1"
    private static let neighbourAddress = "2001:db8:9::2"

    private static func network(_ number: Int, isInternal: Bool = false) throws -> NetworkConfiguration {
        let subnet = try IPv6Subnet(parsing: "fd00:9:\(number)::/64")
        let ipv4 = try IPv4Subnet(parsing: "10.9.\(number).0/24")
        return NetworkConfiguration(
            id: "n\(number)", name: "net\(number)", bridge: "tn-\(number)", subnet: ipv4, gateway: ipv4.gateway, range: nil, kept: [],
            ipv6: AddressPlan(subnet: subnet, gateway: subnet.gateway, range: nil, kept: []), rules: NetworkRules(isInternal: isInternal),
            mtu: nil)
    }

    /// A world whose uplink has IPv6 too.
    private static func world(_ networks: [NetworkConfiguration]? = nil) async throws -> World {
        let world = try await World()
        try world.host.run(
            "sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.wan0.disable_ipv6=0; ip -6 addr add \(hostAddress)/64 dev wan0 nodad")
        try world.neighbour.run(
            "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0; ip -6 addr add \(neighbourAddress)/64 dev eth0 nodad; ip -6 addr show dev eth0")
        #expect(try await eventually { try !world.host.run("ip -6 addr show dev wan0").contains("tentative") })
        if let networks { try await world.manager.start(networks: networks) }
        return world
    }

    private static func join(
        _ world: World, _ network: String?, _ id: String = "c0ffee00c0ffee00"
    ) async throws -> (namespace: NetworkNamespace, endpoint: Endpoint) {
        let namespace = try await world.manager.namespace()
        return (namespace, try await world.manager.connect(namespace, id: id, EndpointRequest(network: network)))
    }

    @Test func theInsideOfAContainer() async throws {
        let world = try await Self.world([Self.network(1)])
        let one = try await Self.join(world, "n1")
        #expect(one.endpoint.ipv6?.address.description == "fd00:9:1::2" && one.endpoint.ipv6?.gateway?.description == "fd00:9:1::1")
        let addresses = try one.namespace.run("ip -o -6 addr show dev eth0")
        #expect(addresses.contains("fd00:9:1::2/64 scope global") && !addresses.contains("tentative"))
        #expect(try one.namespace.run("ip -6 route").contains("default via fd00:9:1::1 dev eth0"))
        for (name, value) in [("accept_ra", "0"), ("autoconf", "0"), ("accept_redirects", "0"), ("disable_ipv6", "0")] {
            #expect(try one.namespace.inside { try Sysctl.read("net/ipv6/conf/eth0/\(name)") } == value, "\(name)")
            #expect(try world.sysctl("net/ipv6/conf/tn-1/\(name)") == value, "\(name)")
        }
        #expect(try world.host.run("ip -o -6 addr show dev tn-1").contains("fd00:9:1::1/64"))
        // The daemon's own bridge and its containers have none.
        #expect(try world.sysctl("net/ipv6/conf/timber0/disable_ipv6") == "1")
        let plain = try await Self.join(world, nil, "other")
        #expect(plain.endpoint.ipv6 == nil)
        #expect(try plain.namespace.inside { try Sysctl.read("net/ipv6/conf/eth0/disable_ipv6") } == "1")
    }

    @Test func addressesAreGivenOnceAndComeBack() async throws {
        let world = try await Self.world([Self.network(1)])
        let wanted = try #require(IPv6Address("fd00:9:1::77"))
        let namespace = try await world.manager.namespace()
        let endpoint = try await world.manager.connect(namespace, id: "one", EndpointRequest(network: "n1", ipv6Address: wanted))
        #expect(endpoint.ipv6?.address == wanted)
        let other = try await world.manager.namespace()
        await #expect {
            try await world.manager.connect(other, id: "two", EndpointRequest(network: "n1", ipv6Address: wanted))
        } throws: {
            ($0 as? TimberError)?.code == .conflict
        }
        // Nothing was taken by that: neither its IPv4 address.
        let same = IPv4Address(bits: endpoint.address.bits + 1)
        let next = try await world.manager.connect(other, id: "two", EndpointRequest(network: "n1", address: same))
        try await world.manager.release(endpoint)
        let third = try await world.manager.namespace()
        #expect(
            try await world.manager.connect(third, id: "three", EndpointRequest(network: "n1", ipv6Address: wanted)).ipv6?.address == wanted
        )
        let fourth = try await world.manager.namespace()
        await #expect {
            try await world.manager.connect(fourth, id: "four", EndpointRequest(ipv6Address: wanted))
        } throws: {
            ($0 as? TimberError)?.code == .invalidArgument
        }
        // What a later daemon is told is in use.
        let later = world.anotherManager()
        try await later.start(
            networks: [Self.network(1)], expected: [.init(endpoint: next, ports: [], owner: "two")])
        let sixth = next.ipv6?.address
        await #expect {
            try await later.connect(fourth, id: "four", EndpointRequest(network: "n1", ipv6Address: sixth))
        } throws: {
            ($0 as? TimberError)?.code == .conflict
        }
    }

    @Test func whoReachesWhom() async throws {
        let world = try await Self.world([Self.network(1), Self.network(2), Self.network(3, isInternal: true)])
        let web = try await Self.join(world, "n1", "web")
        let peer = try await Self.join(world, "n1", "peer")
        let stranger = try await Self.join(world, "n2", "stranger")
        let inner = try await Self.join(world, "n3", "inner")
        let friend = try await Self.join(world, "n3", "friend")
        let server = try Server("web", in: web.namespace, port: 80, on: "::")
        let innerServer = try Server("inner", in: inner.namespace, port: 80, on: "::")
        let outside = try Server("outside", in: world.neighbour, port: 80, on: "::")
        let host = try Server("host", in: world.host, port: 7070, on: "::")
        let address = "\(try #require(web.endpoint.ipv6).address)"
        // In its own network, by the container's own address.
        #expect(try peer.namespace.reach(address, 80) == .answer(from: "web", client: "\(try #require(peer.endpoint.ipv6).address)"))
        #expect(try world.host.reach(address, 80).server == "web")
        // Out, with the host's address.
        #expect(try web.namespace.reach(Self.neighbourAddress, 80) == .answer(from: "outside", client: Self.hostAddress))
        #expect(try web.namespace.reach(Self.neighbourAddress, 80, .udp) == .answer(from: "outside", client: Self.hostAddress))
        // Not from another network, nor from a neighbour that routes there (moby#45610).
        #expect(try stranger.namespace.reach(address, 80, timeout: 400) == .timeout)
        try world.neighbour.run("ip -6 route add fd00:9::/32 via \(Self.hostAddress)")
        #expect(try world.neighbour.reach(address, 80, timeout: 400) == .timeout)
        // An internal network has no way out, also with a route of its own making; its own containers it has.
        #expect(inner.endpoint.ipv6?.gateway == nil)
        let innerAddress = "\(try #require(inner.endpoint.ipv6).address)"
        #expect(try friend.namespace.reach(innerAddress, 80).server == "inner")
        #expect(try friend.namespace.reach(Self.neighbourAddress, 80, timeout: 400) == .unreachable)
        try friend.namespace.run("ip -6 route add default via fd00:9:3::1")
        #expect(try friend.namespace.reach("fd00:9:3::1", 7070).server == "host")
        for other in [Self.neighbourAddress, Self.hostAddress, address, "fd00:9:1::1"] {
            #expect(try friend.namespace.reach(other, other == address ? 80 : 7070, timeout: 400) == .timeout, "\(other)")
        }
        #expect(try peer.namespace.reach(innerAddress, 80, timeout: 400) == .timeout)
        withExtendedLifetime((server, innerServer, outside, host)) {}
    }

    @Test(arguments: Transport.allCases) func publishedPorts(transport: Transport) async throws {
        let world = try await Self.world([Self.network(1), Self.network(2)])
        let namespace = try await world.manager.namespace()
        let bindings = [
            PortBinding(containerPort: 80, transport: transport, hostPorts: 8080...8080),
            PortBinding(containerPort: 80, transport: transport, hostAddress: HostAddress(Self.hostAddress), hostPorts: 9090...9090),
            PortBinding(containerPort: 80, transport: transport),
        ]
        let reservation = try await world.manager.reserve(bindings, on: [.ipv4, .ipv6], owner: "web")
        let endpoint = try await world.manager.connect(namespace, id: "web", EndpointRequest(network: "n1"))
        try await world.manager.publish(reservation.ports, to: endpoint)
        #expect(reservation.ports.map { "\($0.hostAddress)" } == ["0.0.0.0", "::", Self.hostAddress, "0.0.0.0", "::"])
        let chosen = try #require(reservation.ports.last).hostPort
        #expect(reservation.ports[3].hostPort == chosen)
        let server = try Server("web", in: namespace, port: 80, on: "::")
        let peer = try await Self.join(world, "n1", "peer")
        let stranger = try await Self.join(world, "n2", "stranger")
        // From the wire with the client's own address, of both families.
        #expect(try world.neighbour.reach(Self.hostAddress, 8080, transport) == .answer(from: "web", client: Self.neighbourAddress))
        #expect(try world.neighbour.reach(World.hostAddress, 8080, transport).server == "web")
        #expect(try world.neighbour.reach(Self.hostAddress, 9090, transport).server == "web")
        #expect(try world.neighbour.reach(Self.hostAddress, chosen, transport).server == "web")
        // From the host, from containers, and from itself.
        #expect(try world.host.reach(Self.hostAddress, 8080, transport).server == "web")
        #expect(try world.host.reach("127.0.0.1", 8080, transport).server == "web")
        for client in [peer.namespace, stranger.namespace, namespace] {
            #expect(try client.reach(Self.hostAddress, 8080, transport).server == "web")
        }
        #expect(try peer.namespace.reach("fd00:9:1::1", 8080, transport).server == "web")
        // ::1 has no way there: a connection is refused at once.
        if transport == .tcp { #expect(try world.host.reach("::1", 8080) == .refused) }
        // Nobody else gets the port, of either family.
        await #expect {
            _ = try await world.manager.reserve(
                [PortBinding(containerPort: 1, transport: transport, hostAddress: .ipv6(.any), hostPorts: 8080...8080)],
                on: [.ipv4, .ipv6],
                owner: "other")
        } throws: {
            ($0 as? TimberError)?.code == .conflict && "\($0)".contains("by container web")
        }
        // Flushed by somebody, they come back; ended, they are gone.
        try world.host.run("nft flush ruleset")
        try await world.manager.reconcile()
        #expect(try world.neighbour.reach(Self.hostAddress, 8080, transport).server == "web")
        try await world.manager.release(endpoint)
        #expect(try world.elements("ports6").isEmpty && world.elements("addressed_ports6").isEmpty)
        withExtendedLifetime(server) {}
    }

    @Test func aHostThatWasNoRouterDoesNotBecomeOne() async throws {
        let world = try await Self.world()
        let far = try NetworkNamespace.make()
        try world.host.run("ip link add wan1 type veth peer name eth0 netns /proc/\(getpid())/fd/\(far.raw)")
        try world.host.run(
            "sysctl -qw net.ipv6.conf.wan1.disable_ipv6=0; ip -6 addr add 2001:db8:8::1/64 dev wan1 nodad; ip link set wan1 up")
        try far.run(
            "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0; ip -6 addr add 2001:db8:8::2/64 dev eth0 nodad; ip link set eth0 up; ip -6 route add default via 2001:db8:8::1"
        )
        try world.neighbour.run("ip -6 route add default via \(Self.hostAddress)")
        let server = try Server("far", in: far, port: 80, on: "::")
        // Without such a network nothing is turned on.
        try await world.manager.start()
        #expect(try world.sysctl(Forwarding.ipv6) == "0")
        try await world.manager.start(networks: [Self.network(3, isInternal: true)])
        #expect(try world.sysctl(Forwarding.ipv6) == "0")
        try await world.manager.start()
        let network = try Self.network(1)
        _ = try await world.manager.plan(request(network))
        try await world.manager.establish(network)
        #expect(try world.sysctl(Forwarding.ipv6) == "1")
        #expect(try world.neighbour.reach("2001:db8:8::2", 80, timeout: 400) == .timeout)
        let one = try await Self.join(world, "n1")
        #expect(try one.namespace.reach("2001:db8:8::2", 80).server == "far")
        // A daemon that is started again knows it still.
        try await world.anotherManager().start(networks: [network])
        #expect(try world.neighbour.reach("2001:db8:8::2", 80, timeout: 400) == .timeout)
        withExtendedLifetime(server) {}
    }

    private func request(_ network: NetworkConfiguration) -> NetworkRequest {
        var request = NetworkRequest(id: network.id, name: network.name)
        request.bridge = network.bridge
        request.ipv4.subnet = network.subnet
        request.ipv6 = AddressRequest()
        request.ipv6?.subnet = network.ipv6?.subnet
        return request
    }

    @Test func subnetsThatNobodyChooses() async throws {
        let world = try await Self.world([])
        var wanted = NetworkRequest(id: "a", name: "ash")
        wanted.ipv6 = AddressRequest()
        #expect(try await world.manager.plan(wanted).ipv6?.subnet.description == "fd00:9:1::/64")
        (wanted.id, wanted.name) = ("b", "birch")
        try world.host.run("ip -6 route add fd00:9:1:1::/64 dev wan0")
        #expect(try await world.manager.plan(wanted).ipv6?.subnet.description == "fd00:9:1:2::/64")
        wanted.ipv6?.subnet = try IPv6Subnet(parsing: "2001:db8::/32")
        await #expect {
            _ = try await world.manager.plan(wanted)
        } throws: {
            "\($0)".contains("subnet 2001:db8::/32 overlaps 2001:db8:9::") && ($0 as? TimberError)?.code == .conflict
        }
    }

    /// Turning forwarding on would make the kernel forget the routes that a router has announced to the host, and learn no more.
    @Test func theHostKeepsItsOwnRouter() async throws {
        let world = try await Self.world()
        try world.host.run("sysctl -qw net.ipv6.conf.wan0.accept_ra=1 net.ipv6.conf.wan0.forwarding=0")
        let announce = """
            import socket, struct
            s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
            s.sendto(struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))
            """
        func hears() async throws -> Bool {
            try await eventually {
                try world.neighbour.run("/usr/bin/env python3 -c '\(announce)' || true")
                return try world.host.run("ip -6 route show default dev wan0").contains("proto ra")
            }
        }
        #expect(try await hears())
        let before = try world.host.run("sysctl -a 2>/dev/null | grep -E '^net.ipv6.conf.(wan0|lo|default)' | grep -v stable_secret")
        try await world.manager.start(networks: [Self.network(1)])
        #expect(try world.sysctl(Forwarding.ipv6) == "1")
        #expect(try world.host.run("ip -6 route show default dev wan0").contains("proto ra"))
        #expect(try world.host.run("sysctl -a 2>/dev/null | grep -E '^net.ipv6.conf.(wan0|lo|default)' | grep -v stable_secret") == before)
        // And goes on listening.
        try world.host.run("ip -6 route flush dev wan0 proto ra")
        #expect(try await hears())
        try await world.manager.tearDown()
        #expect(try world.sysctl(Forwarding.ipv6) == "0")
        #expect(try world.host.run("ip -6 route show default dev wan0").contains("proto ra"))
        #expect(try world.host.run("sysctl -a 2>/dev/null | grep -E '^net.ipv6.conf.(wan0|lo|default)' | grep -v stable_secret") == before)
    }

    /// Neither the host's routes nor what it is to its neighbours depend on when a daemon is killed.
    @Test(arguments: [true, false]) func dyingWhileForwardingIsSwitched(_ on: Bool) async throws {
        let world = try await Self.world()
        let journal = world.manager.journal
        struct Died: Error {}
        func settings() throws -> String {
            try world.host.run("sysctl -a 2>/dev/null | grep -E '^net.ipv6.conf.(wan0|lo|default).(forwarding|accept_ra) '")
        }
        var (steps, isOver) = (0, false)
        while !isOver {
            try world.host.run(
                "sysctl -qw net.ipv6.conf.all.forwarding=\(on ? 0 : 1); sysctl -qw net.ipv6.conf.wan0.accept_ra=1 net.ipv6.conf.wan0.forwarding=0 net.ipv6.conf.lo.forwarding=1 net.ipv6.conf.default.forwarding=0"
            )
            let (before, limit) = (try settings(), steps)
            isOver = try world.host.inside {
                let links = try Links.list(NetlinkSocket(protocolNumber: NETLINK_ROUTE))
                var left = limit
                do {
                    try Forwarding.setIPv6(on, links, journal) { name, value in
                        guard left > 0 else { throw Died() }
                        left -= 1
                        try Sysctl.write(name, value)
                    }
                    return true
                } catch is Died {
                    return false
                }
            }
            if isOver { #expect(try world.sysctl(Forwarding.ipv6) == (on ? "1" : "0")) }
            // The next daemon.
            try world.host.inside { try journal.settle() }
            #expect(try settings() == before, "after \(steps) steps")
            #expect(!FileManager.default.fileExists(atPath: journal.path))
            steps += 1
        }
        #expect(steps > 6)
    }

    @Test func whatADeadDaemonLeftIsSettled() async throws {
        let world = try await Self.world()
        for last in [{ try await world.manager.start() }, { try await world.manager.tearDown() }] as [() async throws -> Void] {
            try world.host.run("sysctl -qw net.ipv6.conf.wan0.accept_ra=2 net.ipv6.conf.wan0.forwarding=1")
            try Files.write(Array("0 1 wan0\n0 1 gone\n".utf8), to: world.manager.journal.path)
            try await last()
            #expect(try world.sysctl("net/ipv6/conf/wan0/forwarding") == "0" && world.sysctl("net/ipv6/conf/wan0/accept_ra") == "1")
            #expect(!FileManager.default.fileExists(atPath: world.manager.journal.path))
        }
    }

    /// What was kept apart before stays so, whatever the next daemon cannot do.
    @Test func aNetworkThatCannotBeSetUpKeepsItsRules() async throws {
        let networks = [try Self.network(1), try Self.network(2, isInternal: true)]
        let world = try await Self.world(networks)
        let one = try await Self.join(world, "n1")
        let before = try world.host.run("nft list table inet timber/timber0")
        await world.manager.shutDown()
        // Less than IPv6 needs: the kernel takes it away from the bridge.
        try world.host.run("ip link set tn-1 mtu 1200 && ip link set tn-2 mtu 1200")
        let next = world.anotherManager()
        try await next.start(networks: networks, expected: [.init(endpoint: one.endpoint, ports: [], owner: "c0ffee00c0ffee00")])
        #expect(try world.host.run("nft list table inet timber/timber0") == before)
        #expect(world.lines.all.filter { $0.hasPrefix("cannot set a network up") }.count == 2)
        let other = try await next.namespace()
        await #expect {
            _ = try await next.connect(other, id: "other", EndpointRequest(network: "n2"))
        } throws: {
            ($0 as? TimberError)?.code == .unavailable
        }
        // And goes with the network.
        try next.close(networks[1])
        try await next.remove(networks[1])
        #expect(try !world.host.run("nft list table inet timber/timber0").contains("tn-2"))
    }

    @Test func nothingPassesANetworkThatNothingIsKnownAbout() async throws {
        let world = try await Self.world([Self.network(1)])
        let one = try await Self.join(world, "n1")
        let outside = try Server("outside", in: world.neighbour, port: 80)
        let host = try Server("host", in: world.host, port: 81)
        #expect(try one.namespace.reach(World.neighbourAddress, 80).server == "outside")
        #expect(try one.namespace.reach(World.hostAddress, 81).server == "host")
        await world.manager.shutDown()
        try await world.anotherManager().start(untouched: ["n1"])
        #expect(try one.namespace.reach(World.neighbourAddress, 80, timeout: 400) == .timeout)
        #expect(try one.namespace.reach(World.hostAddress, 81, timeout: 400) == .timeout)
        #expect(world.lines.all.contains { $0.contains("nothing is known about a network") && $0.contains("tn-1") })
        withExtendedLifetime((outside, host)) {}
    }

    @Test func forwardingIsHandedOn() async throws {
        let world = try await Self.world([Self.network(1)])
        let second = world.anotherManager(bridge: "timber1")
        try await second.start(networks: [])
        try await world.manager.tearDown()
        #expect(try world.sysctl(Forwarding.ipv6) == "1")
        #expect(try world.sysctl(Forwarding.ipv4) == "1")
        try await second.tearDown()
        #expect(try world.sysctl(Forwarding.ipv6) == "0")
        #expect(try world.sysctl(Forwarding.ipv4) == "0")
    }

    @Test func aContainerMovesItsRoute() async throws {
        let world = try await Self.world([Self.network(1), Self.network(2)])
        let one = try await Self.join(world, "n1")
        let raw = one.namespace.raw
        let running = try NetworkNamespace.existing(
            SharedDescriptor(Descriptor(owning: try retrying("dup") { fcntl(raw, F_DUPFD_CLOEXEC, 3) })))
        let live = try await world.manager.connect(
            running, id: "c0ffee", EndpointRequest(network: "n2", device: 1, defaultRoutes: []))
        #expect(try one.namespace.run("ip -o -6 addr show dev eth1").contains("fd00:9:2::2/64"))
        try await world.manager.setDefaultRoute(live, .ipv6, in: one.namespace)
        #expect(
            try one.namespace.run("ip -6 route show default").trimmingCharacters(in: .whitespacesAndNewlines).hasPrefix(
                "default via fd00:9:2::1 dev eth1"))
        #expect(try one.namespace.run("ip -6 route show default").split(separator: "\n").count == 1)
        try await world.manager.setDefaultRoute(nil, .ipv6, in: one.namespace)
        try await world.manager.setDefaultRoute(nil, .ipv6, in: one.namespace)
        #expect(try one.namespace.run("ip -6 route show default").isEmpty)
        #expect(try one.namespace.run("ip route show default").contains("10.9.1.1"))
    }
}
