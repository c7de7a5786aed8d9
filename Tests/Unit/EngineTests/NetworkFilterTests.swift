import DockerAPI
import Errors
import Testing

@testable import Engine

@Suite struct NetworkFilterTests {
    private var networks: [NetworkResource] {
        BuiltInNetwork.allCases.map { network in
            var result = NetworkResource()
            (result.name, result.id, result.driver) = (network.rawValue, network.id, network.driver)
            return result
        }
    }

    @Test(
        arguments: [
            ([:], ["bridge", "host", "none"]), (["name": ["brid"]], ["bridge"]), (["driver": ["null", "host"]], ["host", "none"]),
            (["type": ["builtin"]], ["bridge", "host", "none"]), (["type": ["custom"]], []), (["dangling": ["true"]], []),
            (["dangling": ["0"]], ["bridge", "host", "none"]), (["scope": ["local"]], ["bridge", "host", "none"]),
            (["scope": ["swarm"]], []),
            (["label": ["x"]], []), (["id": [BuiltInNetwork.none.id]], ["none"]),
        ] as [([String: [String]], [String])])
    func matching(_ values: [String: [String]], _ names: [String]) throws {
        let filter = try NetworkFilter(values)
        #expect(networks.filter(filter.matches).map(\.name) == names)
    }

    @Test(arguments: [["nosuch": ["x"]], ["type": ["x"]], ["dangling": ["maybe"]]] as [[String: [String]]])
    func refused(_ values: [String: [String]]) {
        #expect(throws: TimberError.self) { try NetworkFilter(values) }
    }

    @Test func idsDiffer() {
        let ids = BuiltInNetwork.allCases.map(\.id)
        #expect(Set(ids).count == 3 && ids.allSatisfy { $0.count == 64 })
    }
}
