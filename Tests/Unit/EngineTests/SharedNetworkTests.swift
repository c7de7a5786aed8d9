import DockerAPI
import Errors
import Foundation
import Testing

@testable import Engine

@Suite struct SharedNetworkTests {
    private let owner = Snapshot(
        id: String(repeating: "ab", count: 32), name: "oak",
        shared: SharedDefinition(
            Definition(created: .now(), image: "", config: ContainerConfig(), host: HostConfig(), mounts: [], network: .bridge, ports: [])),
        lifecycle: Lifecycle())

    /// This process has the number that the container's once had; the other one nobody has.
    @Test(arguments: [getpid(), Int32.max]) func aNumberOfAnotherProcess(_ pid: Int32) {
        let error = #expect(throws: TimberError.self) { try SharedNetwork.open(of: owner, pid: pid) }
        #expect(error?.code == .conflict && error?.message.contains("oak") == true)
    }
}
