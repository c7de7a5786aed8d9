internal import CTimber
internal import Glibc

/// What lstat(2) says about a file, as far as Timber asks.
public struct FileStatus: Sendable, Equatable {
    /// Type and permission bits.
    public var mode: UInt32
    /// Owner.
    public var uid: UInt32
    /// Group.
    public var gid: UInt32
    /// Bytes.
    public var size: Int64
    /// 512-byte blocks on disk.
    public var blocks: Int64
    /// How many names the file has.
    public var links: UInt64
    /// Identity: the inode number.
    public var inode: UInt64
    /// Identity: the file system's device.
    public var device: UInt64
    /// The device that a device node stands for.
    public var special: UInt64
    /// Last change of the content.
    public var modified: FileTime

    /// What the mode says the file is.
    public var kind: UInt32 { mode & S_IFMT }
    /// Whether it is a directory.
    public var isDirectory: Bool { kind == S_IFDIR }
    /// Whether it is a regular file.
    public var isRegular: Bool { kind == S_IFREG }
    /// Whether it is a symbolic link.
    public var isSymbolicLink: Bool { kind == S_IFLNK }
    /// Major and minor number of a device node.
    public var specialNumbers: (major: UInt32, minor: UInt32) { (timber_major(special), timber_minor(special)) }
    /// Whether it is a character device 0:0, overlayfs's whiteout.
    public var isWhiteout: Bool { kind == S_IFCHR && special == 0 }

    init(_ status: stat) {
        mode = status.st_mode
        uid = status.st_uid
        gid = status.st_gid
        size = Int64(status.st_size)
        blocks = Int64(status.st_blocks)
        links = UInt64(status.st_nlink)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        special = UInt64(status.st_rdev)
        modified = FileTime(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int64(status.st_mtim.tv_nsec))
    }
}

/// A point in time as file systems keep it.
public struct FileTime: Sendable, Equatable {
    /// Seconds since 1970, may be negative.
    public var seconds: Int64
    /// 0 to 999,999,999.
    public var nanoseconds: Int64

    /// Makes a time.
    public init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    var specification: timespec { timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) }
}

/// System calls relative to a directory descriptor. None of them follows a symbolic link in the last component.
public enum DirectoryCalls {
    /// RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: `..`, absolute names and absolute links stay below the directory.
    public static let inRoot: UInt64 = 0x10 | 0x02
    /// RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: a path of real directories only.
    public static let beneath: UInt64 = 0x08 | 0x04 | 0x02

    /// RESOLVE_NO_XDEV, for use with one of the others: no mount is crossed (EXDEV).
    public static let sameMount: UInt64 = 0x01

