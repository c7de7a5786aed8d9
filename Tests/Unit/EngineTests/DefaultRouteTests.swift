import DockerAPI
import Testing

@testable import Engine
@testable import Networks

@Suite struct DefaultRouteTests {
    private func choose(_ priorities: [Int64]) throws -> String? {
        let memberships = priorities.enumerated().map { index, priority in
            Membership(network: "n\(index)", name: "net\(index)", gatewayPriority: priority)
        }
        let gateway = try #require(IPv4Address("10.0.0.1"))
        let endpoints = memberships.reversed().map {
            Endpoint(
                id: "c", network: $0.network, endpointID: "", interface: $0.network, device: "eth0", address: gateway, prefixLength: 24,
                gateway: gateway, mac: MACAddress(for: gateway))
        }
        return DefaultRoute.choose(.ipv4, endpoints, memberships)?.network
    }

    @Test(
        arguments: [
            ([], nil), ([0, 0, 0], "n0"), ([0, 5, 5], "n1"), ([-1, 0], "n1"), ([.min, .max], "n1"), ([.max, .min], "n0"),
            ([.min, .min], "n0"), ([.min, 0], "n1"),
        ] as [([Int64], String?)])
    func theHighestThenTheFirstByName(_ priorities: [Int64], _ expected: String?) throws {
        #expect(try choose(priorities) == expected)
    }
}
