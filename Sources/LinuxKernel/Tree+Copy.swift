internal import CTimber
internal import Glibc

extension Tree {
    /// Copies everything in an open directory into an existing one, with owners, modes, times, links, devices and extended
    /// attributes; the directory's own owner and mode too. Symbolic links are copied as they are.
    /// - Throws: `SystemError`; ELOOP when it is nested deeper than 512 levels.
    public static func copy(contentsOf source: Int32, to target: String) throws {
        let directory = try Files.directory(target)
        try copyDirectory(source, directory.raw, depth: 0)
    }

    private static func copyDirectory(_ source: Int32, _ target: Int32, depth: Int) throws {
        guard depth < 512 else { throw SystemError(call: "copy", errno: ELOOP) }
        for name in try entries(of: source) { try copyEntry(name, source, target, depth: depth) }
        try copyMetadata(from: source, to: target)
    }

    private static func copyEntry(_ name: [CChar], _ source: Int32, _ target: Int32, depth: Int) throws {
        var status = stat()
        let what = text(name)
        try retrying("fstatat", what) { fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) }
        let kind = status.st_mode & S_IFMT
        switch kind {
        case S_IFDIR:
            try retrying("mkdirat", what) { mkdirat(target, name, 0o700) }
            let from = try open(name, in: source, O_RDONLY | O_DIRECTORY)
            let to = try open(name, in: target, O_RDONLY | O_DIRECTORY)
            return try copyDirectory(from.raw, to.raw, depth: depth + 1)
        case S_IFREG:
            return try copyFile(name, source, target)
        case S_IFLNK:
            var buffer = [CChar](repeating: 0, count: 4097)
            let length = try retrying("readlinkat", what) { readlinkat(source, name, &buffer, 4096) }
            buffer[length] = 0
            try retrying("symlinkat", what) { symlinkat(buffer, target, name) }
        case S_IFSOCK:
            return
        default:
            try retrying("mknodat", what) { mknodat(target, name, kind, status.st_rdev) }
        }
        // A container that has the target may have put something else there meanwhile, a link to a file of the host above all: what
        // has the name now is looked at, and changed, through one descriptor that follows no link.
        let made = try open(name, in: target, 0o10000000 /* O_PATH */)
        var found = stat()
        try retrying("fstat", what) { fstat(made.raw, &found) }
        guard found.st_mode & S_IFMT == kind, found.st_rdev == status.st_rdev else {
            throw SystemError(call: "fstat", errno: EEXIST, what: what)
        }
        try retrying("fchownat", what) { fchownat(made.raw, "", status.st_uid, status.st_gid, 0x1000 /* AT_EMPTY_PATH */) }
        if kind != S_IFLNK {
            // fchmod(2) takes no O_PATH descriptor.
            try retrying("chmod", what) { chmod("/proc/self/fd/\(made.raw)", status.st_mode & 0o7777) }
        }
        let times = [status.st_atim, status.st_mtim]
        try retrying("utimensat", what) { utimensat(target, name, times, AT_SYMLINK_NOFOLLOW) }
    }

    private static func copyFile(_ name: [CChar], _ source: Int32, _ target: Int32) throws {
        let what = text(name)
        let from = try open(name, in: source, O_RDONLY)
        let to = try open(name, in: target, O_WRONLY | O_CREAT | O_EXCL)
        var buffer = [UInt8](repeating: 0, count: 128 * 1024)
        while true {
            let count = try retrying("read", what) { read(from.raw, &buffer, buffer.count) }
            if count == 0 { break }
            var written = 0
            while written < count {
                written += try retrying("write", what) {
                    buffer.withUnsafeBytes { write(to.raw, $0.baseAddress?.advanced(by: written), count - written) }
                }
            }
        }
        try copyMetadata(from: from.raw, to: to.raw, what)
    }

    /// Owner, mode, extended attributes and times, of one open file to another. In this order: a change of owner takes set-user-ID
    /// bits and file capabilities away.
    private static func copyMetadata(from source: Int32, to target: Int32, _ what: String = "") throws {
        var status = stat()
        try retrying("fstat", what) { fstat(source, &status) }
        try retrying("fchown", what) { fchown(target, status.st_uid, status.st_gid) }
        try retrying("fchmod", what) { fchmod(target, status.st_mode & 0o7777) }
        try copyAttributes(from: source, to: target)
        let times = [status.st_atim, status.st_mtim]
        try retrying("futimens", what) { futimens(target, times) }
    }

    private static func open(_ name: [CChar], in directory: Int32, _ flags: Int32) throws -> Descriptor {
        Descriptor(
            owning: try retrying("openat", text(name)) { openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, 0o600) })
    }

    /// Extended attributes, but for overlayfs's own.
    private static func copyAttributes(from source: Int32, to target: Int32) throws {
        var list = [CChar](repeating: 0, count: 64 * 1024)
        let length = flistxattr(source, &list, list.count)
        if length < 0 {
            let error = timber_errno()
            if error == ENOTSUP { return }
            throw SystemError(call: "flistxattr", errno: error)
        }
        for name in list[..<length].split(separator: 0) {
            let key = Array(name) + [0]
            if text(key).hasPrefix("trusted.overlay.") { continue }
            var value = [UInt8](repeating: 0, count: 64 * 1024)
            let size = try retrying("fgetxattr", text(key)) { fgetxattr(source, key, &value, value.count) }
            try retrying("fsetxattr", text(key)) { fsetxattr(target, key, value, size, 0) }
        }
    }
}
