internal import CTimber
internal import Glibc

/// Opening, reading and writing whole files without Foundation.
public enum Files {
    /// open(2), close-on-exec.
    /// - Throws: `SystemError`.
    public static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws -> Descriptor {
        Descriptor(owning: try retrying("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Opens a directory for use as a base of *at calls.
    /// - Throws: `SystemError`.
    public static func directory(_ path: String) throws -> Descriptor {
        try open(path, O_RDONLY | O_DIRECTORY)
    }

    /// Makes one directory; an existing one is left as it is.
    /// - Throws: `SystemError`.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws {
        do {
            try retrying("mkdir", path) { mkdir(path, mode) }
        } catch let error as SystemError where error.errno == EEXIST {
            return
        }
    }

    /// Makes a directory and all that are missing above it.
    /// - Throws: `SystemError`.
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o700) throws {
        do {
            try makeDirectory(path, mode: mode)
        } catch let error as SystemError where error.errno == ENOENT {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { throw error }
            try makeDirectories(String(path[..<slash]), mode: 0o755)
            try makeDirectory(path, mode: mode)
        }
    }

    /// chmod(2).
    /// - Throws: `SystemError`.
    public static func restrict(_ path: String, mode: UInt32) throws {
        try retrying("chmod", path) { chmod(path, mode) }
    }

    /// Reads a file of at most `limit` bytes.
    /// - Throws: `SystemError`; EFBIG when it is longer.
    public static func read(_ path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        let file = try open(path, O_RDONLY)
        return try read(file.raw, limit: limit, what: path)
    }

    /// Reads from a descriptor to its end.
    /// - Throws: `SystemError`; EFBIG when there are more than `limit` bytes.
    public static func read(_ descriptor: Int32, limit: Int, what: String = "") throws -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = try retrying("read", what) { Glibc.read(descriptor, &buffer, buffer.count) }
            if count == 0 { return result }
            result.append(contentsOf: buffer[..<count])
            if result.count > limit { throw SystemError(call: "read", errno: EFBIG, what: what) }
        }
    }

    /// Replaces a small file that nothing reads while it is written.
    /// - Throws: `SystemError`.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws {
        let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        var written = 0
        while written < bytes.count {
            written += try bytes.withUnsafeBytes { buffer in
                try retrying("write", path) { Glibc.write(file.raw, buffer.baseAddress?.advanced(by: written), buffer.count - written) }
            }
        }
    }

    /// Removes a file; a missing one is no error.
    /// - Throws: `SystemError`.
    public static func remove(_ path: String) throws {
        do {
            try retrying("unlink", path) { unlink(path) }
        } catch let error as SystemError where error.errno == ENOENT {
            return
        }
    }
}
