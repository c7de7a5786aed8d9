import Errors
import Foundation
import Images
import Layers
import State
import TarBuilder
import Testing

let archives = ArchiveBuilder { Digest.sha256(of: $0).hex }

@Suite struct LoadTests {
    @Test func dockerArchiveBecomesMountableLayers() async throws {
        var base = TarBuilder()
        base.directory("etc/")
        base.file("etc/passwd", "root:x:0:0::/:/bin/sh\n")
        var top = TarBuilder()
        top.directory("etc/")
        top.file("etc/.wh.passwd")
        top.file("hello", "hi")
        let test = try TestStore()
        try await test.store.recover()
        let loaded = try await test.load(
            archives.dockerArchive([.init(layers: [base.archive, top.archive], names: ["docker.io/library/x:1"])]))
        #expect(loaded.map(\.references) == [["x:1"]])
        let image = try test.store.image("x:1")
        #expect(image.id == loaded.first?.id)
        #expect(image.config.config.cmd == ["/bin/sh"])
        let directories = test.store.mountLayers(of: image)
        #expect(directories.count == 2)
        #expect(try String(contentsOfFile: test.path + "/layers/\(directories[0])/hello", encoding: .utf8) == "hi")
        #expect(try String(contentsOfFile: test.path + "/layers/\(directories[1])/etc/passwd", encoding: .utf8).hasPrefix("root:"))
        var status = stat()
        #expect(lstat(test.path + "/layers/\(directories[0])/etc/passwd", &status) == 0)
        #expect(status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0)
    }

    /// Ten layers of links, each to every file below it: a thousand copies of the lowest one's file. An honest one costs its size.
    @Test func linksToLowerFilesAreNoBomb() async throws {
        var layers: [[UInt8]] = []
        var base = TarBuilder()
        base.file("file0", bytes: [UInt8](repeating: 0, count: 100_000))
        layers.append(base.archive)
        var names = ["file0"]
        for _ in 0..<10 {
            var layer = TarBuilder()
            for name in names {
                layer.hardLink("file\(names.count)", to: name)
                names.append("file\(names.count)")
            }
            layers.append(layer.archive)
        }
        let test = try TestStore(limits: ExtractionLimits(bytes: 3_000_000))
        try await test.store.recover()
        let bomb = archives.dockerArchive([.init(layers: layers, names: ["bomb:1"])])
        let error = await #expect(throws: TimberError.self) { try await test.load(bomb) }
        #expect(error?.message.contains("limit of 3000000 uncompressed bytes") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: test.path + "/layers") == ["empty"])

        _ = try await test.load(archives.dockerArchive([.init(layers: Array(layers.prefix(3)), names: ["honest:1"])]))
        let image = try test.store.image("honest:1")
        #expect(image.layers.map(\.size) == [100_000, 100_000, 200_000])
    }

    /// Every container that is made holds an image: the tables of all images are not read for it.
    @Test func holdingReadsNoTables() async throws {
        var base = TarBuilder()
        base.file("file", "x")
        let test = try TestStore()
        try await test.store.recover()
        _ = try await test.load(archives.dockerArchive([.init(layers: [base.archive], names: ["x:1"])]))
        let image = try test.store.image("x:1")
        // Behind the store's back: whoever reads the tables finds it.
        try Database(path: test.path + "/state.db").setImageName("docker.io/library/y:1", image: image.id.description)
        #expect(try test.store.hold(image.id, by: "container") == test.store.mountLayers(of: image))
        #expect(throws: TimberError.self) { try test.store.image("y:1") }
        #expect(try test.store.heldLayers(by: "container") == test.store.mountLayers(of: image))
        _ = try test.store.tag("x:1", as: "x:2")
        #expect(try test.store.image("y:1").id == image.id)
    }
}
