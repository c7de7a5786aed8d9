import Errors
import Foundation
import Layers
import LinuxKernel
import TarBuilder
import Testing

/// What an honest layer becomes.
@Suite struct ExtractionTests {
    @Test func everyKindWithItsMetadata() throws {
        var tar = TarBuilder()
        tar.directory("./", mode: 0o711, uid: 5, gid: 6, mtime: 1000)
        tar.directory("./tmp/", mode: 0o1777, mtime: 1001)
        tar.directory("dir/", mode: 0o2750, uid: 10, gid: 20, mtime: 1002)
        tar.file("dir/file", "content", mode: 0o640, uid: 1000, gid: 1001, mtime: 1003)
        tar.file("dir/sudo", "x", mode: 0o4755, uid: 1000, mtime: 1004)
        tar.file("dir/wall", "x", mode: 0o2755, gid: 5, mtime: 1004)
        tar.file("dir/nobody", "x", mode: 0o000)
        tar.symbolicLink("dir/link", to: "../../../etc/passwd")
        tar.hardLink("dir/hard", to: "./dir/file")
        tar.node("dir/null", type: "3", major: 1, minor: 3, mode: 0o666)
        tar.node("dir/block", type: "4", major: 7, minor: 300, mode: 0o660)
        tar.node("dir/fifo", type: "6", mode: 0o622)
        let unpacked = try Unpacked(tar)
        func check(_ name: String, _ kind: mode_t, _ mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, mtime: Int64? = nil) throws {
            let status = try #require(try unpacked.status(name), "\(name)")
            #expect(status.mode == kind | mode, "\(name): \(String(status.mode, radix: 8))")
            #expect(status.uid == uid && status.gid == gid, "\(name)")
            if let mtime { #expect(status.modified == FileTime(seconds: mtime), "\(name)") }
        }
        try check("", S_IFDIR, 0o711, uid: 5, gid: 6, mtime: 1000)
        try check("tmp", S_IFDIR, 0o1777, mtime: 1001)
        // The times of directories are set last, and set-group-id is not inherited by what is made in them.
        try check("dir", S_IFDIR, 0o2750, uid: 10, gid: 20, mtime: 1002)
        try check("dir/file", S_IFREG, 0o640, uid: 1000, gid: 1001, mtime: 1003)
        try check("dir/sudo", S_IFREG, 0o4755, uid: 1000, mtime: 1004)
        try check("dir/wall", S_IFREG, 0o2755, gid: 5)
        try check("dir/nobody", S_IFREG, 0)
        try check("dir/null", S_IFCHR, 0o666)
        try check("dir/block", S_IFBLK, 0o660)
        try check("dir/fifo", S_IFIFO, 0o622, mtime: 1_700_000_000)
        try check("dir/link", S_IFLNK, 0o777, mtime: 1_700_000_000)
        #expect(try unpacked.status("dir/null")?.specialNumbers ?? (0, 0) == (1, 3))
        #expect(try unpacked.status("dir/block")?.specialNumbers ?? (0, 0) == (7, 300))
        #expect(try unpacked.status("dir/hard")?.inode == unpacked.status("dir/file")?.inode)
        #expect(try DirectoryCalls.target(-100, BytePath(unpacked.path + "/dir/link")).description == "../../../etc/passwd")
        #expect(try unpacked.content("dir/hard") == "content")
        #expect(unpacked.layer.root == RootDirectory(mode: 0o711, uid: 5, gid: 6))
        #expect(unpacked.layer.diffID == Digest.sha256(of: tar.archive))
        #expect(unpacked.layer.streamSize == Int64(tar.archive.count))
        #expect(unpacked.layer.size == 10)
        #expect(unpacked.layer.needs == nil)
    }

    @Test func namesAreBytes() throws {
        var tar = TarBuilder()
        let raw: [UInt8] = [0x64, 0xff, 0xfe, 0x0a, 0x1b]
        tar.pax([("path", raw)])
        tar.file("x", "odd")
        let unpacked = try Unpacked(tar)
        #expect(try DirectoryCalls.names(in: unpacked.directory.raw) == [try #require(BytePath(raw))])
    }

    @Test func compressedLayersHaveTheSameDiffID() throws {
        var tar = TarBuilder()
        tar.file("a", String(repeating: "abc", count: 10_000))
        for bytes in [Compressed.gzip(tar.archive), Compressed.zstd(tar.archive)] {
            let unpacked = try Unpacked(bytes: bytes, expecting: Digest.sha256(of: tar.archive))
            #expect(try unpacked.content("a").count == 30_000)
        }
    }

    /// The digest covers what follows the archive; whoever compares must see it.
    @Test func trailingBytesCount() throws {
        var tar = TarBuilder()
        tar.file("a", "x")
        let bytes = tar.archive + [UInt8](repeating: 7, count: 700_000)
        #expect(try Unpacked(bytes: bytes, expecting: Digest.sha256(of: bytes)).layer.streamSize == Int64(bytes.count))
    }

    @Test func anotherDiffIDIsRefused() {
        var tar = TarBuilder()
        tar.file("a", "x")
        let error = #expect(throws: TimberError.self) { _ = try Unpacked(bytes: tar.archive, expecting: Digest.sha256(of: [])) }
        #expect(error?.code == .corrupt && error?.message.contains("wrong diffID") == true)
    }

    @Test func attributes() throws {
        // cap_net_bind_service=ep, revision 2.
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        var tar = TarBuilder()
        tar.pax([
            ("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.mine", [0, 0xff]), ("SCHILY.xattr.trusted.mine", [1]),
            ("SCHILY.xattr.trusted.overlay.redirect", Array("/etc".utf8)), ("SCHILY.xattr.user.overlay.opaque", Array("y".utf8)),
            ("SCHILY.xattr.security.selinux", Array("x".utf8)), ("SCHILY.xattr.nonsense", [1]),
        ])
        tar.file("server", "x", uid: 1000)
        tar.pax([("SCHILY.xattr.trusted.overlay.opaque", Array("y".utf8)), ("SCHILY.xattr.user.dir", [2])])
        tar.directory("dir/")
        tar.pax([("SCHILY.xattr.trusted.link", [3]), ("SCHILY.xattr.user.link", [4])])
        tar.symbolicLink("link", to: "x")
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.attribute("server", "security.capability") == capability)
        #expect(try unpacked.attribute("server", "user.mine") == [0, 0xff])
        #expect(try unpacked.attribute("server", "trusted.mine") == [1])
        for name in ["trusted.overlay.redirect", "user.overlay.opaque", "security.selinux"] {
            #expect(try unpacked.attribute("server", name) == nil, "\(name)")
        }
        #expect(try unpacked.attribute("dir", "user.dir") == [2])
        #expect(try !unpacked.isOpaque("dir"))
    }

