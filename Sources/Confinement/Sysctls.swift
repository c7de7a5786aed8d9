internal import Errors

/// Kernel parameters that belong to a container's own namespaces, and only those.
public enum Sysctls {
    /// Namespaces that the container does not have for itself.
    public struct SharedNamespaces: OptionSet, Sendable {
        /// Bits.
        public let rawValue: UInt8
        /// Makes a set from its bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }
        /// The host's network namespace: net.* would change the host.
        public static let hostNetwork = SharedNamespaces(rawValue: 1)
        /// Another container's network namespace: net.* may be asked for, but no default is set.
        public static let containerNetwork = SharedNamespaces(rawValue: 2)
        /// The host's IPC namespace.
        public static let hostIPC = SharedNamespaces(rawValue: 4)
        /// The host's UTS namespace.
        public static let hostUTS = SharedNamespaces(rawValue: 8)
    }

    /// A path below /proc/sys, with slashes, and what to write there.
    public typealias Setting = (path: String, value: String)

    /// Lets every group ping and every user listen on low ports: neither needs NET_RAW or NET_BIND_SERVICE then.
    private static let networkDefaults = ["net/ipv4/ping_group_range": "0 2147483647", "net/ipv4/ip_unprivileged_port_start": "0"]

    private static let ipc: Set<String> = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
        "kernel/shm_rmid_forced",
    ]

    /// What to set in a container: the defaults of its own network namespace, overridden by what the user asked for.
    /// - Parameters:
    ///   - user: names as sysctl(8) takes them, and values.
    ///   - sharing: namespaces that are not the container's own.
    /// - Returns: settings in the order of their paths.
    /// - Throws: `TimberError(.invalidArgument)` for a name that is not of a namespace of the container's own, or a value that could
    ///   carry a second setting (CVE-2022-0811).
    public static func effective(_ user: [String: String], sharing: SharedNamespaces) throws -> [Setting] {
        let own = sharing.isDisjoint(with: [.hostNetwork, .containerNetwork])
        let defaults = own ? networkDefaults : [:]
        return try defaults.merging(validated(user, sharing: sharing)) { _, asked in asked }
            .sorted { $0.key < $1.key }
            .map { (path: $0.key, value: $0.value) }
    }

    /// Checks what the user asked for, without the defaults.
    /// - Returns: settings in the order of their paths.
    /// - Throws: as `effective`.
    public static func validate(_ user: [String: String], sharing: SharedNamespaces) throws -> [Setting] {
        try validated(user, sharing: sharing).sorted { $0.key < $1.key }.map { (path: $0.key, value: $0.value) }
    }

    private static func validated(_ user: [String: String], sharing: SharedNamespaces) throws -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in user {
            let path = try path(of: name)
            try checkNamespace(path, name: name, sharing: sharing)
            guard value.utf8.count <= 1024, value.utf8.allSatisfy(isValueByte) else {
                throw TimberError(.invalidArgument, "invalid value for sysctl \"\(name)\": letters, digits, blanks and - _ . , : / only")
            }
            guard result.updateValue(value, forKey: path) == nil else {
                throw TimberError(.invalidArgument, "sysctl \"\(name)\" is given twice, once with dots and once with slashes")
            }
        }
        return result
    }

    /// sysctl(8): whichever of `.` and `/` comes first separates; the other one is then part of a name (`net.ipv4.conf.eth0/1.x`).
    private static func path(of name: String) throws -> String {
        let dotted = name.utf8.first { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") } == UInt8(ascii: ".")
        let path = String(
            name.map { character in
                switch character {
                case "." where dotted: "/"
                case "/" where dotted: "."
                default: character
                }
            })
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard name.utf8.count <= 256, path.utf8.allSatisfy(isNameByte), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { throw TimberError(.invalidArgument, "invalid sysctl name \"\(name)\"") }
        return path
    }

    private static func checkNamespace(_ path: String, name: String, sharing: SharedNamespaces) throws {
        let refuse: (String) -> TimberError = { TimberError(.invalidArgument, "sysctl \"\(name)\" is not allowed: \($0)") }
        if path.hasPrefix("net/") {
            if sharing.contains(.hostNetwork) { throw refuse("the container uses the host's network") }
        } else if ipc.contains(path) || path.hasPrefix("fs/mqueue/") {
            if sharing.contains(.hostIPC) { throw refuse("the container uses the host's ipc namespace") }
        } else if path == "kernel/domainname" {
            if sharing.contains(.hostUTS) { throw refuse("the container uses the host's uts namespace") }
        } else if path == "kernel/hostname" {
            throw refuse("use --hostname")
        } else {
            throw refuse("it is not separate for each container")
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    private static func isNameByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "_-.:@/".utf8.contains(byte) }
    private static func isValueByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "_-.,:/ \t".utf8.contains(byte) }
}
