import Errors
import Foundation
import Layers
import LinuxKernel
import TarBuilder
import Testing

/// Layers that want out, or too much (security cases of images and unpacking).
@Suite struct HostileLayerTests {
    @Test(arguments: ["../x", "a/../../x", "..", "a/..", "./../x", "/../x"]) func namesThatLeadOut(name: String) {
        var tar = TarBuilder()
        tar.directory("a/")
        tar.file(name, "out")
        #expect(refusal(tar)?.message.contains("contains \"..\"") == true)
    }

    @Test func absoluteNamesLieInsideTheLayer() throws {
        var tar = TarBuilder()
        tar.file("/x", "in")
        tar.file("//y//z", "in")
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.names() == ["x", "y", "y/z"])
        #expect(unpacked.canaryIsUntouched)
    }

    @Test(arguments: ["/", "..", "../..", "../../../../../../../..", "/..", ".", "/proc/self/root", "/proc/self/cwd/.."])
    func writingThroughALink(target: String) throws {
        var tar = TarBuilder()
        tar.symbolicLink("d", to: target)
        tar.file("d/canary", "overwritten")
        tar.symbolicLink("e", to: target)
        tar.directory("e/made/")
        tar.file("e/.wh.canary")
        tar.file("e/.wh..wh..opq")
        do {
            let unpacked = try Unpacked(tar)
            #expect(unpacked.canaryIsUntouched)
        } catch let error as TimberError {
            // A link to something that the layer does not have; the canary was checked by then.
            #expect(error.code == .invalidArgument)
        }
    }

    @Test func linksToTheHostsFiles() throws {
        let outside = FileManager.default.temporaryDirectory.appendingPathComponent("timber-outside-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: outside) }
        var tar = TarBuilder()
        tar.symbolicLink("d", to: outside)
        tar.file("d/file", "x")
        // Inside the layer there is no such directory, so the link leads nowhere.
        #expect(refusal(tar)?.code == .invalidArgument)
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
    }

    @Test(arguments: ["../canary", "../../etc/passwd", "a/../../canary"]) func hardLinksOut(target: String) {
        var tar = TarBuilder()
        tar.hardLink("x", to: target)
        #expect(refusal(tar)?.message.contains("contains \"..\"") == true)
    }

    @Test func hardLinksThroughLinks() throws {
        var tar = TarBuilder()
        tar.symbolicLink("d", to: "/etc")
        tar.hardLink("x", to: "d/passwd")
        tar.hardLink("y", to: "/etc/passwd")
        let unpacked = try Unpacked(tar)
        // Neither target is in the layer; whether a lower one has it is decided later.
        #expect(try unpacked.names() == ["d"])
        #expect(unpacked.layer.needs != nil)
    }

    @Test func hardLinksDoNotFollowTheirTarget() throws {
        var tar = TarBuilder()
        tar.symbolicLink("secret", to: "/etc/shadow")
        tar.hardLink("x", to: "secret")
        #expect(try Unpacked(tar).status("x")?.isSymbolicLink == true)
    }

    @Test func hardLinksToDirectoriesAndTheRoot() {
        var tar = TarBuilder()
        tar.directory("d/")
        tar.hardLink("x", to: "d")
        #expect(refusal(tar)?.message.contains("hard link to the directory") == true)
        for (name, target) in [("x", "/"), ("x", "."), ("/", "x"), ("x", "")] {
            var tar = TarBuilder()
            tar.hardLink(name, to: target)
            #expect(refusal(tar)?.message.contains("root") == true, "\(name) → \(target)")
        }
    }

    @Test func linksToThemselves() throws {
        var tar = TarBuilder()
        tar.file("a", "kept")
        tar.hardLink("a", to: "a")
        tar.hardLink("b", to: "./b")
        tar.symbolicLink("loop", to: "loop")
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.content("a") == "kept")
        #expect(unpacked.layer.needs != nil)
        var through = TarBuilder()
        through.symbolicLink("loop", to: "loop")
        through.file("loop/x")
        #expect(refusal(through)?.code == .invalidArgument)
    }

    @Test func namesThatNoFileSystemTakes() {
        var long = TarBuilder()
        long.gnuLong("L", [UInt8](repeating: 0x61, count: 256))
        long.file("x")
        #expect(refusal(long)?.message.contains("longer than 255") == true)
        var deep = TarBuilder()
        deep.gnuLong("L", Array(String(repeating: "d/", count: 2500).utf8))
        deep.directory("x")
        #expect(refusal(deep)?.message.contains("longer than 4095") == true)
        var target = TarBuilder()
        target.gnuLong("K", [UInt8](repeating: 0x61, count: 5000))
        target.symbolicLink("x", to: "y")
        #expect(refusal(target)?.code == .invalidArgument)
        var none = TarBuilder()
        none.symbolicLink("x", to: "")
        #expect(refusal(none)?.message.contains("no target") == true)
    }

    @Test func aFileIsNoDirectoryAndTheRootIsNoFile() {
        var tar = TarBuilder()
        tar.file("f", "x")
        tar.file("f/inside", "x")
        #expect(refusal(tar)?.message == "\"f/inside\" lies below \"f\", which is not a directory")
        for name in [".", "./", "/"] {
            var tar = TarBuilder()
            tar.symbolicLink(name, to: "/etc")
            #expect(refusal(tar)?.message.contains("is not a directory") == true)
        }
    }

    @Test func attributesThatTheKernelRefuses() {
        var tar = TarBuilder()
        tar.pax([("SCHILY.xattr.security.capability", [1, 2, 3])])
        tar.file("x", "x")
        #expect(refusal(tar)?.message.contains("\"x\"") == true)
        var large = TarBuilder()
        large.pax([("SCHILY.xattr.user.large", [UInt8](repeating: 1, count: 70_000))])
        large.file("large", "x")
        #expect(refusal(large)?.message.contains("\"large\"") == true)
    }

    @Test func bombs() {
        let limits = ExtractionLimits(bytes: 1 << 40, entries: 1000, ratio: 100, freeBytes: 8 << 20)
        var header = TarBuilder.Header("zeros")
        header.size = 10 << 30
        let block = TarBuilder.block(header)
        let zstd = refusal(bytes: Compressed.zstdBomb(block, zeros: 10 << 30), limits: limits)
        #expect(zstd?.message.contains("decompression bomb") == true && zstd?.message.contains("100 to 1") == true)
        let gzip = refusal(bytes: Compressed.gzipBomb(zeros: 64 << 20), limits: limits)
        #expect(gzip?.message.contains("decompression bomb") == true)
        let absolute = refusal(bytes: Compressed.zstdBomb(block, zeros: 64 << 20), limits: ExtractionLimits(bytes: 1 << 20))
        #expect(absolute?.message.contains("larger than the limit of 1048576 uncompressed bytes") == true)
    }

    /// Sizes that headers promise are added up by nobody: the second file's would overflow.
    @Test(arguments: [Int64.max, Int64.max - 511, 1 << 62]) func promisedSizes(size: Int64) {
        var tar = TarBuilder()
        tar.file("small", "x")
        tar.pax([("size", Array("\(size)".utf8))])
        tar.file("large", "x")
        #expect(refusal(tar)?.message.hasPrefix("truncated tar archive") == true)
    }

    /// Layers that are honest one by one share a budget.
    @Test func manySmallBombs() throws {
        let limits = ExtractionLimits(ratio: 100, freeBytes: 1 << 20)
        var header = TarBuilder.Header("zeros")
        header.size = 512 << 10
        let blob = Compressed.zstdBomb(TarBuilder.block(header), zeros: 512 << 10)
        let budget = ExtractionBudget(limits, received: 1000)
        #expect(refusal(bytes: blob, limits: limits, budget: budget) == nil)
        let error = try #require(refusal(bytes: blob, limits: limits, budget: budget))
        #expect(error.message.contains("together") && error.message.contains("decompression bomb"))
        // What came for them counts, however it was wrapped.
        let large = ExtractionBudget(limits, received: 20_000)
        for _ in 0..<3 { #expect(refusal(bytes: blob, limits: limits, budget: large) == nil) }
    }

    @Test func directoriesThatFillTheMemory() {
        let limits = ExtractionLimits(memory: 100_000)
        var many = TarBuilder()
        for index in 0..<400 { many.directory("d\(index)/") }
        #expect(refusal(many, limits: limits)?.message.contains("100000 bytes of memory") == true)
        var implied = TarBuilder()
        for index in 0..<400 { implied.file("d\(index)/x") }
        #expect(refusal(implied, limits: limits)?.message.contains("100000 bytes of memory") == true)
        var large = TarBuilder()
        for _ in 0..<3 {
            large.pax([("SCHILY.xattr.user.x", [UInt8](repeating: 1, count: 50_000))])
            large.directory("same/")
        }
        #expect(refusal(large, limits: limits)?.message.contains("100000 bytes of memory") == true)
        var links = TarBuilder()
        for index in 0..<400 { links.hardLink("l\(index)", to: "below") }
        #expect(refusal(links, limits: limits)?.message.contains("100000 bytes of memory") == true)
        // Files need none.
        var files = TarBuilder()
        for index in 0..<1000 { files.file("f\(index)", "x") }
        #expect(refusal(files, limits: limits) == nil)
    }

    @Test func tooManyMembers() {
        var tar = TarBuilder()
        for index in 0..<20 { tar.file("f\(index)") }
        #expect(refusal(tar, limits: ExtractionLimits(entries: 19))?.message == "more members than the limit of 19")
        #expect(refusal(tar, limits: ExtractionLimits(entries: 20)) == nil)
    }

    @Test func everyTruncationIsAnErrorOrAPrefix() throws {
        var tar = TarBuilder()
        tar.directory("a/")
        tar.file("a/b", String(repeating: "x", count: 600))
        tar.hardLink("c", to: "a/b")
        let bytes = Compressed.gzip(tar.archive)
        for end in stride(from: 0, to: bytes.count, by: 37) {
            #expect(refusal(bytes: Array(bytes[..<end]))?.code ?? .invalidArgument == .invalidArgument)
        }
    }

    @Test func notATar() {
        #expect(refusal(bytes: Array(String(repeating: "not a tar", count: 200).utf8))?.message.contains("not a tar header") == true)
        #expect(refusal(bytes: Compressed.gzip(Array(String(repeating: "x", count: 2000).utf8)))?.code == .invalidArgument)
    }

    /// Deep trees, made through links so that no single name is long, can be removed again.
    @Test func deepTreesCanBeRemoved() throws {
        var tar = TarBuilder()
        let part = String(repeating: "d/", count: 1900)
        for level in 0..<4 {
            tar.gnuLong("L", Array((level == 0 ? part : "l\(level - 1)/" + part).utf8))
            tar.directory("x")
            tar.gnuLong("K", Array((level == 0 ? part : "l\(level - 1)/" + part).utf8))
            tar.symbolicLink("l\(level)", to: "x")
        }
        let unpacked = try Unpacked(tar)
        let base = try DirectoryCalls.open(-100, BytePath(unpacked.base), O_DIRECTORY, resolve: 0)
        try TreeRemoval.remove(base.raw, BytePath("fs"))
        #expect(try unpacked.status("") == nil)
        #expect(unpacked.canaryIsUntouched == false, "fs is gone")
    }

    /// Unpacking opens as many descriptors as it closes.
    @Test func noDescriptorLeaks() throws {
        var good = TarBuilder()
        for index in 0..<50 { good.file("d\(index)/f", "x") }
        var bad = good
        bad.file("../x")
        _ = try Unpacked(good)
        func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        // Other tests run at the same time, so only a leak of every round shows.
        let before = try count()
        for _ in 0..<100 {
            _ = try Unpacked(good)
            _ = refusal(bad)
        }
        #expect(try count() < before + 100)
    }
}
