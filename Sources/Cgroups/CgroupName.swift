internal import Errors

/// Names that become directories of cgroupfs. An id or a parent from outside never reaches beyond the directory that it names.
enum CgroupName {
    /// Checks one path component: letters, digits, `_`, `.`, `-`; not a dot first; at most 128 bytes.
    static func check(_ name: String, what: String) throws {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= 128, isAlphanumeric(first),
            bytes.allSatisfy({ isAlphanumeric($0) || "_.-".utf8.contains($0) })
        else {
            let shown = String(name.unicodeScalars.prefix(64).map { $0.value >= 0x20 && $0.value < 0x7f ? Character($0) : "?" })
            throw TimberError(.invalidArgument, "invalid \(what) \"\(shown)\": letters, digits, _ . - only, a letter or digit first")
        }
    }

    /// Checks a relative path and takes it apart.
    static func components(of path: String) throws -> [String] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 8 else { throw TimberError(.invalidArgument, "invalid cgroup parent: more than 8 levels") }
        for part in parts { try check(part, what: "cgroup parent") }
        return parts
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
