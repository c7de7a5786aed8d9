import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

@Suite struct PublishTests {
    @Test(arguments: [true, false]) func everyWayToAPublishedPort(bridgeNetfilter: Bool) async throws {
        let world = try await World(bridgeNetfilter: bridgeNetfilter)
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
            // The neighbour's own address arrives; the host's loopback does not.
            #expect(
                try world.neighbour.reach(World.hostAddress, 8080, transport)
                    == .answer(from: "web", client: World.neighbourAddress), "neighbour \(transport)")
            #expect(try world.host.reach("127.0.0.1", 8080, transport).client == gateway, "loopback's source \(transport)")
        }
        withExtendedLifetime(server) {}
    }

    @Test func curlGetsAnAnswer() async throws {
        let world = try await World()
        try await world.manager.start()
        let web = try await world.container(publishing: [PortBinding(containerPort: 8000, hostPorts: 8080...8080)])
        let server = try Command(
            ["/usr/bin/env", "python3", "-m", "http.server", "-d", "/usr/share/doc/bash", "8000"], in: web.namespace)
        defer { server.kill() }
        #expect(try await eventually { try web.namespace.reach("127.0.0.1", 8000, timeout: 1) != .refused })
        #expect(try world.host.run("curl -sS -o /dev/null -w '%{http_code}' http://0.0.0.0:8080/") == "200")
        #expect(try world.host.run("curl -sS -o /dev/null -w '%{http_code}' http://localhost:8080/") == "200")
    }
}