    @Test func aLaterMemberReplacesAnEarlierOne() throws {
        var tar = TarBuilder()
        tar.file("a", "first")
        tar.file("a", "second", mode: 0o600)
        tar.directory("b/")
        tar.file("b/inside", "x")
        tar.file("b", "now a file")
        tar.symbolicLink("c", to: "/nowhere")
        tar.file("c", "not followed")
        tar.file("d", "file")
        tar.directory("d/")
        tar.file("d/inside", "x")
        tar.directory("e/", mode: 0o700, mtime: 5)
        tar.file("e/kept", "kept")
        tar.directory("e/", mode: 0o711, mtime: 6)
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.content("a") == "second")
        #expect(try unpacked.status("a")?.mode == S_IFREG | 0o600)
        #expect(try unpacked.content("b") == "now a file")
        #expect(try unpacked.content("c") == "not followed" && unpacked.status("c")?.isRegular == true)
        #expect(try unpacked.content("d/inside") == "x")
        #expect(try unpacked.content("e/kept") == "kept")
        #expect(try unpacked.status("e")?.mode == S_IFDIR | 0o711)
        #expect(try unpacked.status("e")?.modified.seconds == 6)
        let left = ["second", "now a file", "not followed", "x", "kept"]
        #expect(unpacked.layer.size == left.reduce(0) { $0 + Int64($1.count) })
    }

    @Test func directoriesWithoutMembersAreReported() throws {
        var tar = TarBuilder()
        tar.file("a/b/file", "x", mtime: 77)
        let unpacked = try Unpacked(tar)
        #expect(unpacked.layer.needs != nil)
        #expect(try unpacked.status("a")?.mode == S_IFDIR | 0o755)
        #expect(try unpacked.status("a/b")?.modified.seconds == 77)
        // Members that come later make the layer stand for itself.
        tar.directory("a/b/")
        tar.directory("a/", mode: 0o700)
        #expect(try Unpacked(tar).layer.needs == nil)
    }

    @Test func linksOfTheLayerAreFollowedInsideTheLayer() throws {
        var tar = TarBuilder()
        tar.directory("usr/")
        tar.directory("usr/lib/")
        tar.symbolicLink("lib", to: "usr/lib")
        tar.symbolicLink("abs", to: "/usr/lib")
        tar.file("lib/one", "1")
        tar.file("abs/two", "2")
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.names() == ["abs", "lib", "usr", "usr/lib", "usr/lib/one", "usr/lib/two"])
    }

    @Test func archivesWithoutEndBlocks() throws {
        var tar = TarBuilder()
        tar.add(TarBuilder.Header("last"), content: Array("unpadded".utf8), pad: false)
        #expect(try Unpacked(bytes: tar.bytes).content("last") == "unpadded")
        #expect(try Unpacked(bytes: []).names().isEmpty)
    }

    @Test func modesDoNotDependOnTheUmask() throws {
        var tar = TarBuilder()
        tar.file("a", "x", mode: 0o666)
        tar.node("b", type: "6", mode: 0o666)
        let before = umask(0o077)
        defer { umask(before) }
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.status("a")?.mode == S_IFREG | 0o666)
        #expect(try unpacked.status("b")?.mode == S_IFIFO | 0o666)
        #expect(umask(0o077) == 0o077)
    }
}
