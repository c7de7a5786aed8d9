internal import Errors
internal import Glibc
internal import LinuxKernel

/// How this machine mounts its cgroup hierarchies; read once.
public struct CgroupLayout: Sendable, Hashable {
    /// Which interfaces there are.
    public enum Kind: String, Sendable {
        /// One or more v1 hierarchies.
        case v1
        /// v1 hierarchies for the controllers and a v2 hierarchy beside them.
        case hybrid
        /// One v2 hierarchy with all controllers.
        case v2
    }

    /// One mounted hierarchy.
    struct Hierarchy: Sendable, Hashable {
        /// Where it is mounted.
        let mountPoint: String
        /// Names of v1 controllers, `name=systemd`; empty for v2.
        let controllers: [String]
        let isUnified: Bool
    }

    /// Which interfaces there are.
    public let kind: Kind
    /// v1 hierarchies that containers join, and the v2 one (last).
    let hierarchies: [Hierarchy]

    /// The controllers that Timber sets or reads; a v1 hierarchy with none of them is left alone, so that joining costs less.
    /// `name=systemd` is how service managers find a service's processes: containers are not timberd's.
    private static let used: Set<String> = [
        "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "name=systemd",
    ]

    /// Reads the mounts of this process.
    /// - Throws: `TimberError(.unavailable)` when no cgroup file system is mounted.
    public static func detect() throws -> CgroupLayout {
        let mounts = try ControlFiles.contents(of: "/proc/self/mountinfo")
        guard let layout = CgroupLayout(mountInfo: mounts) else {
            throw TimberError(.unavailable, "no cgroup hierarchy is mounted: mount one on /sys/fs/cgroup (systemd does it at boot)")
        }
        return layout
    }

    /// - Parameter mountInfo: proc_pid_mountinfo(5): `ID PARENT DEV ROOT MOUNTPOINT OPTIONS [TAGS…] - TYPE SOURCE SUPEROPTIONS`.
    init?(mountInfo: String) {
        var legacy: [Hierarchy] = []
        var unified: Hierarchy?
        for line in mountInfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count >= dash + 4 else { continue }
            let mountPoint = Self.unescaped(fields[4])
            switch fields[dash + 1] {
            case "cgroup2":
                let candidate = Hierarchy(mountPoint: mountPoint, controllers: [], isUnified: true)
                if unified == nil || mountPoint.hasPrefix("/sys/fs/cgroup") { unified = candidate }
            case "cgroup":
                let controllers = fields[dash + 3].split(separator: ",").map(String.init).filter(Self.used.contains)
                let isNew = !legacy.contains { !Set($0.controllers).isDisjoint(with: controllers) }
                if !controllers.isEmpty && isNew {
                    legacy.append(Hierarchy(mountPoint: mountPoint, controllers: controllers, isUnified: false))
                }
            default: break
            }
        }
        guard !legacy.isEmpty || unified != nil else { return nil }
        kind = legacy.isEmpty ? .v2 : unified == nil ? .v1 : .hybrid
        hierarchies = legacy + (unified.map { [$0] } ?? [])
    }

    /// A layout with some hierarchies of another one, for tests of v1 on a hybrid machine.
    init(kind: Kind, hierarchies: [Hierarchy]) {
        self.kind = kind
        self.hierarchies = hierarchies
    }

    /// The kernel writes blanks and backslashes as three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
