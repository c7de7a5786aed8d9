internal import CTimber
internal import Glibc

/// Read-only views of stacked layers that are mounted nowhere: nothing to unmount, nothing left by a crash.
public enum Overlay {
    /// Options of every overlay that somebody writes to: what an upper directory holds is then all that was changed, whatever the
    /// kernel's defaults are, and neither files without their content (`metacopy`) nor directories that mean others (`redirect_dir`).
    public static let options = "index=off,metacopy=off,redirect_dir=off"

    /// A directory that shows the layers as one; lives as long as the descriptor.
    /// - Parameters:
    ///   - layers: absolute paths, highest first; at least one.
    /// - Throws: `SystemError`.
    public static func view(_ layers: [String]) throws -> Descriptor {
        // overlayfs without an upper directory wants two lower ones.
        if layers.count == 1 { return try Files.directory(layers[0]) }
        do {
            return try detachedView(layers)
        } catch let error as SystemError where error.errno == EINVAL {
            // A kernel without `lowerdir+`, as Debian 12's 6.1.
            return try namespaceView(layers)
        }
    }

    private static func detachedView(_ layers: [String]) throws -> Descriptor {
        let context = Descriptor(
            owning: Int32(try checking("fsopen", "overlay") { timber_fsopen("overlay", UInt32(FSOPEN_CLOEXEC)) }))
        for layer in layers {
            try checking("fsconfig", layer) {
                timber_fsconfig(context.raw, UInt32(FSCONFIG_SET_STRING.rawValue), "lowerdir+", layer, 0)
            }
        }
        try checking("fsconfig", "create") {
            timber_fsconfig(context.raw, UInt32(FSCONFIG_CMD_CREATE.rawValue), nil, nil, 0)
        }
        return Descriptor(
            owning: Int32(
                try checking("fsmount", "overlay") {
                    timber_fsmount(context.raw, 1, UInt32(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC))
                }))
    }

    /// The same for kernels without `lowerdir+`: mounted by mount(2) in a mount namespace that ends with its thread; the descriptor keeps the
    /// file system.
    static func namespaceView(_ layers: [String]) throws -> Descriptor {
        let options = "lowerdir=" + layers.map(escaped).joined(separator: ":")
        let root = try OwnThread.run(named: "overlay-view") {
            try checking("unshare", "CLONE_NEWNS") { timber_unshare(CLONE_NEWNS) }
            try checking("mount_setattr", "/") {
                timber_mount_setattr(AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, 0, 0, 1 << 18 /* MS_PRIVATE */)
            }
            // Nobody else sees what covers the first layer here.
            // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC: glibc and the kernel both define them.
            let flags: UInt = 1 | 2 | 4 | 8
            try checking("mount", "overlay") { timber_mount("overlay", layers[0], "overlay", flags, options) }
            return OwnedOnce(try Files.directory(layers[0]))
        }
        return try root.take()
    }

    /// What separates options and layers in mount(2)'s string.
    static func escaped(_ path: String) -> String {
        String(path.flatMap { "\\,:".contains($0) ? ["\\", $0] : [$0] })
    }

    /// Opens a path below a directory as if the directory were the root: no symbolic link leads out of it.
    /// - Parameters:
    ///   - flags: as for open(2); O_CLOEXEC is added.
    /// - Throws: `SystemError`.
    public static func open(_ path: String, in root: Int32, _ flags: Int32) throws -> Descriptor {
        // RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
        Descriptor(
            owning: Int32(try checking("openat2", path) { timber_openat2(root, path, UInt64(flags | O_CLOEXEC), 0, 0x10 | 0x02) }))
    }

    /// Reads a regular file of at most `limit` bytes below a root; nil when there is none.
    /// - Throws: `SystemError`; EINVAL for anything but a regular file (a FIFO would block, a device act: CVE-2024-9676), EFBIG for a
    ///   longer one (CVE-2023-25153).
    public static func readFile(_ path: String, in root: Int32, limit: Int = 1 << 20) throws -> [UInt8]? {
        let file: SharedDescriptor
        do {
            file = SharedDescriptor(try open(path, in: root, 0o10000000 /* O_PATH */))
        } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
            return nil
        }
        var status = stat()
        try retrying("fstat", path) { fstat(file.raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(call: "read", errno: EINVAL, what: path) }
        guard status.st_size <= limit else { throw SystemError(call: "read", errno: EFBIG, what: path) }
        return try Files.read("/proc/self/fd/\(file.raw)", limit: limit)
    }
}
