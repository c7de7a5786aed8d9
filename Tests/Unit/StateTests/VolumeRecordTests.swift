import Errors
import Foundation
import State
import Testing

/// A database in a directory of its own.
private final class Scratch {
    let database: Database
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("timber-state-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        database = try Database(path: directory.path + "/state.db")
    }

    deinit {
        // A leftover directory spoils no test.
        try? FileManager.default.removeItem(at: directory)
    }
}

@Suite struct VolumeRecordTests {
    private func container(_ id: String, name: String? = nil) -> ContainerRecord {
        ContainerRecord(id: id, name: name ?? id, definition: [1], state: [2])
    }

    private func volume(_ name: String, anonymous: Bool = false) -> VolumeRecord {
        VolumeRecord(name: name, anonymous: anonymous, definition: Array(name.utf8))
    }

    @Test func volumesStayAsTheyWereMade() async throws {
        let scratch = try Scratch()
        let database = scratch.database
        #expect(try database.insertIfMissing(volume("a")))
        #expect(try !database.insertIfMissing(VolumeRecord(name: "a", anonymous: true, definition: [9])))
        #expect(try await database.volume("a") == volume("a"))
        #expect(try await database.volume("b") == nil)
        #expect(try database.removeVolume("a") == .removed)
        #expect(try database.removeVolume("a") == .missing)
    }

    @Test func aVolumeStaysAsLongAsAContainerHasIt() async throws {
        let scratch = try Scratch()
        let database = scratch.database
        #expect(try database.insert(container("one"), volumes: [volume("a"), volume("b", anonymous: true)]) == ["a", "b"])
        #expect(try database.insert(container("two"), volumes: [volume("a"), volume("a")]).isEmpty)
        #expect(try database.removeVolume("a") == .used(["one", "two"]))
        #expect(try database.removeVolume("a", besides: "one") == .used(["two"]))
        #expect(try database.removeVolume("b", besides: "one") == .removed)
        #expect(try await database.volumes().map(\.users) == [2])
        _ = try database.deleteContainer("two")
        #expect(try database.users(ofVolume: "a") == ["one"])
        _ = try database.deleteContainer("one")
        #expect(try database.removeVolume("a") == .removed)
    }

    @Test func aVolumeStaysWhenItsContentDoes() async throws {
        let scratch = try Scratch()
        let database = scratch.database
        _ = try database.insertIfMissing(volume("a"))
        #expect(throws: TimberError.self) { try database.removeVolume("a") { throw TimberError(.internal, "disk") } }
        #expect(try await database.volumes().count == 1)
        // Nothing is asked of the content of what is not there, or in use.
        #expect(try database.removeVolume("b") { throw TimberError(.internal, "disk") } == .missing)
        _ = try database.insert(container("one"), volumes: [volume("a")])
        #expect(try database.removeVolume("a") { throw TimberError(.internal, "disk") } == .used(["one"]))
    }

    /// A container that cannot be stored leaves no volume.
    @Test func allOrNothing() async throws {
        let scratch = try Scratch()
        let database = scratch.database
        _ = try database.insert(container("one", name: "oak"), volumes: [])
        let error = #expect(throws: TimberError.self) {
            try database.insert(container("two", name: "oak"), volumes: [volume("a")])
        }
        #expect(error?.code == .conflict)
        #expect(try await database.volumes().isEmpty)
    }
}
