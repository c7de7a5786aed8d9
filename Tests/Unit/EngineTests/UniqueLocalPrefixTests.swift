import Foundation
import LinuxKernel
import Testing

@testable import Engine

@Suite struct UniqueLocalPrefixTests {
    private static let id = "0123456789abcdef0123456789abcdef\n"

    private func prefix(_ machine: String?, in directory: String, bridge: String = "timber0") throws -> String {
        let file = directory + "/machine-id"
        if let machine { try Files.write(Array(machine.utf8), to: file) } else { try Files.remove(file) }
        return "\(try UniqueLocalPrefix.ofThisHost(bridge: bridge, data: directory, machine: file))"
    }

    private func inDirectory(_ body: (String) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "prefix-\(UUID())"
        try Files.makeDirectory(directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test func itFollowsFromTheMachine() throws {
        try inDirectory { directory in
            let one = try prefix(Self.id, in: directory)
            #expect(one.hasPrefix("fd") && one.hasSuffix("::/48"))
            #expect(try prefix(Self.id, in: directory) == one)
            #expect(try prefix(Self.id, in: directory, bridge: "timber1") != one)
            #expect(try prefix("f" + Self.id.dropFirst(), in: directory) != one)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["machine-id"])
        }
    }

    /// What images of systems have in common is no machine's.
    @Test(arguments: [nil, "", "\n", "uninitialized\n", "00000000000000000000000000000000\n", "0123\n", String(repeating: "x", count: 32)])
    func withoutAnIDItIsKept(_ machine: String?) throws {
        try inDirectory { here in
            try inDirectory { there in
                let one = try prefix(machine, in: here)
                #expect(try prefix(machine, in: here) == one)
                #expect(try prefix(machine, in: there) != one)
            }
        }
    }
}
