import Errors
import Foundation
import Layers
import LinuxKernel
import Tar
import Testing

final class MemorySink: ByteSink {
    var bytes: [UInt8] = []

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        self.bytes.append(contentsOf: bytes)
    }
}

@Suite struct TarWriterTests {
    static var entries: [TarEntry] {
        func name(_ count: Int) -> [UInt8] { (0..<count).map { $0 % 40 == 39 ? 0x2f : 0x61 + UInt8($0 % 26) } }
        var result: [TarEntry] = []
        for count in [1, 99, 100, 101, 155, 156, 255, 256, 300, 2001] {
            result.append(TarEntry(name: name(count), kind: .file, mode: 0o644))
        }
        result.append(TarEntry(name: [UInt8](repeating: 0x61, count: 150), kind: .directory, mode: 0o755))
        var link = TarEntry(name: [0xff, 0xfe], kind: .symbolicLink, mode: 0o777)
        link.link = name(500)
        result.append(link)
        var owner = TarEntry(name: Array("owner".utf8), kind: .file, mode: 0o6755)
        owner.uid = 4_000_000_000
        owner.gid = 3_000_000
        owner.modified = FileTime(seconds: -5)
        owner.attributes = [
            .init(name: Array("user.a".utf8), value: [0, 10, 255]), .init(name: Array("security.capability".utf8), value: [1]),
        ]
        result.append(owner)
        var device = TarEntry(name: Array("null".utf8), kind: .characterDevice, mode: 0o666)
        (device.major, device.minor) = (4095, 1_048_575)
        result.append(device)
        result.append(TarEntry(name: Array("pipe".utf8), kind: .fifo, mode: 0o600))
        return result
    }

    @Test func whatIsWrittenIsRead() throws {
        let sink = MemorySink()
        let writer = TarWriter(sink)
        for var entry in Self.entries {
            if entry.kind == .file { entry.size = Int64(entry.name.count) }
            try writer.begin(entry)
            if entry.kind == .file { try entry.name.withUnsafeBytes { try writer.write($0) } }
        }
        try writer.end()
        #expect(sink.bytes.count % 512 == 0)
        let read = try members(sink.bytes)
        #expect(read.count == Self.entries.count)
        for (entry, (found, content)) in zip(Self.entries, read) {
            var entry = entry
            if entry.kind == .file {
                entry.size = Int64(entry.name.count)
                #expect(content == entry.name)
            }
            #expect(found == entry, "\(entry.shownName)")
        }
    }

    /// The same archive is what GNU tar understands.
    @Test func tarListsIt() throws {
        let sink = MemorySink()
        let writer = TarWriter(sink)
        try writer.file("a/b", Array("hello".utf8))
        try writer.file(String(repeating: "long/", count: 60) + "name", Array("hello".utf8))
        try writer.end()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("timber-tar-\(UUID().uuidString)")
        try Data(sink.bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["--list", "--file", file.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let listed = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(String(decoding: listed, as: UTF8.self) == "a/b\n" + String(repeating: "long/", count: 60) + "name\n")
    }

    @Test func wrongLengthsAreErrors() throws {
        var entry = TarEntry(name: [0x61], kind: .file, mode: 0o644)
        entry.size = 3
        let long = TarWriter(MemorySink())
        try long.begin(entry)
        #expect(throws: TimberError.self) { try [UInt8](repeating: 0, count: 4).withUnsafeBytes { try long.write($0) } }
        let short = TarWriter(MemorySink())
        try short.begin(entry)
        #expect(throws: TimberError.self) { try short.end() }
    }

    @Test func whatExceedsTheLimitIsRefusedBeforeItsContent() throws {
        var entry = TarEntry(name: [0x61], kind: .file, mode: 0o644)
        entry.size = 1000
        let sink = MemorySink()
        let writer = TarWriter(sink, limit: 512 + 1000 + 512 + 999)
        try writer.begin(entry)
        try [UInt8](repeating: 0, count: 1000).withUnsafeBytes { try writer.write($0) }
        #expect(throws: TimberError.self) { try writer.begin(entry) }
        #expect(sink.bytes.count == 1536)
        entry.size = .max
        #expect(throws: TimberError.self) { try TarWriter(MemorySink()).begin(entry) }
    }

    @Test func tooManyChangesAreRefused() throws {
        let upper = NSTemporaryDirectory() + "upper-\(UUID())"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: upper) } }
        try FileManager.default.createDirectory(atPath: upper + "/lower", withIntermediateDirectories: true)
        for number in 0..<100 { try Data().write(to: URL(fileURLWithPath: "\(upper)/\(number)")) }
        let (top, below) = (SharedDescriptor(try Files.directory(upper)), SharedDescriptor(try Files.directory(upper + "/lower")))
        #expect(try UpperTree(upper: top, lower: below, placeholders: []).changes.count == 101)
        #expect(throws: TimberError.self) { try UpperTree(upper: top, lower: below, placeholders: [], memory: 5000) }
    }
}
