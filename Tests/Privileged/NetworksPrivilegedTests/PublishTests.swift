import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

/// Every way to a published port that has to work.
@Suite struct PublishTests {
    /// Hosts differ: br_netfilter sends bridged packets through the rules too, and strict reverse path filtering is some distributions' default.
    enum Kind: CaseIterable {
        case plain, bridgeNetfilter, strictReversePath
    }

    @Test(arguments: Kind.allCases) func everyWayToAPublishedPort(kind: Kind) async throws {
        let world = try await World(bridgeNetfilter: kind == .bridgeNetfilter)
        if kind == .strictReversePath { try world.host.run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1") }
        try await world.manager.start()
        let web = try await world.container(
            "web00000web", publishing: Transport.allCases.map { PortBinding(containerPort: 80, transport: $0, hostPorts: 8080...8080) })
        let other = try await world.container("other000other")
        let server = try Server("web", in: web.namespace, port: 80)
        let gateway = try world.manager.gateway.description
        for transport in Transport.allCases {
            for address in ["0.0.0.0", "127.0.0.1", "127.1.2.3", World.hostAddress, gateway] {
                #expect(try world.host.reach(address, 8080, transport).server == "web", "host → \(address) \(transport)")
            }
            #expect(try world.host.reach(web.address, 80, transport).server == "web", "host → container \(transport)")
            for address in [World.hostAddress, gateway] {
                #expect(try other.namespace.reach(address, 8080, transport).server == "web", "container → \(address) \(transport)")
                #expect(try web.namespace.reach(address, 8080, transport).server == "web", "itself → \(address) \(transport)")
            }
            #expect(try other.namespace.reach(web.address, 80, transport).server == "web", "container → container \(transport)")
            // A client in the network is seen with its own address; the host's loopback never is (CVE-2021-20199).
            #expect(
                try world.neighbour.reach(World.hostAddress, 8080, transport)
                    == .answer(from: "web", client: World.neighbourAddress), "neighbour \(transport)")
            #expect(try world.host.reach("127.0.0.1", 8080, transport).client == gateway, "loopback's source \(transport)")
        }
        withExtendedLifetime(server) {}
    }

