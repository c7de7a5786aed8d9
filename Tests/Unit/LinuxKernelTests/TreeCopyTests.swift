import Foundation
import Synchronization
import Testing

@testable import LinuxKernel

@Suite struct TreeCopyTests {
    /// Somebody who has the target, a container with the volume, puts links to a file outside in place of what is being copied.
    @Test func neverChangesWhatALinkLeadsTo() throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("timber-copy-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: place) }
        try Files.makeDirectories("\(place)/from")
        try Files.write([1], to: "\(place)/canary", mode: 0o600)
        let names = (0..<2000).map { "file\($0)" }
        for name in names {
            try Files.write([2], to: "\(place)/from/\(name)")
            try Files.restrict("\(place)/from/\(name)", mode: 0o777)
        }
        let isCopying = Atomic(true)
        let swapped = Atomic(0)
        let copies = Atomic(0)
        let ended = DispatchSemaphore(value: 0)
        let thread = Thread {
            for _ in 0... {
                let to = "\(place)/to\(copies.load(ordering: .relaxed))"
                for name in names where unlink("\(to)/\(name)") == 0 {
                    if symlink("\(place)/canary", "\(to)/\(name)") == 0 { swapped.add(1, ordering: .relaxed) }
                }
                if !isCopying.load(ordering: .relaxed) { break }
            }
            ended.signal()
        }
        thread.start()
        let source = try Files.directory("\(place)/from")
        defer {
            isCopying.store(false, ordering: .relaxed)
            ended.wait()
        }
        // On a busy machine the other thread may not have begun when a copy is over.
        for number in 0..<100 where swapped.load(ordering: .relaxed) == 0 {
            try Files.makeDirectories("\(place)/to\(number)")
            copies.store(number, ordering: .relaxed)
            try Tree.copy(contentsOf: source.raw, to: "\(place)/to\(number)")
        }
        var status = stat()
        #expect(stat("\(place)/canary", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(swapped.load(ordering: .relaxed) > 0)
    }

    @Test func copiesModesLinksAndPipes() throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("timber-copy-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: place) }
        for name in ["from", "to"] { try Files.makeDirectories("\(place)/\(name)") }
        try Files.write([2, 3], to: "\(place)/from/file")
        try Files.restrict("\(place)/from/file", mode: 0o4751)
        #expect(symlink("file", "\(place)/from/link") == 0)
        #expect(mkfifo("\(place)/from/pipe", 0o600) == 0)
        try Files.restrict("\(place)/from/pipe", mode: 0o622)
        let source = try Files.directory("\(place)/from")
        try Tree.copy(contentsOf: source.raw, to: "\(place)/to")
        var status = stat()
        #expect(lstat("\(place)/to/file", &status) == 0)
        #expect(status.st_mode == S_IFREG | 0o4751)
        #expect(lstat("\(place)/to/pipe", &status) == 0)
        #expect(status.st_mode == S_IFIFO | 0o622)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(place)/to/link") == "file")
    }
}
