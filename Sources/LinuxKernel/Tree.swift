internal import CTimber
internal import Glibc

/// Whole directory trees, always by descriptor: a symbolic link in a tree is removed or copied, never followed.
public enum Tree {
    /// The names in a directory, without `.` and `..`, as text; names that are no UTF-8 are repaired and so not found again.
    /// - Throws: `SystemError`.
    public static func names(_ path: String) throws -> [String] {
        let directory = try Files.directory(path)
        return try entries(of: directory.raw).map(text)
    }

    /// Bytes that a tree takes: the apparent sizes of its regular files, each hard-linked one once.
    /// - Throws: `SystemError`.
    public static func size(_ path: String) throws -> Int64 {
        var seen: Set<UInt64> = []
        let directory = try Files.directory(path)
        return try size(of: directory.raw, seen: &seen, depth: 0)
    }

    /// Bytes that a directory in an open one takes, counted like `size(_:)`.
    /// - Throws: `SystemError`.
    public static func size(below parent: Int32, _ name: BytePath) throws -> Int64 {
        var seen: Set<UInt64> = []
        let directory = try DirectoryCalls.openDirectory(parent, name)
        return try size(of: directory.raw, seen: &seen, depth: 0)
    }

    private static func size(of directory: Int32, seen: inout Set<UInt64>, depth: Int) throws -> Int64 {
        guard depth < 512 else { return 0 }
        var total: Int64 = 0
        for name in try entries(of: directory) {
            var status = stat()
            // A running container may remove a file between the two looks at it.
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                let number = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard number >= 0 else { continue }
                let child = Descriptor(owning: number)
                total += try size(of: child.raw, seen: &seen, depth: depth + 1)
            } else if status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 || seen.insert(UInt64(status.st_ino)).inserted {
                total += Int64(status.st_size)
            }
        }
        return total
    }

    /// Removes a file or a directory with all that is in it; a missing one is no error.
    ///
    /// A container can nest directories deeper than any stack: below `depthLimit` levels a directory is first moved up beside `path`.
    /// - Throws: `SystemError`.
    public static func remove(_ path: String) throws {
        var pending = [path]
        var moved = 0
        while let next = pending.popLast() {
            try remove(cString(next), in: AT_FDCWD, depth: 0) { directory, name in
                moved += 1
                let spill = "\(path).deep\(moved)"
                try retrying("renameat", spill) { renameat(directory, name, AT_FDCWD, spill) }
                pending.append(spill)
            }
        }
    }

    private static let depthLimit = 128

    private static func remove(
        _ name: [CChar], in parent: Int32, depth: Int, spill: (Int32, [CChar]) throws -> Void
    ) throws {
        let failure = unlinkat(parent, name, 0) == 0 ? 0 : timber_errno()
        if failure == 0 || failure == ENOENT { return }
        guard failure == EISDIR || failure == EPERM else { throw SystemError(call: "unlinkat", errno: failure, what: text(name)) }
        if depth == depthLimit { return try spill(parent, name) }
        // In a scope of its own, so that the descriptor is closed before the directory goes.
        do {
            let directory = Descriptor(
                owning: try retrying("openat", text(name)) { openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) })
            for entry in try entries(of: directory.raw) {
                try remove(entry, in: directory.raw, depth: depth + 1, spill: spill)
            }
        }
        try retrying("unlinkat", text(name)) { unlinkat(parent, name, AT_REMOVEDIR) }
    }

    /// Names in an open directory, NUL-terminated, as bytes.
    static func entries(of directory: Int32) throws -> [[CChar]] {
        // fdopendir takes the descriptor it is given: hand it a duplicate.
        let copy = Int32(try checking("fcntl", "F_DUPFD_CLOEXEC") { timber_fcntl(directory, F_DUPFD_CLOEXEC, 3) })
        guard let stream = fdopendir(copy) else {
            let error = timber_errno()
            close(copy)
            throw SystemError(call: "fdopendir", errno: error)
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [[CChar]] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } }
            if name == [0x2e] || name == [0x2e, 0x2e] { continue }
            names.append(name + [0])
        }
        return names
    }

    static func text(_ name: [CChar]) -> String {
        String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func cString(_ path: String) -> [CChar] {
        path.utf8.map { CChar(bitPattern: $0) } + [0]
    }
}
