import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

@Suite struct LifecycleTests {
    private func binding(_ port: UInt16) -> PortBinding { PortBinding(containerPort: 80, hostPorts: port...port) }

    private func state(_ world: World) throws -> [String] {
        let ruleset = try world.host.run("nft list ruleset")
        // net.ipv4.route flush counters and the like are not settings.
        let sysctls = try world.host.run(
            "sysctl -a 2>/dev/null | grep -E '^net.(ipv4|ipv6|bridge)' | grep -v -E 'flush|random|stable_secret'")
        return try [
            ruleset, sysctls, world.interfaces().joined(separator: " "), world.host.run("ip route show table all; ip addr show lo"),
        ]
    }

    @Test(arguments: ["0", "1"]) func tearDownLeavesTheHostAsItWas(redirects: String) async throws {
        let world = try await World()
        try world.host.run("sysctl -qw net.ipv4.conf.all.accept_redirects=\(redirects)")
        let before = try state(world)
        try await world.manager.start()
        let during = try state(world)
        #expect(during != before)
        try await world.manager.tearDown()
        #expect(try state(world) == before)
        // Also what a daemon left that was stopped.
        try await world.manager.start()
        await world.manager.shutDown()
        try await world.anotherManager().tearDown()
        #expect(try state(world) == before)
        // And where there is nothing to undo.
        try await world.anotherManager().tearDown()
        #expect(try state(world) == before)
    }

    @Test func startingAgainChangesNothing() async throws {
        let world = try await World()
        try await world.manager.start()
        let before = try state(world)
        try await world.manager.start()
        try await world.anotherManager().start()
        #expect(try state(world) == before)
    }

    @Test func nothingIsTurnedOnBeforeItIsGuarded() async throws {
        let world = try await World()
        try await world.manager.start()
        try world.host.run("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
        struct Refused: Error {}
        let manager = world.manager
        #expect(throws: Refused.self) {
            try Bridge.forward([.ipv4, .ipv6], daemon: "timber0", journal: manager.journal, host: manager.host) { unrouted in
                #expect(!unrouted.ipv4.isEmpty && !unrouted.ipv6.isEmpty)
                throw Refused()
            }
        }
        #expect(try world.sysctl(Forwarding.ipv4) == "0" && world.sysctl(Forwarding.ipv6) == "0")
    }

