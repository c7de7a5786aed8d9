import CTimber
import Foundation
import LinuxKernel

/// A cgroup of one test in every hierarchy that the machine has: v1 controllers, v2, or both. Removed at the end.
final class TestCgroups {
    private(set) var tasks: [Int32] = []
    private(set) var unified: Int32?
    private var directories: [String] = []
    private var hierarchies: [String] = []

    init() throws {
        let name = "timber-shim-test-\(UInt32.random(in: 0...UInt32.max))"
        for line in try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n") {
            let fields = line.split(separator: " ").map(String.init)
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, fields[dash + 1].hasPrefix("cgroup") else { continue }
            let isUnified = fields[dash + 1] == "cgroup2"
            // A new cpuset has no processors yet, and takes no process.
            let options = fields[dash + 3].split(separator: ",").map(String.init)
            if !isUnified && options.contains("cpuset") { continue }
            let directory = fields[4] + "/" + name
            try retrying("mkdir", directory) { mkdir(directory, 0o755) }
            directories.append(directory)
            if isUnified {
                unified = try retrying("open", directory) { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
                hierarchies.append("")
            } else {
                tasks.append(try retrying("open", directory) { open(directory + "/tasks", O_WRONLY | O_CLOEXEC) })
                hierarchies.append(contentsOf: options.filter { $0 != "rw" })
            }
        }
    }

    deinit {
        for descriptor in tasks + [unified].compactMap({ $0 }) { close(descriptor) }
        for directory in directories {
            // The last process's exit is seen before its cgroup is empty.
            for _ in 0..<6_000 {
                if rmdir(directory) == 0 { break }
                usleep(5_000)
            }
        }
    }

    /// Whether the process is in all of them.
    func contain(_ pid: UInt32) throws -> Bool {
        try !directories.isEmpty
            && directories.allSatisfy {
                try String(contentsOfFile: $0 + "/cgroup.procs", encoding: .utf8).split(separator: "\n").contains("\(pid)")
            }
    }

    /// Whether a line of /proc/PID/cgroup is about one of the hierarchies.
    func isOurs(_ line: String) -> Bool {
        let parts = line.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 3
            && parts[1].split(separator: ",", omittingEmptySubsequences: false).contains { hierarchies.contains(String($0)) }
    }
}
