internal import Glibc
internal import LinuxKernel

/// Files of cgroupfs: short texts that are read whole and written with one write(2).
enum ControlFiles {
    /// Statistics of a machine with thousands of processors stay below it.
    private static let limit = 1 << 20

    /// Reads a whole file.
    /// - Parameters:
    ///   - path: relative to the directory, or absolute.
    ///   - directory: a descriptor, or AT_FDCWD.
    static func contents(of path: String, in directory: Int32 = AT_FDCWD) throws -> String {
        let file = Descriptor(
            owning: try retrying("openat", path) { openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) })
        var bytes: [UInt8] = []
        var size = 4096
        while true {
            let chunk = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = try retrying("read", path) { Glibc.read(file.raw, buffer.baseAddress, size) }
            }
            if chunk.isEmpty { break }
            bytes += chunk
            guard bytes.count <= limit else { throw SystemError(call: "read", errno: EFBIG, what: path) }
            size = min(size * 4, 1 << 16)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a file that this kernel may not have.
    /// - Returns: nil when it does not exist or its controller is switched off.
    static func contentsIfPresent(of path: String, in directory: Int32) throws -> String? {
        do {
            return try contents(of: path, in: directory)
        } catch let error as SystemError where [ENOENT, EOPNOTSUPP].contains(error.errno) {
            return nil
        }
    }

    /// Writes a value with one call, as control files want it.
    static func write(_ value: String, to path: String, in directory: Int32) throws {
        let file = Descriptor(
            owning: try retrying("openat", path) { openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) })
        try write(value, to: file, path: path)
    }

    /// Writes several values to one file, one call each.
    static func write(_ values: [String], to path: String, in directory: Int32) throws {
        let file = Descriptor(
            owning: try retrying("openat", path) { openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) })
        for value in values { try write(value, to: file, path: path) }
    }

    private static func write(_ value: String, to file: borrowing Descriptor, path: String) throws {
        let raw = file.raw
        var value = value
        try value.withUTF8 { bytes in
            _ = try retrying("write", "\(path) \(String(decoding: bytes, as: UTF8.self))") {
                Glibc.write(raw, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// Opens a directory; symbolic links are not followed.
    static func directory(_ path: String, in parent: Int32 = AT_FDCWD) throws -> Descriptor {
        Descriptor(
            owning: try retrying("openat", path) { openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) })
    }

    /// Names of a directory's subdirectories.
    static func subdirectories(of path: String, in parent: Int32) throws -> [String] {
        let number = try directory(path, in: parent).release()
        guard let stream = fdopendir(number) else {
            let error = errno
            close(number)
            throw SystemError(call: "fdopendir", errno: error, what: path)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

extension String {
    /// Lines of `key value`, as memory.stat and cpu.stat have them.
    var keyedNumbers: [String: UInt64] {
        split(separator: "\n").reduce(into: [:]) { result, line in
            let fields = line.split(separator: " ")
            if fields.count == 2, let value = UInt64(fields[1]) { result[String(fields[0])] = value }
        }
    }

    /// A file with one number.
    var number: UInt64? { UInt64(trimmed) }

    /// Without the line feed.
    var trimmed: Substring {
        self[...].prefix { $0 != "\n" }
    }
}
