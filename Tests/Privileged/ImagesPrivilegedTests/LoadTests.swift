import Foundation
import Images
import Layers
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
}
