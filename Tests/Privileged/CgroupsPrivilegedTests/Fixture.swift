import CTimber
import Foundation
import Glibc
import LinuxKernel
import TestChildren
import Testing

@testable import Cgroups

/// The interfaces that one machine can show: a hybrid one is also a v1 machine when its v2 hierarchy is not looked at.
enum Interface: String, CaseIterable, CustomTestStringConvertible {
    case asItIs, legacyOnly

    var testDescription: String { rawValue }

    func layout() throws -> CgroupLayout {
        let layout = try CgroupLayout.detect()
        switch self {
        case .asItIs: return layout
        case .legacyOnly: return CgroupLayout(kind: .v1, hierarchies: layout.hierarchies.filter { !$0.isUnified })
        }
    }

    /// Those that this machine has: v1 cannot be shown on a machine that is v2 altogether.
    static var available: [Interface] {
        (try? CgroupLayout.detect())?.kind == .v2 ? [.asItIs] : allCases
    }
}

/// A manager with a parent of its own, which is gone afterwards.
func withManager(_ interface: Interface = .asItIs, _ body: (CgroupManager) throws -> Void) throws {
    let parent = "timber-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let manager = try CgroupManager(parent: parent, layout: try interface.layout())
    var failure: (any Error)?
    do { try body(manager) } catch { failure = error }
    _ = try manager.removeOrphans(known: [])
    try manager.removeParent()
    if let failure { throw failure }
}

/// A shell that has joined a cgroup by the descriptors of `join()`, as the shim does it.
struct Member {
    let pid: Int32

    init(of cgroup: Cgroup, running script: String) throws {
        let join = try cgroup.join()
        let joining = join.tasks.indices.map { "echo 0 >&\(20 + $0)" }.joined(separator: "; ")
        let closing = join.tasks.indices.map { "exec \(20 + $0)>&-" }.joined(separator: "; ")
        let text = joining.isEmpty ? script : "\(joining); \(closing); \(script)"
        let argv = pointers(["/bin/bash", "-c", text])
        let environment = pointers(["PATH=/usr/bin:/bin"])
        defer { for pointer in argv + environment { free(pointer) } }
        // Numbers above those that the shell names, so that no dup2 lands on a source.
        let tasks = try join.tasks.map { task in Int32(try checking("fcntl") { timber_fcntl(task.raw, F_DUPFD_CLOEXEC, 100) }) }
        defer { tasks.forEach { close($0) } }

        guard let program = argv[0] else { throw SystemError(call: "strdup", errno: ENOMEM, what: "/bin/bash") }
        // The directory's number must stay what it is until the child is there.
        let result = withExtendedLifetime(join) {
            test_spawn_in_cgroup(join.directory?.raw ?? -1, tasks, tasks.count, 20, program, argv, environment)
        }
        pid = Int32(try checking("clone3") { Int(result) })
    }

    /// Waits for its end.
    /// - Returns: the exit status, or 128 and the signal.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }
}

private func pointers(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
    strings.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
}

/// Waits until something is so, for a minute at the most.
func eventually(_ condition: () throws -> Bool) throws -> Bool {
    for _ in 0..<6_000 {
        if try condition() { return true }
        usleep(10_000)
    }
    return try condition()
}

/// A file of a cgroup, read past the code under test.
func file(_ name: String, of cgroup: Cgroup, controller: String) throws -> String {
    let place = try #require(cgroup.tree.location(of: controller))
    let text = try String(contentsOfFile: place.hierarchy.mountPoint + cgroup.cgroupsPath + "/" + name, encoding: .utf8)
    return text.trimmingCharacters(in: .newlines)
}
