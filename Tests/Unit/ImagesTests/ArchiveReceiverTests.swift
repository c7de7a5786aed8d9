import Errors
import Foundation
import LinuxKernel
import Synchronization
import TarBuilder
import Testing

@testable import Images

@Suite struct ArchiveReceiverTests {
    private func receive(
        _ tar: TarBuilder, fileLimit: Int, check: @escaping @Sendable () throws -> Void = {}
    ) throws -> IngestedArchive {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("timber-receiver-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/archive"
        try Data(tar.archive).write(to: URL(fileURLWithPath: file))
        let store = SharedDescriptor(try DirectoryCalls.open(-100, BytePath(directory), O_DIRECTORY, resolve: 0))
        var receiver = ArchiveReceiver(directory: store, limits: .default, progress: { _ in })
        receiver.fileLimit = fileLimit
        receiver.check = check
        return try receiver.receive(SharedDescriptor(try DirectoryCalls.open(-100, BytePath(file), 0, resolve: 0)))
    }

    /// Small members take no descriptor; large ones are limited, so that an archive cannot use up those of the daemon.
    @Test func largeMembersAreLimited() throws {
        var tar = TarBuilder()
        for index in 0..<100 { tar.file("small\(index)", "x") }
        for index in 0..<3 { tar.file("large\(index)", String(repeating: "x", count: 70_000)) }
        #expect(try receive(tar, fileLimit: 3).members.count == 103)
        let error = #expect(throws: TimberError.self) { try receive(tar, fileLimit: 2) }
        #expect(error?.message.contains("\"large2\"") == true && error?.message.contains("more than 2 large members") == true)
    }

    @Test(arguments: ["../../etc/passwd", "/../x", "a/../../x"]) func linksOutOfTheArchive(target: String) {
        var tar = TarBuilder()
        tar.symbolicLink("layer.tar", to: target)
        #expect(throws: TimberError.self) { try receive(tar, fileLimit: 1) }
    }

    /// Targets are kept until the load ends, and a header may have a megabyte for one.
    @Test func targetsAreNoLongerThanPaths() throws {
        func link(_ length: Int) -> TarBuilder {
            var tar = TarBuilder()
            tar.pax([("linkpath", [UInt8](repeating: UInt8(ascii: "x"), count: length))])
            tar.symbolicLink("link", to: "")
            return tar
        }
        #expect(try receive(link(4095), fileLimit: 1).links.count == 1)
        let error = #expect(throws: TimberError.self) { try receive(link(4096), fileLimit: 1) }
        #expect(error?.code == .invalidArgument && error?.message.contains("4096 bytes") == true)
    }

    /// Also in the middle of headers that belong to no member.
    @Test func receivingCanBeStopped() {
        var tar = TarBuilder()
        for _ in 0..<1_000 { tar.pax([("comment", [UInt8](repeating: UInt8(ascii: "x"), count: 10_000))]) }
        let pieces = Atomic(0)
        #expect(throws: CancellationError.self) {
            try receive(tar, fileLimit: 1) {
                if pieces.wrappingAdd(1, ordering: .relaxed).newValue == 3 { throw CancellationError() }
            }
        }
        #expect(pieces.load(ordering: .relaxed) == 3)
    }
}
