import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

@Suite struct ConnectTests {
    @Test func aNamespaceIsReady() throws {
        let namespace = try NetworkNamespace.make()
        #expect(try namespace.inside { try Sysctl.read("net/ipv4/ping_group_range") } == "0\t2147483647")
        #expect(try namespace.inside { try Sysctl.read("net/ipv4/ip_unprivileged_port_start") } == "0")
        #expect(try namespace.run("ip -o addr show dev lo").contains("127.0.0.1/8"))
        #expect(try namespace.run("ip -o addr show dev lo").contains("::1/128"))
        #expect(try namespace.run("ip -o link show dev lo").contains("UP"))
        // The thread that made it is not in it any more.
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(namespace.raw)")
                != FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net"))
    }

    @Test func theInsideOfAContainer() async throws {
        let world = try await World()
        try world.host.run("ip link set wan0 mtu 1400 && ip route add default via \(World.neighbourAddress)")
        try await world.manager.start()
        let address = try #require(IPv4Address("172.30.7.7"))
        let one = try await world.container(address: address)
        #expect(one.endpoint.address == address)
        #expect(one.endpoint.gateway?.description == "172.30.0.1")
        #expect(one.endpoint.mac.description == "02:54:ac:1e:07:07")
        #expect(try one.namespace.run("ip -o addr show dev eth0").contains("inet 172.30.7.7/16 brd 172.30.255.255"))
        #expect(try !one.namespace.run("ip -o addr show dev eth0").contains("inet6"))
        let link = try one.namespace.run("ip -o link show dev eth0")
        #expect(link.contains("02:54:ac:1e:07:07"))
        #expect(link.contains("mtu 1400"))
        #expect(try one.namespace.run("ip route").hasPrefix("default via 172.30.0.1 dev eth0"))
        // The host's side: on the bridge, without an address of its own, sending back where it came from.
        let port = try world.host.run("ip -d -o link show dev \(one.endpoint.interface)")
        #expect(port.contains("master timber0"))
        #expect(port.contains("hairpin on"))
        #expect(port.contains("06:54:ac:1e:07:07"))
        #expect(port.contains("alias timber container \(one.endpoint.id)"))
        #expect(try world.sysctl("net/ipv4/conf/timber0/route_localnet") == "1")
        #expect(try world.sysctl("net/ipv4/conf/all/route_localnet") == "0")
        #expect(try world.sysctl("net/ipv4/conf/wan0/route_localnet") == "0")
        #expect(try !world.host.run("ip -o addr show dev timber0").contains("inet6"))
    }

    @Test func certainEthernetAddress() async throws {
        let world = try await World()
        try await world.manager.start()
        let namespace = try await world.manager.namespace()
        let mac = try #require(MACAddress("02:42:ac:11:00:02"))
        let endpoint = try await world.manager.connect(namespace, id: "c0ffee", .init(mac: mac))
        #expect(endpoint.mac == mac)
        #expect(try namespace.run("cat /sys/class/net/eth0/address 2>/dev/null; ip -o link show dev eth0").contains("02:42:ac:11:00:02"))
    }

