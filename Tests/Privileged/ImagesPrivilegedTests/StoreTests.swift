import Errors
import Foundation
import Images
import Layers
import LinuxKernel
import State
import TarBuilder
import Testing

/// Removing, pruning, saving, and what crashes and simultaneous loads leave.
@Suite struct StoreTests {
    private static func layer(_ name: String, _ content: String) -> [UInt8] {
        var tar = TarBuilder()
        tar.directory("d/")
        tar.file("d/" + name, content)
        return tar.archive
    }

    private static let base = layer("base", String(repeating: "base", count: 30_000))
    private static let oak = ArchiveBuilder.Image(layers: [base, layer("oak", "oak")], names: ["oak:1", "oak:2"])
    private static let elm = ArchiveBuilder.Image(layers: [base, layer("elm", "elm")], names: ["elm:1"])

    private func store() async throws -> TestStore {
        let test = try TestStore()
        try await test.store.recover()
        return test
    }

    @Test func namesGoOneByOneAndTheImageWithTheLast() async throws {
        let test = try await store()
        let id = try #require(try await test.load(archives.dockerArchive([Self.oak])).first?.id)
        #expect(try test.store.remove("oak:1", force: false, noPrune: false) { _ in [] } == [.untagged("oak:1")])
        #expect(try test.store.image("oak:2").id == id)
        let items = try test.store.remove("oak:2", force: false, noPrune: false) { _ in [] }
        #expect(items.first == .untagged("oak:2") && items.contains(.deleted(id.description)) && items.count == 4)
        #expect(throws: TimberError.self) { try test.store.image(id: id) }
        try await test.isEmpty()
    }

    @Test func sharedLayersStay() async throws {
        let test = try await store()
        _ = try await test.load(archives.dockerArchive([Self.oak, Self.elm]))
        #expect(try test.layers().count == 3 && test.blobs().count == 3)
        _ = try test.store.remove("elm:1", force: false, noPrune: false) { _ in [] }
        #expect(try test.layers().count == 2 && test.blobs().count == 2)
        let top = try #require(test.store.mountLayers(of: try test.store.image("oak:1")).first)
        #expect(try String(contentsOfFile: "\(test.path)/layers/\(top)/d/oak", encoding: .utf8) == "oak")
    }

    @Test func aContainerKeepsItsLayers() async throws {
        let test = try await store()
        let id = try #require(try await test.load(archives.dockerArchive([Self.oak])).first?.id)
        let names = try test.store.hold(id, by: "container")
        let user = ImageUser(container: "container", isRunning: false)
        let error = #expect(throws: TimberError.self) { try test.store.remove(id.hex, force: false, noPrune: false) { _ in [user] } }
        #expect(error?.code == .conflict)
        _ = try test.store.remove(id.hex, force: true, noPrune: false) { _ in [user] }
        #expect(try test.store.heldLayers(by: "container") == names && test.layers().count == 2)
        #expect(try test.blobs().isEmpty)
        try test.store.release(holder: "container")
        try await test.isEmpty()
    }

    @Test func pruning() async throws {
        let test = try await store()
        _ = try await test.load(archives.dockerArchive([Self.oak, Self.elm]))
        var newer = Self.elm
        newer.layers[1] = Self.layer("elm", "newer")
        let loaded = try await test.load(archives.dockerArchive([newer]))
        #expect(loaded.first?.replaced.keys.map { $0 } == ["elm:1"])
        let dangling = try #require(loaded.first?.replaced["elm:1"])
        let report = try test.store.prune(danglingOnly: true, inUse: { _ in [] })
        #expect(report.removed.first == .deleted(dangling.description) && report.reclaimed > 0)
        #expect(test.store.list().count == 2)
        let user = ImageUser(container: "c", isRunning: true)
        let oak = try test.store.image("oak:1").id
        _ = try test.store.prune(danglingOnly: false, inUse: { $0 == oak ? [user] : [] })
        #expect(test.store.list().map(\.id) == [oak])
        _ = try test.store.prune(danglingOnly: false, inUse: { _ in [] })
        try await test.isEmpty()
    }

    @Test func whatIsSavedLoadsElsewhere() async throws {
        let test = try await store()
        let other = try await store()
        _ = try await test.load(archives.dockerArchive([Self.oak, Self.elm]))
        let file = test.path + "/saved.tar"
        try await test.store.save(
            ["oak", "elm:1"], to: try DirectoryCalls.open(-100, BytePath(file), O_WRONLY | O_CREAT, mode: 0o600, resolve: 0))
        let loaded = try await other.load(file: file)
        #expect(Set(loaded.flatMap(\.references)) == ["oak:1", "oak:2", "elm:1"])
        #expect(try other.store.image("oak:1").id == test.store.image("oak:1").id)
        #expect(try other.blobs() == test.blobs())
        #expect(try other.store.history("oak:1") == test.store.history("oak:1"))
    }

