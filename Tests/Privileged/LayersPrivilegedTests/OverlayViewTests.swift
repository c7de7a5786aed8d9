import Foundation
import Glibc
import Testing

@testable import LinuxKernel

/// Stacked layers seen as one, by both ways that kernels offer.
@Suite struct OverlayViewTests {
    /// Three layers whose paths have every character that mount(2)'s options give a meaning.
    private static func layers(in directory: String) throws -> [String] {
        let layers = ["top", "mid,dle:\\", "bottom"].map { "\(directory)/\($0)" }
        for layer in layers { try Files.makeDirectory(layer) }
        try Files.write(Array("bottom".utf8), to: "\(layers[2])/everywhere")
        try Files.write(Array("bottom".utf8), to: "\(layers[2])/below")
        try Files.write(Array("gone".utf8), to: "\(layers[2])/removed")
        try Files.write(Array("middle".utf8), to: "\(layers[1])/everywhere")
        try #require(mknod("\(layers[1])/removed", S_IFCHR, 0) == 0)
        try Files.write(Array("top".utf8), to: "\(layers[0])/everywhere")
        return layers
    }

    private static func withLayers(_ body: ([String]) throws -> Void) throws {
        let directory = "/var/tmp/timber-view-\(UUID().uuidString)"
        try Files.makeDirectory(directory)
        defer { #expect(throws: Never.self) { try Tree.remove(directory) } }
        try body(try layers(in: directory))
    }

    private static func check(_ view: consuming Descriptor) throws {
        let root = SharedDescriptor(view)
        func read(_ name: String) throws -> String? { try Overlay.readFile(name, in: root.raw).map { String(decoding: $0, as: UTF8.self) } }
        #expect(try read("everywhere") == "top")
        #expect(try read("below") == "bottom")
        #expect(try read("removed") == nil)
    }

    @Test func newestKernels() throws {
        try Self.withLayers { try Self.check(try Overlay.view($0)) }
    }

    @Test func olderKernels() throws {
        let before = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        try Self.withLayers { layers in
            try Self.check(try Overlay.namespaceView(layers))
            #expect(try Tree.names(layers[0]) == ["everywhere"])
        }
        #expect(try !String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).contains("timber-view-"))
        #expect(!before.contains("timber-view-"))
    }
}
