import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

@Suite struct ReservationTests {
    private let loopback = HostAddress.ipv4(IPv4Address(bits: 0x7f00_0001))

    private func binding(_ port: UInt16, _ transport: Transport = .tcp, on address: HostAddress? = nil) -> PortBinding {
        PortBinding(containerPort: 80, transport: transport, hostAddress: address, hostPorts: port...port)
    }

    private func conflict(_ world: World, _ bindings: PortBinding...) async -> String? {
        do {
            _ = try await world.manager.reserve(bindings, owner: "late")
            return nil
        } catch let error as TimberError {
            return error.code == .conflict ? error.message : "\(error.code) \(error)"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: Transport.allCases) func aContainerThatHasThePortIsNamed(transport: Transport) async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container("web", publishing: [binding(8080, transport), binding(9090, transport, on: loopback)])
        let name = transport.rawValue
        let advice = "publish on another port or stop that container"
        #expect(await conflict(world, binding(8080, transport)) == "port 8080/\(name) is already in use by container web, \(advice)")
        #expect(
            await conflict(world, binding(8080, transport, on: loopback))
                == "port 127.0.0.1:8080/\(name) is already in use by container web, \(advice)")
        #expect(await conflict(world, binding(9090, transport)) == "port 9090/\(name) is already in use by container web, \(advice)")
        // Another protocol, another address.
        #expect(await conflict(world, binding(8080, transport == .tcp ? .udp : .tcp)) == nil)
        #expect(await conflict(world, binding(9090, transport, on: HostAddress(World.hostAddress))) == nil)
        withExtendedLifetime(web) {}
    }

    @Test(arguments: Transport.allCases) func aProcessThatHasThePortIsNamed(transport: Transport) async throws {
        let world = try await World()
        try await world.manager.start()
        let script =
            "import socket,sys,time; s=socket.socket(socket.AF_INET, socket.SOCK_\(transport == .tcp ? "STREAM" : "DGRAM")); s.bind(('127.0.0.1', 8080)); "
            + (transport == .tcp ? "s.listen(); " : "") + "time.sleep(100)"
        let process = try Command(["/usr/bin/env", "python3", "-c", script], in: world.host)
        defer { process.kill() }
        let expected =
            "port 8080/\(transport.rawValue) is already in use by process python3 (pid \(process.pid)), publish on another port or stop it"
        // Looking is not trying: a reservation at the wrong moment would keep the process from the port.
        #expect(try await eventually { try world.host.run("ss -Htuan").contains("127.0.0.1:8080") })
        #expect(await conflict(world, binding(8080, transport)) == expected)
    }

    @Test func nobodyElseGetsAReservedPort() async throws {
        let world = try await World()
        try await world.manager.start()
        let reservation = try await world.manager.reserve([binding(8080), binding(8080, .udp)], owner: "web")
        for options in ["", "reuseaddr", "reuseaddr,reuseport"] {
            for family in ["AF_INET", "AF_INET6"] {
                let script = """
                    import socket
                    s = socket.socket(socket.\(family))
                    for o in "\(options)".split(","):
                        if o: s.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_" + o.upper()), 1)
                    s.bind(("", 8080))
                    s.listen()
                    """
                #expect(throws: CommandFailed.self, "\(family) \(options)") { try world.host.run("python3 -c '\(script)'") }
            }
        }
        // Nothing listens meanwhile.
        #expect(try world.host.reach("127.0.0.1", 8080) == .refused)
        withExtendedLifetime(reservation) {}
    }

    @Test func aPortIsFreeWhenTheLastDescriptorIsClosed() async throws {
        let world = try await World()
        try await world.manager.start()
        for count: UInt16 in [1, 16, 17, 600] {
            let bindings = (0..<count).map { binding(8000 + $0) }
            var holders: [SharedDescriptor] = []
            do {
                let reservation = try await world.manager.reserve(bindings, owner: "web")
                #expect(reservation.ports.count == Int(count))
                #expect(reservation.descriptors.count == (count > 16 ? 1 : Int(count)))
                // What the shim holds.
                holders = try reservation.descriptors.map { raw in
                    SharedDescriptor(Descriptor(owning: try retrying("dup") { fcntl(raw, F_DUPFD_CLOEXEC, 3) }))
                }
            }
            for binding in [bindings.first, bindings.last].compactMap(\.self) {
                #expect(await conflict(world, binding)?.contains("is already in use") == true, "\(count)")
            }
            holders = []
            // A program that another test starts has copies of all descriptors until its execve.
            #expect(try await eventually { await conflict(world, bindings[0], bindings[bindings.count - 1]) == nil })
            withExtendedLifetime(holders) {}
        }
    }

    @Test func allPortsOrNone() async throws {
        let world = try await World()
        try await world.manager.start()
        let taken = try await world.manager.reserve([binding(8081)], owner: "web")
        #expect(await conflict(world, binding(8080), binding(8081)) != nil)
        #expect(await conflict(world, binding(8080)) == nil)
        withExtendedLifetime(taken) {}
    }

    @Test func thePortIsChosenWhereNoneIsGiven() async throws {
        let world = try await World()
        try await world.manager.start()
        let any = PortBinding(containerPort: 80)
        let reservation = try await world.manager.reserve([any, any, PortBinding(containerPort: 53, transport: .udp)], owner: "web")
        #expect(Set(reservation.ports.map(\.hostPort)).count == 3)
        #expect(reservation.ports.allSatisfy { $0.hostPort >= 1024 })
        // The first free one of a range, and a clear word when there is none.
        let range = PortBinding(containerPort: 80, hostPorts: 8000...8002)
        let held = try await world.manager.reserve([binding(8000)], owner: "one")
        let next = try await world.manager.reserve([range], owner: "two")
        #expect(next.ports.map(\.hostPort) == [8001])
        let last = try await world.manager.reserve([range], owner: "three")
        #expect(last.ports.map(\.hostPort) == [8002])
        #expect(await conflict(world, range) == "every port of 8000-8002/tcp is already in use, choose another range")
        withExtendedLifetime((held, next, last)) {}
    }

    @Test func theSameBindingTwiceCountsOnce() async throws {
        let world = try await World()
        try await world.manager.start()
        let reservation = try await world.manager.reserve([binding(8080), binding(8080)], owner: "web")
        #expect(reservation.ports.count == 1)
    }

    @Test func onePortForTwoContainerPorts() async throws {
        let world = try await World()
        try await world.manager.start()
        let other = PortBinding(containerPort: 81, hostAddress: loopback, hostPorts: 8080...8080)
        #expect(
            await conflict(world, binding(8080), other)
                == "invalidArgument port 127.0.0.1:8080/tcp is asked for twice, for container ports 80 and 81")
    }

    @Test func anAddressThatTheHostDoesNotHave() async throws {
        let world = try await World()
        try await world.manager.start()
        let other = try #require(HostAddress("10.99.99.99"))
        #expect(
            await conflict(world, binding(8080, on: other))
                == "invalidArgument cannot publish port 80/tcp on 10.99.99.99: this host has no such address")
    }

    @Test func connectionsOfAnEndedServerDoNotHoldThePort() async throws {
        let world = try await World()
        try await world.manager.start()
        let script = """
            import socket
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 8080)); s.listen()
            c = socket.create_connection(("127.0.0.1", 8080)); a, _ = s.accept(); a.close(); c.recv(1); c.close()
            """
        try world.host.run("python3 -c '\(script)'")
        #expect(try world.host.run("ss -Htan state time-wait").contains(":8080"))
        let reservation = try await world.manager.reserve([binding(8080)], owner: "web")
        // It is as good as any.
        let listen =
            "import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((\"\", 8080)); s.listen()"
        #expect(throws: CommandFailed.self) { try world.host.run("python3 -c '\(listen)'") }
        #expect(await conflict(world, binding(8080)) != nil)
        withExtendedLifetime(reservation) {}
    }

    @Test func aHostWithoutIPv6() async throws {
        let world = try await World()
        try world.host.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1")
        try await world.manager.start()
        let web = try await world.container(publishing: [binding(8080)])
        let server = try Server("web", in: web.namespace, port: 80)
        #expect(try world.host.reach("127.0.0.1", 8080).server == "web")
        withExtendedLifetime(server) {}
    }
}
