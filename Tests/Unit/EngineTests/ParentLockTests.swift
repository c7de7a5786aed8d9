import Errors
import Foundation
import Testing

@testable import Engine

@Suite struct ParentLockTests {
    @Test func oneAtATime() throws {
        let directory = NSTemporaryDirectory() + "locks-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        var first: ParentLock? = try ParentLock(parent: "oak/elm", directory: directory)
        // Whoever can open it could lock it.
        #expect(try mode(directory) == 0o700 && mode(directory + "/cgroup%oak%elm") == 0o600)
        #expect {
            _ = try ParentLock(parent: "oak/elm", directory: directory)
        } throws: {
            ($0 as? TimberError)?.code == .conflict && "\($0)".contains("oak/elm") && "\($0)".contains("--cgroup-parent")
        }
        let other = try ParentLock(parent: "oak", directory: directory)
        withExtendedLifetime(first) {}
        first = nil
        let second = try ParentLock(parent: "oak/elm", directory: directory)
        try second.remove()
        // The name is free, whoever still has the file.
        let third = try ParentLock(parent: "oak/elm", directory: directory)
        try third.remove()
        try other.remove()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
        withExtendedLifetime((second, third, other)) {}
    }
}
