internal import CTimber
internal import Glibc

/// A file of any kind by an O_PATH descriptor: what is looked at, read and changed through it is one and the same file, whatever
/// somebody else makes of its name meanwhile.
public struct PathHandle: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// What it was when it was opened.
    public let status: FileStatus

    /// Opens a path; nothing is read, so that neither a pipe nor a device does anything.
    /// - Parameters:
    ///   - directory: the base.
    ///   - path: relative to it.
    ///   - followsLink: whether a symbolic link in the last component is followed.
    ///   - resolve: `DirectoryCalls.inRoot` or `DirectoryCalls.beneath`.
    /// - Throws: `SystemError`.
    public init(_ directory: Int32, _ path: BytePath, followsLink: Bool = false, resolve: UInt64 = DirectoryCalls.beneath) throws {
        let flags: Int32 = 0o10000000 /* O_PATH */ | (followsLink ? 0 : O_NOFOLLOW)
        let opened = try DirectoryCalls.open(directory, path, flags, resolve: resolve)
        status = try DirectoryCalls.status(of: opened.raw)
        descriptor = opened
    }

    /// The O_PATH descriptor's number; good as the base of *at calls when the file is a directory.
    public var raw: Int32 { descriptor.raw }

    /// Opens the file itself; for regular files and directories.
    /// - Throws: `SystemError`.
    public func open(_ flags: Int32) throws -> Descriptor {
        Descriptor(owning: try retrying("open", "/proc/self/fd") { Glibc.open("/proc/self/fd/\(descriptor.raw)", flags | O_CLOEXEC) })
    }

    /// What a symbolic link says.
    /// - Throws: `SystemError`.
    public func target() throws -> BytePath {
        try DirectoryCalls.target(descriptor.raw, BytePath(""))
    }

    /// Where the kernel says that the file is: absolute, seen from the root of its mounts.
    /// - Throws: `SystemError`.
    public func place() throws -> BytePath {
        try DirectoryCalls.target(AT_FDCWD, BytePath("/proc/self/fd/\(descriptor.raw)"))
    }

    /// Owner and group.
    /// - Throws: `SystemError`.
    public func setOwner(uid: UInt32, gid: UInt32) throws {
        try retrying("fchownat") { fchownat(descriptor.raw, "", uid, gid, 0x1000 /* AT_EMPTY_PATH */) }
    }

    /// Permission bits; not for symbolic links, which have none.
    /// - Throws: `SystemError`.
    public func setMode(_ mode: UInt32) throws {
        // fchmod(2) takes no O_PATH descriptor.
        try retrying("chmod") { chmod("/proc/self/fd/\(descriptor.raw)", mode & 0o7777) }
    }

    /// Access and modification time.
    /// - Throws: `SystemError`.
    public func setTime(_ time: FileTime) throws {
        let times = [time.specification, time.specification]
        try retrying("utimensat") { utimensat(descriptor.raw, "", times, 0x1000 /* AT_EMPTY_PATH */) }
    }

    /// Whether it lies on a file system that shows the kernel and not files: procfs, sysfs, cgroups and their like.
    /// - Throws: `SystemError`.
    public func isKernels() throws -> Bool {
        Self.kernelTypes.contains(UInt32(truncatingIfNeeded: try statistics().type))
    }

    /// Whether nothing can be written where it lies.
    /// - Throws: `SystemError`.
    public func isReadOnly() throws -> Bool {
        try statistics().flags & 1 /* ST_RDONLY */ != 0
    }

    private func statistics() throws -> (type: Int, flags: Int) {
        var found = statfs()
        try retrying("fstatfs") { fstatfs(descriptor.raw, &found) }
        return (Int(found.f_type), Int(found.f_flags))
    }

    /// Numbers of linux/magic.h.
    private static let kernelTypes: Set<UInt32> = [
        0x9fa0 /* proc */, 0x6265_6572 /* sysfs */, 0x0027_e0eb /* cgroup */, 0x6367_7270 /* cgroup2 */, 0x1cd1 /* devpts */,
        0x1980_0202 /* mqueue */, 0x6462_6720 /* debugfs */, 0x7472_6163 /* tracefs */, 0x7363_6673 /* securityfs */,
        0xcafe_4a11 /* bpf */, 0x6165_676c /* pstore */, 0x4249_4e4d /* binfmt_misc */, 0x6265_6570 /* configfs */,
        0x6e73_6673 /* nsfs */, 0xf97c_ff8c /* selinuxfs */, 0xde5e_81e4 /* efivarfs */, 0x6759_6969 /* rpc_pipefs */,
    ]
}
