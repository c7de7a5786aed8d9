import Errors
import Foundation
import Layers
import LinuxKernel
import TarBuilder
import Testing

/// Layers that leave something to those below.
@Suite struct LowerNeedsTests {
    @discardableResult
    private func complete(
        _ layer: Unpacked, over lower: [SharedDescriptor], budget: ExtractionBudget? = nil, progress: () throws -> Void = {}
    ) throws -> Int64 {
        try #require(layer.layer.needs).complete(layer.directory, over: lower, budget: budget, progress: progress)
    }

    /// Layers of links alone would otherwise double what is below them, one after another.
    @Test func copiesOfLowerFilesCount() throws {
        var base = TarBuilder()
        base.file("a", bytes: [UInt8](repeating: 0, count: 400_000))
        base.file("b", bytes: [UInt8](repeating: 0, count: 300_000))
        var top = TarBuilder()
        for (name, target) in [("one", "a"), ("two", "a"), ("three", "b")] { top.hardLink(name, to: target) }
        let lower = try Unpacked(base)
        #expect(try complete(try Unpacked(top), over: [lower.directory]) == 700_000)
        #expect(
            try complete(
                try Unpacked(top), over: [lower.directory], budget: ExtractionBudget(ExtractionLimits(bytes: 700_000), received: 1))
                == 700_000)
        let error = #expect(throws: TimberError.self) {
            try complete(
                try Unpacked(top), over: [lower.directory], budget: ExtractionBudget(ExtractionLimits(bytes: 699_999), received: 1))
        }
        #expect(error?.code == .invalidArgument && error?.message.contains("699999 uncompressed bytes") == true)
    }

    @Test func completingCanBeStopped() throws {
        var base = TarBuilder()
        base.file("large", bytes: [UInt8](repeating: 0, count: 4 << 20))
        var top = TarBuilder()
        top.hardLink("copy", to: "large")
        let (lower, layer) = (try Unpacked(base), try Unpacked(top))
        var calls = 0
        #expect(throws: CancellationError.self) {
            try complete(layer, over: [lower.directory]) {
                calls += 1
                if calls == 4 { throw CancellationError() }
            }
        }
        let size = try #require(try layer.status("copy")).size
        #expect(size > 0 && size < 4 << 20)
    }

    @Test func impliedDirectoriesLookLikeTheOnesBelow() throws {
        var base = TarBuilder()
        base.directory("tmp/", mode: 0o1777, uid: 3, gid: 4, mtime: 50)
        base.pax([("SCHILY.xattr.user.x", [9])])
        base.directory("tmp/sub/", mode: 0o700, mtime: 60)
        base.directory("opaque/", mode: 0o700)
        base.directory("opaque/sub/", mode: 0o700)
        base.file("file", "x")
        var top = TarBuilder()
        top.file("tmp/sub/new", "x", mtime: 70)
        top.file("fresh/new", "x", mtime: 71)
        top.file("opaque/.wh..wh..opq")
        top.file("opaque/sub/new", "x", mtime: 72)
        top.file("file/now/a/directory", "x", mtime: 73)
        let lower = try Unpacked(base)
        let layer = try Unpacked(top)
        try complete(layer, over: [lower.directory])
        let tmp = try #require(try layer.status("tmp"))
        #expect(tmp.mode == S_IFDIR | 0o1777 && tmp.uid == 3 && tmp.gid == 4 && tmp.modified.seconds == 50)
        #expect(try layer.status("tmp/sub")?.mode == S_IFDIR | 0o700)
        #expect(try layer.status("tmp/sub")?.modified.seconds == 60)
        #expect(try layer.attribute("tmp/sub", "user.x") == [9])
        #expect(try layer.status("fresh")?.mode == S_IFDIR | 0o755)
        #expect(try layer.status("fresh")?.modified.seconds == 71)
        #expect(try layer.status("opaque/sub")?.mode == S_IFDIR | 0o755)
        #expect(try layer.status("file")?.mode == S_IFDIR | 0o755)
    }

    @Test func theHighestLowerDirectoryCounts() throws {
        var first = TarBuilder()
        first.directory("a/", mode: 0o700)
        first.directory("b/", mode: 0o700)
        first.directory("c/", mode: 0o700)
        first.directory("c/d/", mode: 0o700)
        var second = TarBuilder()
        second.directory("a/", mode: 0o711)
        second.file(".wh.b")
        second.directory("c/", mode: 0o722)
        second.file("c/.wh..wh..opq")
        var third = TarBuilder()
        for name in ["a/x", "b/x", "c/d/x"] { third.file(name, "x") }
        let (low, middle, layer) = (try Unpacked(first), try Unpacked(second), try Unpacked(third))
        try complete(layer, over: [middle.directory, low.directory])
        #expect(try layer.status("a")?.mode == S_IFDIR | 0o711)
        #expect(try layer.status("b")?.mode == S_IFDIR | 0o755)
        #expect(try layer.status("c")?.mode == S_IFDIR | 0o722)
        #expect(try layer.status("c/d")?.mode == S_IFDIR | 0o755)
    }

    @Test func hardLinksToLowerFiles() throws {
        var base = TarBuilder()
        base.pax([("SCHILY.xattr.user.x", [1])])
        base.file("file", "content", mode: 0o4711, uid: 8, gid: 9, mtime: 5)
        base.symbolicLink("link", to: "/etc/shadow")
        base.node("fifo", type: "6", mode: 0o640)
        var top = TarBuilder()
        top.directory("d/", mtime: 1234)
        top.hardLink("d/a", to: "file")
        top.hardLink("d/b", to: "file")
        top.hardLink("d/c", to: "d/a")
        top.hardLink("d/link", to: "link")
        top.hardLink("d/fifo", to: "fifo")
        // A renamed file: the old name is hidden, the new one is a link to it.
        top.file(".wh.file")
        let lower = try Unpacked(base)
        let layer = try Unpacked(top)
        try complete(layer, over: [lower.directory])
        let a = try #require(try layer.status("d/a"))
        #expect(a.mode == S_IFREG | 0o4711 && a.uid == 8 && a.gid == 9 && a.modified.seconds == 5 && a.links == 3)
        #expect(try layer.content("d/c") == "content")
        #expect(try layer.attribute("d/a", "user.x") == [1])
        #expect(try layer.status("d/link")?.isSymbolicLink == true)
        #expect(try layer.status("d/fifo")?.mode == S_IFIFO | 0o640)
        #expect(try layer.status("d")?.modified.seconds == 1234)
        #expect(try layer.status("file")?.isWhiteout == true)
        #expect(try lower.status("file")?.links == 1)
    }

    @Test(arguments: ["missing", "hidden", "dir", "link/file", "file/x"]) func linksThatLeadNowhere(target: String) throws {
        var base = TarBuilder()
        base.file("hidden", "x")
        base.directory("dir/")
        base.file("dir/file", "x")
        base.symbolicLink("link", to: "/dir")
        base.file("file", "x")
        var middle = TarBuilder()
        middle.file(".wh.hidden")
        var top = TarBuilder()
        top.hardLink("x", to: target)
        let (low, between, layer) = (try Unpacked(base), try Unpacked(middle), try Unpacked(top))
        let error = #expect(throws: TimberError.self) { try complete(layer, over: [between.directory, low.directory]) }
        #expect(error?.message == "\"x\" is a hard link to \"\(target)\", which is in no layer")
    }

    /// The last of several links of one name counts, for links to it by what it meant when they came.
    @Test func aLaterLinkOfTheSameNameWins() throws {
        var base = TarBuilder()
        base.file("one", "one")
        base.file("two", "two")
        var top = TarBuilder()
        top.hardLink("a", to: "one")
        top.hardLink("b", to: "a")
        top.hardLink("a", to: "two")
        top.hardLink("c", to: "a")
        top.hardLink("d", to: "one")
        let (lower, layer) = (try Unpacked(base), try Unpacked(top))
        try complete(layer, over: [lower.directory])
        #expect(try ["a", "b", "c", "d"].map { try layer.content($0) } == ["two", "one", "two", "one"])
        #expect(try layer.status("a")?.inode == layer.status("c")?.inode)
    }

    @Test func aLaterMemberOfTheSameNameWins() throws {
        var top = TarBuilder()
        top.hardLink("x", to: "below")
        top.file("x", "mine")
        top.hardLink("y", to: "later")
        top.file("later", "later")
        let layer = try Unpacked(top)
        #expect(layer.layer.needs == nil)
        #expect(try layer.content("x") == "mine" && layer.content("y") == "later")
        #expect(try layer.status("y")?.inode == layer.status("later")?.inode)
    }
}
