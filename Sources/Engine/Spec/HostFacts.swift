internal import Cgroups
internal import Errors
internal import Glibc
internal import LinuxKernel

/// The host's own name.
enum HostName {
    /// gethostname(2).
    static var current: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The boot that runs now.
enum BootID {
    /// `/proc/sys/kernel/random/boot_id`.
    static func current() throws -> String {
        String(decoding: try Files.read("/proc/sys/kernel/random/boot_id").filter { $0 > 0x20 }, as: UTF8.self)
    }
}

/// Which cgroup v1 hierarchies a container sees.
enum CgroupHierarchies {
    private static let joined: Set<String> = ["memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "freezer", "devices"]

    /// Mount options such as `memory` or `cpu,cpuacct`, from /proc/self/cgroup; empty on v2. Hierarchies that a container does not
    /// join are left out: there its cgroup namespace would show the host's.
    static func visible(_ layout: CgroupLayout) throws -> [String] {
        guard layout.kind != .v2 else { return [] }
        let lines = String(decoding: try Files.read("/proc/self/cgroup"), as: UTF8.self).split(separator: "\n")
        return lines.compactMap { line in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, !fields[1].isEmpty else { return nil }
            let controllers = fields[1].split(separator: ",").map(String.init)
            return controllers.allSatisfy(joined.contains) ? String(fields[1]) : nil
        }
    }

    /// Hierarchies of several controllers by the name of each, as on the host: `cpu` leads to `cpu,cpuacct`.
    static func links(_ mounts: [RuntimeSpec.Mount], _ hierarchies: [String]) -> [(String, String)] {
        guard let root = mounts.first(where: { $0.type == "cgroup" })?.destination else { return [] }
        return hierarchies.flatMap { hierarchy in
            let controllers = hierarchy.split(separator: ",")
            return controllers.count < 2 ? [] : controllers.map { ("\(root)/\($0)", hierarchy) }
        }
    }
}
