internal import CTimber
internal import Glibc

/// Owner, mode, times and extended attributes, of an open file or of a name in a directory.
public enum FileMetadata {
    /// fchown(2).
    /// - Throws: `SystemError`.
    public static func setOwner(_ file: Int32, uid: UInt32, gid: UInt32) throws {
        try retrying("fchown") { fchown(file, uid, gid) }
    }

    /// fchownat(2), not following a link.
    /// - Throws: `SystemError`.
    public static func setOwner(_ directory: Int32, _ path: BytePath, uid: UInt32, gid: UInt32) throws {
        try retrying("fchownat", path.description) { path.withCString { fchownat(directory, $0, uid, gid, AT_SYMLINK_NOFOLLOW) } }
    }

    /// fchmod(2).
    /// - Throws: `SystemError`.
    public static func setMode(_ file: Int32, _ mode: UInt32) throws {
        try retrying("fchmod") { fchmod(file, mode & 0o7777) }
    }

    /// fchmodat(2). Follows a link: only for a name that the caller knows not to be one.
    /// - Throws: `SystemError`.
    public static func setMode(_ directory: Int32, _ path: BytePath, _ mode: UInt32) throws {
        try retrying("fchmodat", path.description) { path.withCString { fchmodat(directory, $0, mode & 0o7777, 0) } }
    }

    /// futimens(2): access and modification time.
    /// - Throws: `SystemError`.
    public static func setTime(_ file: Int32, _ time: FileTime) throws {
        let times = [time.specification, time.specification]
        try retrying("futimens") { futimens(file, times) }
    }

    /// utimensat(2), not following a link.
    /// - Throws: `SystemError`.
    public static func setTime(_ directory: Int32, _ path: BytePath, _ time: FileTime) throws {
        let times = [time.specification, time.specification]
        try retrying("utimensat", path.description) { path.withCString { utimensat(directory, $0, times, AT_SYMLINK_NOFOLLOW) } }
    }

    /// fsetxattr(2).
    /// - Throws: `SystemError`.
    public static func setAttribute(_ file: Int32, _ name: BytePath, _ value: [UInt8]) throws {
        try retrying("fsetxattr", name.description) { name.withCString { fsetxattr(file, $0, value, value.count, 0) } }
    }

    /// lsetxattr(2) of a name in a directory that cannot be opened: a link, a device, a pipe.
    /// - Throws: `SystemError`.
    public static func setAttribute(_ directory: Int32, _ path: BytePath, _ name: BytePath, _ value: [UInt8]) throws {
        let full = BytePath("/proc/self/fd/\(directory)/").appending(path)
        try retrying("lsetxattr", name.description) {
            full.withCString { full in name.withCString { lsetxattr(full, $0, value, value.count, 0) } }
        }
    }

    /// The names of an open file's extended attributes.
    /// - Throws: `SystemError`.
    public static func attributeNames(_ file: Int32) throws -> [BytePath] {
        let bytes = try growing("flistxattr") { flistxattr(file, $0, $1) }
        return bytes.split(separator: 0).compactMap { BytePath($0) }
    }

    /// The value of an open file's extended attribute.
    /// - Returns: nil when it has none of that name.
    /// - Throws: `SystemError`.
    public static func attribute(_ file: Int32, _ name: BytePath) throws -> [UInt8]? {
        do {
            return try growing("fgetxattr") { buffer, count in name.withCString { fgetxattr(file, $0, buffer, count) } }
        } catch let error as SystemError where error.errno == ENODATA || error.errno == EOPNOTSUPP {
            return nil
        }
    }

    /// Calls with a buffer that grows until the result fits (ERANGE); the kernel's limit is 64 KiB.
    private static func growing(_ call: String, _ body: (UnsafeMutablePointer<CChar>?, Int) -> Int) throws -> [UInt8] {
        var size = 1024
        while true {
            var buffer = [CChar](repeating: 0, count: size)
            do {
                let count = try buffer.withUnsafeMutableBufferPointer { buffer in
                    try retrying(call) { body(buffer.baseAddress, buffer.count) }
                }
                return buffer.prefix(count).map { UInt8(bitPattern: $0) }
            } catch let error as SystemError where error.errno == ERANGE && size < 1 << 17 {
                size *= 4
            }
        }
    }
}

extension BytePath {
    /// This path and then another, joined as they are.
    public func appending(_ other: BytePath) -> BytePath {
        BytePath(bytes + other.bytes) ?? self
    }
}
