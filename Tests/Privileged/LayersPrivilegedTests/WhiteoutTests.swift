import Errors
import Foundation
import Layers
import LinuxKernel
import TarBuilder
import Testing

@Suite struct WhiteoutTests {
    @Test func whiteoutsBecomeDevicesAndOpaqueDirectories() throws {
        var tar = TarBuilder()
        tar.directory("dir/", mode: 0o750)
        tar.file("dir/.wh.gone")
        tar.file(".wh.top")
        tar.directory("opaque/", mode: 0o700, mtime: 3)
        tar.file("opaque/.wh..wh..opq")
        tar.file("opaque/new", "x")
        // AUFS's own files mean nothing here.
        tar.file(".wh..wh.aufs")
        tar.file(".wh..wh.plnk")
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.status("dir/gone")?.isWhiteout == true)
        #expect(try unpacked.status("top")?.isWhiteout == true)
        #expect(try unpacked.isOpaque("opaque"))
        #expect(try !unpacked.isOpaque("dir"))
        #expect(try unpacked.names() == ["dir", "dir/gone", "opaque", "opaque/new", "top"])
        #expect(try unpacked.status("opaque")?.mode == S_IFDIR | 0o700)
        #expect(try unpacked.status("opaque")?.modified.seconds == 3)
        #expect(unpacked.layer.needs == nil && !unpacked.layer.hidesLower)
    }

    /// "Files that are present in the same layer as a whiteout can only be hidden by whiteouts in subsequent layers."
    @Test(arguments: [true, false]) func aWhiteoutHidesOnlyWhatLiesBelow(whiteoutFirst: Bool) throws {
        var tar = TarBuilder()
        func whiteouts() {
            tar.file(".wh.file")
            tar.file(".wh.dir")
            tar.file(".wh.deep")
        }
        if whiteoutFirst { whiteouts() }
        tar.file("file", "mine")
        tar.directory("dir/")
        tar.file("dir/inside", "mine")
        tar.file("deep/er/inside", "mine")
        if !whiteoutFirst { whiteouts() }
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.content("file") == "mine")
        #expect(try unpacked.content("dir/inside") == "mine" && unpacked.isOpaque("dir"))
        #expect(try unpacked.content("deep/er/inside") == "mine" && unpacked.isOpaque("deep"))
    }

    @Test func theOrderOfTheOpaqueMarkDoesNotMatter() throws {
        var tar = TarBuilder()
        tar.file("dir/new", "x")
        tar.file("dir/.wh..wh..opq")
        tar.directory("dir/", mode: 0o700)
        tar.file("other/.wh..wh..opq")
        let unpacked = try Unpacked(tar)
        #expect(try unpacked.isOpaque("dir") && unpacked.isOpaque("other"))
        #expect(try unpacked.content("dir/new") == "x")
        // An opaque directory takes nothing from below.
        #expect(unpacked.layer.needs == nil)
    }

    @Test func anOpaqueRootHidesEverything() throws {
        var tar = TarBuilder()
        tar.file(".wh..wh..opq")
        tar.file("x", "x")
        #expect(try Unpacked(tar).layer.hidesLower)
    }

    @Test(arguments: [
        ".wh.", ".wh..", ".wh...", "dir/.wh.", "dir/.wh...", ".wh./", ".wh.x/y", ".wh./y", ".wh..wh..opq/y", "a/.wh.b/c/d", "/.wh..",
    ]) func whiteoutsOfNothing(name: String) {
        var tar = TarBuilder()
        tar.directory("dir/")
        tar.file(name)
        #expect(refusal(tar)?.code == .invalidArgument, "\(name)")
    }

    @Test func whiteoutsOfAnyTypeAreWhiteouts() throws {
        var tar = TarBuilder()
        tar.directory(".wh.a/")
        tar.symbolicLink(".wh.b", to: "/")
        tar.hardLink(".wh.c", to: "nowhere")
        tar.node(".wh.d", type: "3", major: 1, minor: 3)
        let unpacked = try Unpacked(tar)
        for name in ["a", "b", "c", "d"] { #expect(try unpacked.status(name)?.isWhiteout == true, "\(name)") }
    }

    /// A device 0:0 in an image would be a whiteout that no `.wh.` file announces.
    @Test func devicesThatLookLikeWhiteoutsAreRefused() {
        var tar = TarBuilder()
        tar.node("sneaky", type: "3", major: 0, minor: 0)
        #expect(refusal(tar)?.message.contains("\"sneaky\" is a character device 0:0") == true)
        // As a block device it means nothing to overlayfs.
        var block = TarBuilder()
        block.node("block", type: "4", major: 0, minor: 0)
        #expect(refusal(block) == nil)
    }
}