    @Test func oneDaemonWaitsForAnotherButNotForEver() async throws {
        let world = try await World()
        try world.host.inside {
            let held = try HostLock.take()
            #expect {
                _ = try HostLock.take(limit: 0)
            } throws: {
                ($0 as? TimberError)?.code == .unavailable && "\($0)".contains(HostLock.file)
            }
            withExtendedLifetime(held) {}
        }
        try await world.manager.start()
    }

    @Test func forwardingStaysOnWhileAnotherDaemonNeedsIt() async throws {
        let world = try await World()
        try await world.manager.start()
        let second = world.anotherManager(bridge: "timber1")
        try await second.start()
        try await world.manager.tearDown()
        #expect(try world.sysctl("net/ipv4/ip_forward") == "1")
        try await second.tearDown()
        #expect(try world.sysctl("net/ipv4/ip_forward") == "0")
    }

    @Test func forwardingStaysOnWhereItWasOnOrIsUsedSince() async throws {
        let world = try await World()
        try world.host.run("sysctl -qw net.ipv4.ip_forward=1")
        try await world.manager.start()
        try await world.manager.tearDown()
        #expect(try world.sysctl("net/ipv4/ip_forward") == "1")
        try world.host.run("sysctl -qw net.ipv4.ip_forward=0")
        try await world.manager.start()
        try world.host.run("ip link add docker0 type bridge")
        try await world.manager.tearDown()
        #expect(try world.sysctl("net/ipv4/ip_forward") == "1")
    }

    @Test func aForeignInterfaceIsLeftAlone() async throws {
        let world = try await World()
        try world.host.run("ip link add timber0 type bridge && ip addr add 10.1.1.1/24 dev timber0")
        await #expect {
            try await world.manager.start()
        } throws: {
            "\($0)" == "interface timber0 exists and is not a bridge that Timber made, configure another bridge name"
        }
        try await world.manager.tearDown()
        #expect(try world.interfaces().contains("timber0"))
        #expect(try world.host.run("ip -o addr show dev timber0").contains("10.1.1.1/24"))
    }

    @Test func theSubnetAvoidsWhatTheHostRoutes() async throws {
        let world = try await World()
        try world.host.run("ip route add 172.30.128.0/17 via \(World.neighbourAddress)")
        try await world.manager.start()
        #expect(try world.manager.subnet.description == "172.31.0.0/16")
        let other = world.anotherManager(bridge: "timber1", subnet: try IPv4Subnet(parsing: "172.30.0.0/16"))
        await #expect {
            try await other.start()
        } throws: {
            "\($0)" == "subnet 172.30.0.0/16 overlaps 172.30.128.0/17 of interface wan0, configure another one with --bridge-subnet"
        }
        #expect(try !world.interfaces().contains("timber1"))
    }

    @Test func aBridgeKeepsItsSubnetUntilItIsEmpty() async throws {
        let subnet = try IPv4Subnet(parsing: "10.77.0.0/24")
        let world = try await World(subnet: subnet)
        try await world.manager.start()
        // Without a configured subnet the bridge's own is taken over.
        let same = world.anotherManager()
        try await same.start()
        #expect(try same.subnet == subnet)
        var one: Container? = try await world.container()
        let other = world.anotherManager(subnet: try IPv4Subnet(parsing: "10.78.0.0/24"))
        await #expect {
            try await other.start()
        } throws: {
            ($0 as? TimberError)?.code == .conflict
        }
        let interface = one?.endpoint.interface ?? ""
        one = nil
        #expect(try await eventually { try !world.interfaces().contains(interface) })
        try await other.start()
        #expect(try world.host.run("ip -o -4 addr show dev timber0").contains("10.78.0.1/24"))
        #expect(try !world.host.run("ip -o -4 addr show dev timber0").contains("10.77.0.1"))
    }

    @Test func aDaemonStartedAgainTakesOver() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container("web", publishing: [binding(8080)])
        let lost = try await world.container("lost", publishing: [binding(9090)])
        let server = try Server("web", in: web.namespace, port: 80)
        await world.manager.shutDown()
        #expect(try world.host.reach("127.0.0.1", 8080).server == "web")

        let next = world.anotherManager()
        try await next.start(expected: [.init(endpoint: web.endpoint, ports: web.reservation.ports, owner: "web")])
        #expect(try world.elements("ports") == ["tcp . 8080 : \(web.address) . 80"])
        #expect(try world.interfaces().contains(web.endpoint.interface))
        #expect(try !world.interfaces().contains(lost.endpoint.interface))
        #expect(try world.host.reach("127.0.0.1", 8080).server == "web")
        // Its address is taken, its ports are known.
        await #expect {
            try await world.container("new", address: web.endpoint.address, on: next)
        } throws: {
            "\($0)" == "address \(web.address) is already in use by another container"
        }
        await #expect {
            try await next.reserve([binding(8080)], owner: "new")
        } throws: {
            "\($0)".contains("by container web")
        }
        try await next.release(web.endpoint)
        #expect(try world.elements("ports") == [])
        let again = try await world.container("new", address: web.endpoint.address, on: next)
        withExtendedLifetime((server, again)) {}
    }

    @Test func recordsThatContradictEachOtherDoNotStopTheDaemon() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container("web", publishing: [binding(8080)])
        let next = world.anotherManager()
        let twin = Endpoint(
            id: "twin", network: "bridge", endpointID: "e1", interface: "tvtwin", device: "eth0", address: web.endpoint.address,
            prefixLength: 16, gateway: web.endpoint.gateway, mac: web.endpoint.mac)
        try await next.start(expected: [
            .init(endpoint: web.endpoint, ports: web.reservation.ports, owner: "web"), .init(endpoint: twin, ports: [], owner: "twin"),
        ])
        #expect(world.lines.all.contains { $0.contains("recorded address is not usable") && $0.contains("twin") })
    }

    @Test(arguments: ["nft flush ruleset", "nft delete table inet timber/timber0", "nft flush table inet timber/timber0"])
    func whatSomebodyElseRemovesComesBack(command: String) async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container("web", publishing: [binding(8080)])
        let server = try Server("web", in: web.namespace, port: 80)
        let before = try world.host.run("nft list table inet timber/timber0")
        for _ in 0..<3 {
            try world.host.run(command)
            #expect(try await eventually { (try? world.host.run("nft list table inet timber/timber0")) == before })
            #expect(try world.neighbour.reach(World.hostAddress, 8080).server == "web")
        }
        // Our own changes are not taken for somebody else's.
        func rewritten() -> Int { world.lines.all.filter { $0.contains("written anew") }.count }
        // The last line comes behind what it tells of.
        #expect(try await eventually { rewritten() >= 3 })
        let rewrites = rewritten()
        #expect(rewrites == 3)
        let more = try await world.container("more", publishing: [binding(9090)])
        try await world.manager.release(more.endpoint)
        try await Task.sleep(for: .milliseconds(300))
        #expect(rewritten() == rewrites)
        withExtendedLifetime(server) {}
    }

    @Test func aTableThatIsGoneWhenAPortIsPublishedIsWrittenAnew() async throws {
        let world = try await World()
        try await world.manager.start()
        world.manager.stopWatch()
        let web = try await world.container("web", publishing: [binding(8080)])
        try world.host.run("nft flush ruleset")
        let other = try await world.container("other", publishing: [binding(9090)])
        #expect(try world.elements("ports").count == 2)
        try world.host.run("nft flush ruleset")
        try await world.manager.release(other.endpoint)
        #expect(try world.elements("ports") == ["tcp . 8080 : \(web.address) . 80"])
        // A leftover where a new element belongs.
        try world.host.run("nft add element inet timber/timber0 ports '{ tcp . 7070 : 10.0.0.1 . 1 }'")
        let third = try await world.container("third", publishing: [binding(7070)])
        #expect(try world.elements("ports") == ["tcp . 7070 : \(third.address) . 80", "tcp . 8080 : \(web.address) . 80"])
    }

    @Test func anotherFirewallThatDropsIsReported() async throws {
        let world = try await World()
        try world.host.run(
            "nft add table ip filter && nft add chain ip filter FORWARD '{ type filter hook forward priority 0; policy drop; }'")
        try await world.manager.start()
        #expect(world.lines.all.contains { $0.hasPrefix("another firewall drops forwarded packets") && $0.contains("FORWARD") })
    }

    @Test(arguments: ["", ".", "..", "sixteen-letters-", "a/b", "a b", "é", "a\nb", "a:b"]) func badBridgeNames(name: String) async throws {
        let world = try await World(bridge: name)
        await #expect {
            try await world.manager.start()
        } throws: {
            ($0 as? TimberError)?.code == .invalidArgument
        }
    }
}
