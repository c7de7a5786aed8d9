import Foundation
import LinuxKernel
import Testing

@testable import Engine

@Suite struct HostsFileTests {
    private func replacing(_ old: [String], with new: [String], in text: String) -> String {
        String(decoding: HostsFile.replacing(old, with: new, in: Array(text.utf8)), as: UTF8.self)
    }

    @Test func linesComeAndGo() {
        let text = "127.0.0.1\tlocalhost\n10.0.0.2\toak\n# mine\n"
        #expect(replacing(["10.0.0.2\toak"], with: ["10.9.0.2\toak"], in: text) == "127.0.0.1\tlocalhost\n# mine\n10.9.0.2\toak\n")
        #expect(replacing(["10.0.0.2\telm"], with: [], in: text) == text)
        // Twice is once, and a last line without an end gets one.
        #expect(replacing([], with: ["10.0.0.2\toak"], in: text) == text)
        #expect(replacing([], with: ["10.0.0.3\toak"], in: "# mine") == "# mine\n10.0.0.3\toak\n")
        #expect(replacing([], with: ["10.0.0.3\toak"], in: "") == "10.0.0.3\toak\n")
        // Only whole lines are ours.
        #expect(replacing(["10.0.0.2\toak"], with: [], in: "10.0.0.2\toak elm\n\n") == "10.0.0.2\toak elm\n\n")
    }

    @Test func linksFollow() {
        func follow(_ text: [UInt8]) -> [UInt8] { HostsFile.readdressing([("10.0.0.9", "db c0ffee oak")], in: text) }
        #expect(
            follow(Array("10.0.0.2\tdb c0ffee oak\n10.0.0.2\tother\n".utf8)) == Array("10.0.0.9\tdb c0ffee oak\n10.0.0.2\tother\n".utf8))
        // Whatever the container has made of the file.
        for text in [[], [0], [0xff, 0x0a], Array("\t\n".utf8), Array("x\tdb c0ffee\n".utf8)] as [[UInt8]] {
            #expect(follow(text).starts(with: text))
        }
    }

    @Test func theVeryFile() throws {
        let path = NSTemporaryDirectory() + "hosts-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Files.write(Array("long and longer\n".utf8), to: path)
        func number() throws -> Int? { try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int }
        let before = try number()
        for text in ["short\n", "longer than before\n", ""] {
            try HostsFile.edit(path) { _ in Array(text.utf8) }
            #expect(try Files.read(path) == Array(text.utf8))
        }
        // Whatever it is, it is not what was written.
        let long = [UInt8](repeating: 1, count: 2 << 20)
        try Files.write(long, to: path)
        try HostsFile.edit(path) { _ in [] }
        #expect(try Files.read(path, limit: 4 << 20) == long && number() == before)
    }
}
