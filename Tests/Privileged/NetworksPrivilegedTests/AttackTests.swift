import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

/// Ways that must not work: from the neighbour on the wire, and from a container.
@Suite struct AttackTests {
    private let loopback = HostAddress.ipv4(IPv4Address(bits: 0x7f00_0001))

    /// The neighbour sends what it likes: its own loopback out of the way, and the host as its router.
    private func arm(_ namespace: NetworkNamespace, router: String, interface: String = "eth0") throws {
        try namespace.run(
            """
            sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.\(interface).rp_filter=0
            ip addr del 127.0.0.1/8 dev lo
            ip route replace 127.0.0.0/8 via \(router) dev \(interface)
            ip route replace default via \(router) dev \(interface)
            """)
    }

    @Test(arguments: Transport.allCases) func aNeighbourDoesNotReachTheLoopback(transport: Transport) async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(publishing: [
            PortBinding(containerPort: 80, transport: transport, hostAddress: loopback, hostPorts: 8080...8080),
            PortBinding(containerPort: 80, transport: transport, hostPorts: 9090...9090),
        ])
        let server = try Server("web", in: web.namespace, port: 80)
        let own = try Server("host", in: world.host, port: 7070, on: "127.0.0.1")
        try arm(world.neighbour, router: World.hostAddress)
        // The way there is open: what is published for everybody answers.
        #expect(try world.neighbour.reach(World.hostAddress, 9090, transport).server == "web")
        #expect(try world.neighbour.reach("127.0.0.1", 8080, transport, from: World.neighbourAddress, timeout: 400) == .timeout)
        #expect(try world.neighbour.reach("127.0.0.1", 9090, transport, from: World.neighbourAddress, timeout: 400) == .timeout)
        #expect(try world.neighbour.reach("127.0.0.1", 7070, transport, from: World.neighbourAddress, timeout: 400) == .timeout)
        #expect(try world.neighbour.reach(World.hostAddress, 8080, transport) == .refused)
        withExtendedLifetime((server, own)) {}
    }

    @Test(arguments: Transport.allCases, [true, false])
    func aNeighbourDoesNotReachContainersDirectly(transport: Transport, bridgeNetfilter: Bool) async throws {
        let world = try await World(bridgeNetfilter: bridgeNetfilter)
        try await world.manager.start()
        let web = try await world.container(publishing: [
            PortBinding(containerPort: 80, transport: transport, hostAddress: loopback, hostPorts: 8080...8080),
            PortBinding(containerPort: 81, transport: transport, hostPorts: 9090...9090),
        ])
        let servers = try [80, 81, 82].map { try Server("web", in: web.namespace, port: $0) }
        try arm(world.neighbour, router: World.hostAddress)
        #expect(try world.neighbour.reach(World.hostAddress, 9090, transport).server == "web")
        // Published on loopback, published for everybody under another number, not published at all.
        for port: UInt16 in [80, 81, 82] {
            #expect(try world.neighbour.reach(web.address, port, transport, timeout: 400) == .timeout, "port \(port)")
        }
        withExtendedLifetime(servers) {}
    }

    @Test(arguments: Transport.allCases) func aContainerDoesNotReachTheLoopback(transport: Transport) async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(
            "web",
            publishing: [
                PortBinding(containerPort: 80, transport: transport, hostAddress: loopback, hostPorts: 8080...8080)
            ])
        let server = try Server("web", in: web.namespace, port: 80)
        let own = try Server("host", in: world.host, port: 7070, on: "127.0.0.1")
        let onAll = try Server("all", in: world.host, port: 7071)
        let evil = try await world.container("evil")
        let gateway = try world.manager.gateway.description
        try arm(evil.namespace, router: gateway)
        #expect(try evil.namespace.reach(gateway, 7071, transport).server == "all")
        for port: UInt16 in [7070, 7071, 8080] {
            #expect(try evil.namespace.reach("127.0.0.1", port, transport, from: evil.address, timeout: 400) == .timeout, "port \(port)")
        }
        #expect(try evil.namespace.reach(gateway, 8080, transport) == .refused)
        withExtendedLifetime((server, own, onAll)) {}
    }

    @Test func aContainerDoesNotSpeakAsTheLoopback() async throws {
        let world = try await World()
        // Where reverse path filtering is off only the rule is left.
        try world.host.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0")
        try await world.manager.start()
        let evil = try await world.container("evil")
        let gateway = try world.manager.gateway.description
        try arm(evil.namespace, router: gateway)
        try evil.namespace.run("ip addr add 127.9.9.9/32 dev eth0")
        let heard = try world.host.inside { try Ear(port: 7070) }
        _ = try evil.namespace.reach(gateway, 7070, .udp, from: evil.address, timeout: 50)
        #expect(heard.next(timeout: 20_000) == evil.address)
        _ = try evil.namespace.reach(gateway, 7070, .udp, from: "127.9.9.9", timeout: 50)
        #expect(heard.next(timeout: 500) == nil)
    }

    @Test func aHostThatWasNoRouterDoesNotBecomeOne() async throws {
        let world = try await World()
        let far = try NetworkNamespace.make()
        try world.host.run("ip link add wan1 type veth peer name eth0 netns /proc/\(getpid())/fd/\(far.raw)")
        try world.host.run("ip addr add 203.0.113.1/24 dev wan1 && ip link set wan1 up")
        try far.run("ip addr add 203.0.113.2/24 dev eth0 && ip link set eth0 up && ip route add default via 203.0.113.1")
        try world.neighbour.run("ip route add default via \(World.hostAddress)")
        let server = try Server("far", in: far, port: 80)
        #expect(try world.sysctl("net/ipv4/ip_forward") == "0")
        try await world.manager.start()
        #expect(try world.sysctl("net/ipv4/ip_forward") == "1")
        #expect(try world.neighbour.reach("203.0.113.2", 80, timeout: 400) == .timeout)
        // A daemon that is started again knows it still.
        try await world.anotherManager().start()
        #expect(try world.neighbour.reach("203.0.113.2", 80, timeout: 400) == .timeout)
        // Containers use both networks all the same, and an interface that comes later is routed: whoever made it knew the switch on.
        let one = try await world.container()
        #expect(try one.namespace.reach("203.0.113.2", 80).server == "far")
        let late = try NetworkNamespace.make()
        try world.host.run("ip link add wan2 type veth peer name eth0 netns /proc/\(getpid())/fd/\(late.raw)")
        try world.host.run("ip addr add 192.0.2.1/24 dev wan2 && ip link set wan2 up")
        try late.run("ip addr add 192.0.2.2/24 dev eth0 && ip link set eth0 up && ip route add default via 192.0.2.1")
        #expect(try late.reach("203.0.113.2", 80).server == "far")
        withExtendedLifetime(server) {}
    }

    @Test func aHostThatWasARouterStaysOne() async throws {
        let world = try await World()
        let far = try NetworkNamespace.make()
        try world.host.run("ip link add wan1 type veth peer name eth0 netns /proc/\(getpid())/fd/\(far.raw)")
        try world.host.run("ip addr add 203.0.113.1/24 dev wan1 && ip link set wan1 up && sysctl -qw net.ipv4.ip_forward=1")
        try far.run("ip addr add 203.0.113.2/24 dev eth0 && ip link set eth0 up && ip route add default via 203.0.113.1")
        try world.neighbour.run("ip route add default via \(World.hostAddress)")
        let server = try Server("far", in: far, port: 80)
        try await world.manager.start()
        #expect(try world.neighbour.reach("203.0.113.2", 80).server == "far")
        withExtendedLifetime(server) {}
    }

    @Test func containersOfAnotherDaemonAreNotReachedDirectly() async throws {
        let world = try await World()
        try await world.manager.start()
        let second = world.anotherManager(bridge: "timber1")
        try await second.start()
        let subnets = try [world.manager.subnet.description, second.subnet.description]
        #expect(subnets == ["172.30.0.0/16", "172.31.0.0/16"])
        let mine = try await world.container("mine")
        let theirs = try await world.container(
            "theirs", publishing: [PortBinding(containerPort: 80, hostPorts: 8080...8080)], on: second)
        let server = try Server("theirs", in: theirs.namespace, port: 80)
        #expect(try mine.namespace.reach(theirs.address, 80, timeout: 400) == .timeout)
        #expect(try mine.namespace.reach(World.hostAddress, 8080).server == "theirs")
        #expect(try world.host.reach("127.0.0.1", 8080).server == "theirs")
        withExtendedLifetime(server) {}
    }
}

/// A UDP socket that notes who speaks to it.
final class Ear: Sendable {
    private let socket: Descriptor

    init(port: UInt16) throws {
        socket = Descriptor(
            owning: try retrying("socket") { Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
        var name = SocketName("0.0.0.0", port)
        let raw = socket.raw
        try retrying("bind") { name.withPointer { bind(raw, $0, $1) } }
    }

    func next(timeout: Int32) -> String? {
        var waiting = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, timeout) == 1 else { return nil }
        var peer = SocketName("0.0.0.0", 0)
        var buffer = [UInt8](repeating: 0, count: 64)
        let raw = socket.raw
        _ = peer.withPointer { pointer, length in
            var length = length
            return recvfrom(raw, &buffer, buffer.count, 0, pointer, &length)
        }
        return peer.text
    }
}