    /// A blob that was changed on the disk is never given out.
    @Test func savingVerifies() async throws {
        let test = try await store()
        _ = try await test.load(archives.dockerArchive([Self.elm]))
        let blob = try #require(try test.blobs().first)
        let path = "\(test.path)/content/sha256/\(blob)"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[600] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let (store, saved) = (test.store, BytePath(test.path + "/saved.tar"))
        await #expect(throws: TimberError.self) {
            try await store.save(["elm:1"], to: try DirectoryCalls.open(-100, saved, O_WRONLY | O_CREAT, mode: 0o600, resolve: 0))
        }
    }

    @Test func aLoadThatIsCutAnywhereLeavesNothing() async throws {
        let test = try await store()
        let archive = archives.dockerArchive([Self.oak, Self.elm])
        // Without the zero blocks at the end it is whole.
        for end in stride(from: 0, to: archive.count - 1024 - 512, by: archive.count / 40) {
            await #expect(throws: TimberError.self, "\(end)") { try await test.load(Array(archive[..<end])) }
            #expect(test.store.list().isEmpty)
            try await test.isEmpty()
        }
        #expect(try await test.load(archive).count == 2)
    }

    /// All images of an archive or none: the second one is bad.
    @Test func allOrNothing() async throws {
        let test = try await store()
        var bad = Self.elm
        bad.diffIDs = [Digest.sha256(of: Self.base).description, Digest.sha256(of: [1]).description]
        let error = await #expect(throws: TimberError.self) { try await test.load(archives.dockerArchive([Self.oak, bad])) }
        #expect(error?.code == .corrupt && error?.message.contains("wrong diffID") == true)
        try await test.isEmpty()
    }

    /// A layer that is there already is no reason to believe the blob that comes for it.
    @Test func everyBlobIsProven() async throws {
        let test = try await store()
        _ = try await test.load(archives.dockerArchive([Self.oak]))
        var changed = Self.elm
        changed.diffIDs = changed.layers.map { Digest.sha256(of: $0).description }
        changed.layers[0][2000] ^= 1
        let error = await #expect(throws: TimberError.self) { try await test.load(archives.dockerArchive([changed])) }
        #expect(error?.message.contains("wrong diffID") == true)
        changed.layers[0] = Compressed.gzip(Self.base)
        #expect(try await test.load(archives.dockerArchive([changed])).count == 1)
        #expect(try test.layers().count == 3 && test.blobs().count == 4)
    }

    @Test func loadsAtTheSameTime() async throws {
        let test = try await store()
        let archive = archives.dockerArchive([Self.oak, Self.elm])
        let file = test.path + "/archive.tar"
        try Data(archive).write(to: URL(fileURLWithPath: file))
        let store = test.store
        try await withThrowingTaskGroup(of: [LoadedImage].self) { group in
            for _ in 0..<12 {
                group.addTask {
                    try await store.load(from: try DirectoryCalls.open(-100, BytePath(file), 0, resolve: 0)) { _ in }
                }
            }
            for try await loaded in group { #expect(loaded.count == 2) }
        }
        #expect(try test.layers().count == 3 && test.blobs().count == 3)
        for name in ["oak:2", "elm:1"] { _ = try store.remove(name, force: true, noPrune: false) { _ in [] } }
        _ = try store.remove("oak:1", force: true, noPrune: false) { _ in [] }
        try await test.isEmpty()
    }

    /// Loads and removals of the same image: whatever comes first, the rows and the files agree at the end.
    @Test func loadsAgainstRemovals() async throws {
        let test = try await store()
        let file = test.path + "/archive.tar"
        try Data(archives.dockerArchive([Self.elm])).write(to: URL(fileURLWithPath: file))
        let store = test.store
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    await #expect(throws: Never.self) {
                        _ = try await store.load(from: try DirectoryCalls.open(-100, BytePath(file), 0, resolve: 0)) { _ in }
                    }
                }
                group.addTask {
                    // There may be nothing to remove at that moment.
                    _ = try? store.remove("elm:1", force: true, noPrune: false) { _ in [] }
                }
            }
        }
        let isThere = !store.list().isEmpty
        #expect(try test.layers().count == (isThere ? 2 : 0) && test.blobs().count == (isThere ? 2 : 0))
    }

    /// What a daemon leaves that is killed while it loads: rows that say so, directories, blobs, trash.
    @Test func recovery() async throws {
        let test = try await store()
        _ = try await test.load(archives.dockerArchive([Self.oak]))
        let before = (try test.layers(), try test.blobs())
        let database = try Database(path: test.path + "/state.db")
        let id = try database.beginLayer(diffID: "sha256:" + String(repeating: "a", count: 64))
        let manager = FileManager.default
        for path in ["layers/\(id)/fs/half", "layers/9999/fs", "layers/strange", "trash/layer-7/fs/d"] {
            try manager.createDirectory(atPath: "\(test.path)/\(path)", withIntermediateDirectories: true)
        }
        for name in [String(repeating: "b", count: 64), "strange"] {
            #expect(manager.createFile(atPath: "\(test.path)/content/sha256/\(name)", contents: Data([1])))
        }
        _ = try database.holdLayer(diffID: Digest.sha256(of: Self.base).description, chainID: "", by: "load:1")
        let store = try TestStore.open(test.path)
        try await store.recover()
        #expect(try test.layers() == before.0 && test.blobs() == before.1)
        #expect(try database.layerIDs().unpacking.isEmpty && database.heldLayers(by: "load:1").isEmpty)
        #expect(store.list().count == 1)
        try await test.trashIsEmpty()
    }

    /// "load its image again", says the log.
    @Test func aMissingLayerComesBackWithItsImage() async throws {
        let test = try await store()
        let archive = archives.dockerArchive([Self.oak])
        let id = try #require(try await test.load(archive).first?.id)
        let held = try test.store.hold(id, by: "container")
        try FileManager.default.removeItem(atPath: "\(test.path)/layers/\(held[0])")
        let store = try TestStore.open(test.path)
        try await store.recover()
        #expect(store.list().map(\.id) == [id])
        _ = try await store.load(from: try test.file(archive)) { _ in }
        #expect(try store.heldLayers(by: "container") == held)
        #expect(try String(contentsOfFile: "\(test.path)/layers/\(held[0])/d/oak", encoding: .utf8) == "oak")
        #expect(try test.layers().count == 2)
    }
}