    @Test func onOneAddressOnly() async throws {
        let world = try await World()
        try await world.manager.start()
        let loopback = try #require(HostAddress("127.0.0.1"))
        let wire = try #require(HostAddress(World.hostAddress))
        let web = try await world.container(publishing: [
            PortBinding(containerPort: 80, hostAddress: loopback, hostPorts: 8080...8080),
            PortBinding(containerPort: 80, hostAddress: wire, hostPorts: 9090...9090),
        ])
        let server = try Server("web", in: web.namespace, port: 80)
        #expect(try world.host.reach("127.0.0.1", 8080).server == "web")
        #expect(try world.host.reach(World.hostAddress, 8080) == .refused)
        #expect(try world.neighbour.reach(World.hostAddress, 9090).server == "web")
        #expect(try world.host.reach("127.0.0.1", 9090) == .refused)
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Transport.allCases) func anIPv6ClientIsRefusedAtOnce(transport: Transport) async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(publishing: [PortBinding(containerPort: 80, transport: transport, hostPorts: 8080...8080)])
        #expect(try world.host.reach("::1", 8080, transport) == .refused)
        // The same for a port of a range, which is in another map.
        let ranges = try await world.container(
            "range", publishing: (9000...9020).map { PortBinding(containerPort: $0, transport: transport, hostPorts: $0...$0) })
        #expect(try world.host.reach("::1", 9010, transport) == .refused)
        withExtendedLifetime((web, ranges)) {}
    }

    @Test func aPortWithoutAServerIsRefusedByTheContainer() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(publishing: [PortBinding(containerPort: 80, hostPorts: 8080...8080)])
        #expect(try world.host.reach("127.0.0.1", 8080) == .refused)
        #expect(try world.neighbour.reach(World.hostAddress, 8080) == .refused)
        withExtendedLifetime(web) {}
    }

    @Test func aRangeIsOneElement() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(publishing: (8000...8999).map { PortBinding(containerPort: $0, hostPorts: $0...$0) })
        #expect(try world.elements("ranges") == ["tcp . 8000-8999 : \(web.address)"])
        #expect(try world.elements("ports") == [])
        for port: UInt16 in [8000, 8500, 8999] {
            let server = try Server("web\(port)", in: web.namespace, port: port)
            #expect(try world.neighbour.reach(World.hostAddress, port).server == "web\(port)")
            #expect(try world.host.reach("127.0.0.1", port).server == "web\(port)")
            withExtendedLifetime(server) {}
        }
        let outside = try Server("outside", in: web.namespace, port: 9000)
        #expect(try world.host.reach("127.0.0.1", 9000) == .refused)
        // A thousand reserved ports travel in one descriptor.
        #expect(web.reservation.descriptors.count == 1)
        try await world.manager.release(web.endpoint)
        #expect(try world.elements("ranges") == [])
        withExtendedLifetime(outside) {}
    }

    @Test func portsThatChangeTheirNumberAreSingleElements() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(
            publishing: (0..<700).map { PortBinding(containerPort: 1000 + $0, hostPorts: 8000 + $0...8000 + $0) })
        #expect(try world.elements("ports").count == 700)
        let server = try Server("web", in: web.namespace, port: 1699)
        #expect(try world.host.reach("127.0.0.1", 8699).server == "web")
        try await world.manager.release(web.endpoint)
        #expect(try world.elements("ports") == [])
        withExtendedLifetime(server) {}
    }

    @Test func containersReachTheNetworkAsTheirHost() async throws {
        let world = try await World()
        try await world.manager.start()
        let one = try await world.container()
        let server = try Server("out", in: world.neighbour, port: 80)
        for transport in Transport.allCases {
            #expect(
                try one.namespace.reach(World.neighbourAddress, 80, transport) == .answer(from: "out", client: World.hostAddress))
        }
        withExtendedLifetime(server) {}
    }

    @Test func theSamePortOfAnotherHostIsNotOurs() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container("web", publishing: [PortBinding(containerPort: 80, hostPorts: 8080...8080)])
        let other = try await world.container("other")
        let server = try Server("web", in: web.namespace, port: 80)
        let far = try Server("far", in: world.neighbour, port: 8080)
        #expect(try world.host.reach(World.neighbourAddress, 8080).server == "far")
        #expect(try other.namespace.reach(World.neighbourAddress, 8080).server == "far")
        #expect(try web.namespace.reach(World.neighbourAddress, 8080).server == "far")
        // Nor is the port of a container by its own address.
        #expect(try other.namespace.reach(web.address, 8080) == .refused)
        withExtendedLifetime((server, far)) {}
    }

    @Test func aClientThatKeepsSendingReachesWhoeverHasThePort() async throws {
        let world = try await World()
        try await world.manager.start()
        let client = "\(World.neighbourAddress):40000"
        func reply() throws -> Reply { try world.neighbour.reach(World.hostAddress, 5300, .udp, from: client) }
        // The first datagram makes a tracked flow that is not translated.
        #expect(try reply() == .refused)
        for name in ["first", "second"] {
            let container = try await world.container(
                name, publishing: [PortBinding(containerPort: 53, transport: .udp, hostPorts: 5300...5300)])
            let server = try Server(name, in: container.namespace, port: 53)
            #expect(try reply().server == name)
            try await world.manager.release(container.endpoint)
            withExtendedLifetime(server) {}
        }
        #expect(try reply() == .refused)
    }

    @Test func curlGetsAnAnswer() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(publishing: [PortBinding(containerPort: 8000, hostPorts: 8080...8080)])
        let server = try Command(
            ["/usr/bin/env", "python3", "-m", "http.server", "-d", "/usr/share/doc/bash", "8000"], in: web.namespace)
        defer { server.kill() }
        #expect(try await eventually { try web.namespace.reach("127.0.0.1", 8000, timeout: 1) != .refused })
        for name in ["0.0.0.0", "localhost", World.hostAddress] {
            #expect(try world.host.run("curl -sS -o /dev/null -w '%{http_code}' http://\(name):8080/") == "200")
        }
    }
}
