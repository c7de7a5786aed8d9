import DockerAPI
import Errors
import Testing

@testable import Engine

@Suite struct NetworkFilterTests {
    private var networks: [NetworkResource] {
        let own = [("used", ["x": "1"]), ("idle", ["x": "2"])].map { name, labels in
            var result = NetworkResource()
            (result.name, result.id, result.driver, result.labels) = (name, "\(name)-id", "bridge", labels)
            return result
        }
        return own
            + BuiltInNetwork.allCases.map { network in
                var result = NetworkResource()
                (result.name, result.id, result.driver) = (network.rawValue, network.id, network.driver)
                return result
            }
    }

    @Test(
        arguments: [
            ([:], ["used", "idle", "bridge", "host", "none"]), (["name": ["brid"]], ["bridge"]),
            (["driver": ["null", "host"]], ["host", "none"]), (["type": ["builtin"]], ["bridge", "host", "none"]),
            (["type": ["custom"]], ["used", "idle"]), (["dangling": ["true"]], ["idle"]),
            (["dangling": ["0"]], ["used", "bridge", "host", "none"]), (["scope": ["swarm"]], []), (["label": ["x"]], ["used", "idle"]),
            (["label": ["x=1"]], ["used"]), (["label": ["y"]], []), (["id": [BuiltInNetwork.none.id]], ["none"]),
            (["driver": ["bridge"], "name": ["u", "b"], "label": ["x"]], ["used"]),
        ] as [([String: [String]], [String])])
    func matching(_ values: [String: [String]], _ names: [String]) throws {
        let filter = try NetworkFilter(values)
        #expect(networks.filter { filter.matches($0, isUsed: $0.name == "used") }.map(\.name) == names)
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