    /// openat2(2), close-on-exec.
    /// - Parameters:
    ///   - directory: the base.
    ///   - path: relative to it.
    ///   - flags: O_* flags.
    ///   - mode: permission bits of a created file, less the umask.
    ///   - resolve: `inRoot` or `beneath`.
    /// - Throws: `SystemError`.
    public static func open(
        _ directory: Int32, _ path: BytePath, _ flags: Int32, mode: UInt32 = 0, resolve: UInt64 = beneath
    ) throws -> Descriptor {
        Descriptor(
            owning: Int32(
                try checking("openat2", path.description) {
                    path.withCString { path in
                        // EAGAIN: a rename or mount happened on the way; a peer that does this for ever must not hold us for ever.
                        for _ in 0..<128 {
                            let found = timber_openat2(
                                directory, path, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode), resolve)
                            if found != -Int(EAGAIN) { return found }
                        }
                        return -Int(EAGAIN)
                    }
                }))
    }

    /// Opens a subdirectory.
    /// - Throws: `SystemError`.
    public static func openDirectory(_ directory: Int32, _ path: BytePath, resolve: UInt64 = beneath) throws -> Descriptor {
        try open(directory, path, O_RDONLY | O_DIRECTORY, resolve: resolve)
    }

    /// A file without a name on the directory's file system (O_TMPFILE): gone with its last descriptor unless `give` names it.
    /// - Throws: `SystemError`.
    public static func temporaryFile(in directory: Int32, mode: UInt32 = 0o600) throws -> Descriptor {
        // __O_TMPFILE | O_DIRECTORY: the macro is not imported.
        try open(directory, BytePath("."), O_RDWR | 0o20000000 | O_DIRECTORY, mode: mode)
    }

    /// Names an open file made by `temporaryFile` (linkat(2) by way of /proc/self/fd, which needs no capability).
    /// - Returns: false when the name is taken.
    /// - Throws: `SystemError`.
    public static func give(_ file: Int32, name: BytePath, in directory: Int32) throws -> Bool {
        do {
            try retrying("linkat", name.description) {
                name.withCString { linkat(AT_FDCWD, "/proc/self/fd/\(file)", directory, $0, AT_SYMLINK_FOLLOW) }
            }
            return true
        } catch let error as SystemError where error.errno == EEXIST {
            return false
        }
    }

    /// fstatat(2), not following a link.
    /// - Returns: nil when nothing has that name.
    /// - Throws: `SystemError`.
    public static func status(_ directory: Int32, _ path: BytePath) throws -> FileStatus? {
        var status = stat()
        do {
            try retrying("fstatat", path.description) { path.withCString { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) } }
        } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
            return nil
        }
        return FileStatus(status)
    }

    /// fstat(2).
    /// - Throws: `SystemError`.
    public static func status(of file: Int32) throws -> FileStatus {
        var status = stat()
        try retrying("fstat") { fstat(file, &status) }
        return FileStatus(status)
    }

    /// mkdirat(2).
    /// - Throws: `SystemError`.
    public static func makeDirectory(_ directory: Int32, _ path: BytePath, mode: UInt32) throws {
        try retrying("mkdirat", path.description) { path.withCString { mkdirat(directory, $0, mode) } }
    }

    /// symlinkat(2).
    /// - Throws: `SystemError`.
    public static func makeSymbolicLink(_ directory: Int32, _ path: BytePath, target: BytePath) throws {
        try retrying("symlinkat", path.description) {
            target.withCString { target in path.withCString { symlinkat(target, directory, $0) } }
        }
    }

    /// linkat(2), not following a link.
    /// - Throws: `SystemError`.
    public static func makeHardLink(_ targetDirectory: Int32, _ target: BytePath, _ directory: Int32, _ path: BytePath) throws {
        try retrying("linkat", path.description) {
            target.withCString { target in path.withCString { linkat(targetDirectory, target, directory, $0, 0) } }
        }
    }

    /// mknodat(2).
    /// - Parameters:
    ///   - mode: type and permission bits.
    ///   - device: major and minor number of a device node.
    /// - Throws: `SystemError`.
    public static func makeNode(
        _ directory: Int32, _ path: BytePath, mode: UInt32, device: (major: UInt32, minor: UInt32) = (0, 0)
    ) throws {
        try retrying("mknodat", path.description) {
            path.withCString { mknodat(directory, $0, mode, dev_t(timber_makedev(device.major, device.minor))) }
        }
    }

    /// unlinkat(2).
    /// - Throws: `SystemError`.
    public static func remove(_ directory: Int32, _ path: BytePath, isDirectory: Bool = false) throws {
        try retrying("unlinkat", path.description) { path.withCString { unlinkat(directory, $0, isDirectory ? AT_REMOVEDIR : 0) } }
    }

    /// renameat(2).
    /// - Throws: `SystemError`.
    public static func rename(_ from: Int32, _ path: BytePath, to: Int32, _ newPath: BytePath) throws {
        try retrying("renameat", path.description) {
            path.withCString { path in newPath.withCString { renameat(from, path, to, $0) } }
        }
    }

    /// readlinkat(2).
    /// - Throws: `SystemError`.
    public static func target(_ directory: Int32, _ path: BytePath) throws -> BytePath {
        var buffer = [UInt8](repeating: 0, count: 4097)
        let count = try retrying("readlinkat", path.description) {
            path.withCString { path in
                buffer.withUnsafeMutableBytes {
                    readlinkat(directory, path, $0.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped, $0.count)
                }
            }
        }
        guard let target = BytePath(buffer.prefix(count)) else {
            throw SystemError(call: "readlinkat", errno: EINVAL, what: path.description)
        }
        return target
    }

    /// The names in a directory, without `.` and `..`, in no particular order.
    /// - Throws: `SystemError`.
    public static func names(in directory: Int32) throws -> [BytePath] {
        try NameReader(directory).next(.max)
    }

    /// Asks ext4 to put each subdirectory into a block group of its own (`chattr +T`); other file systems ignore it.
    ///
    /// After a large tree was deleted, ext4 creates files in the same block groups ten times more slowly for minutes, because it
    /// does not use an inode again so soon and looks at each of them every time. Trees that come and go side by side should
    /// not meet.
    /// - Throws: `SystemError`.
    public static func spreadSubdirectories(of directory: Int32) throws {
        // FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_TOPDIR_FL of linux/fs.h.
        var flags: Int32 = 0
        do {
            try checking("ioctl", "FS_IOC_GETFLAGS") { timber_ioctl_pointer(directory, 0x8008_6601, &flags) }
            flags |= 0x0002_0000
            try checking("ioctl", "FS_IOC_SETFLAGS") { timber_ioctl_pointer(directory, 0x4008_6602, &flags) }
        } catch let error as SystemError where [ENOTTY, EOPNOTSUPP, EINVAL, ENOSYS].contains(error.errno) {
            return
        }
    }

    /// fsync(2).
    /// - Throws: `SystemError`.
    public static func sync(_ file: Int32) throws {
        try retrying("fsync") { fsync(file) }
    }

    /// syncfs(2): everything written so far to the file system of this descriptor is on the disk.
    /// - Throws: `SystemError`.
    public static func syncFileSystem(of file: Int32) throws {
        try checking("syncfs") { timber_syncfs(file) }
    }
}