    @Test func addressesThatCannotBeHad() async throws {
        let world = try await World()
        try await world.manager.start()
        let one = try await world.container()
        for (text, code) in [
            (one.address, TimberError.Code.conflict), ("172.30.0.1", .invalidArgument), ("172.30.255.255", .invalidArgument),
            ("10.0.0.1", .invalidArgument),
        ] {
            let address = try #require(IPv4Address(text))
            await #expect {
                try await world.container("other", address: address)
            } throws: {
                ($0 as? TimberError)?.code == code
            }
        }
    }

    @Test func aFailedConnectLeavesNothing() async throws {
        let world = try await World(subnet: try IPv4Subnet(parsing: "10.9.9.0/29"))
        try await world.manager.start()
        let one = try await world.container("one")
        let before = try world.interfaces()
        for _ in 0..<10 {
            // The namespace has its eth0 already.
            await #expect {
                try await world.manager.connect(one.namespace, id: "two")
            } throws: {
                ($0 as? TimberError)?.code == .internal
            }
        }
        #expect(try world.interfaces() == before)
        // Four of five addresses are free still.
        let others = try await withThrowingTaskGroup(of: Container.self) { group in
            for index in 0..<4 { group.addTask { try await world.container("other\(index)") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(others.count == 4)
        await #expect {
            try await world.container("five")
        } throws: {
            ($0 as? TimberError)?.code == .unavailable
        }
    }

    @Test func releasingTwiceDoesNotTakeAnothersAddress() async throws {
        let world = try await World(subnet: try IPv4Subnet(parsing: "10.9.9.0/29"))
        try await world.manager.start()
        let one = try await world.container("one", publishing: [PortBinding(containerPort: 80, hostPorts: 8080...8080)])
        try await world.manager.release(one.endpoint)
        let two = try await world.container("two", address: one.endpoint.address)
        try await world.manager.release(one.endpoint)
        try await world.manager.unpublish(one.endpoint)
        await #expect {
            try await world.container("three", address: one.endpoint.address)
        } throws: {
            ($0 as? TimberError)?.code == .conflict
        }
        withExtendedLifetime(two) {}
    }

    @Test func aContainerIsStartedAgainWithoutWaitingForItsOldInterface() async throws {
        let world = try await World()
        try await world.manager.start()
        var interfaces: Set<String> = []
        for _ in 0..<20 {
            let one = try await world.container("same00id", publishing: [PortBinding(containerPort: 80, hostPorts: 8080...8080)])
            interfaces.insert(one.endpoint.interface)
            let server = try Server("web", in: one.namespace, port: 80)
            #expect(try world.host.reach("127.0.0.1", 8080).server == "web")
            try await world.manager.release(one.endpoint)
            withExtendedLifetime(server) {}
        }
        #expect(interfaces.count == 20)
        #expect(try await eventually { try world.interfaces().allSatisfy { !$0.hasPrefix("tv") } })
    }

    @Test func fiftyAtOnceAndNothingIsLeft() async throws {
        let world = try await World(readyNamespaces: 8)
        try await world.manager.start()
        let before = try world.interfaces()
        do {
            let containers = try await withThrowingTaskGroup(of: Container.self) { group in
                for index in 0..<50 {
                    group.addTask {
                        let port = UInt16(8000 + index)
                        return try await world.container("id\(index)", publishing: [PortBinding(containerPort: 80, hostPorts: port...port)])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(containers.map(\.address)).count == 50)
            #expect(try world.elements("ports").count == 50)
            for container in containers {
                let server = try Server(container.endpoint.id, in: container.namespace, port: 80)
                let port = try #require(container.reservation.ports.first?.hostPort)
                #expect(try world.host.reach("127.0.0.1", port).server == container.endpoint.id)
                withExtendedLifetime(server) {}
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for container in containers { group.addTask { try await world.manager.release(container.endpoint) } }
                try await group.waitForAll()
            }
        }
        #expect(try world.elements("ports") == [])
        // Nobody keeps a namespace: neither a descriptor, nor a socket, nor a thread.
        #expect(try await eventually { try world.interfaces() == before })
        // Requests share a bounded number of sockets: each line of the file is one.
        let sockets = try world.host.inside { try String(contentsOfFile: "/proc/thread-self/net/netlink", encoding: .utf8) }
        #expect(sockets.split(separator: "\n").count < 50)
    }

    @Test func namespacesAreMadeAhead() async throws {
        let world = try await World(readyNamespaces: 3)
        try await world.manager.start()
        #expect(try await eventually { world.manager.pool.readyCount == 3 })
        let first = try await world.manager.namespace()
        #expect(world.manager.pool.readyCount == 2)
        #expect(try await eventually { world.manager.pool.readyCount == 3 })
        await world.manager.shutDown()
        #expect(world.manager.pool.readyCount == 0)
        // Without the pool it goes on, more slowly.
        let last = try await world.manager.namespace()
        #expect(first.raw != last.raw)
    }

    @Test func beforeTheStartNothingIsConnected() async throws {
        let world = try await World()
        let namespace = try await world.manager.namespace()
        await #expect {
            try await world.manager.connect(namespace, id: "early")
        } throws: {
            "\($0)" == "bridge timber0 is not set up"
        }
        #expect(throws: TimberError.self) { try world.manager.subnet }
    }
}
