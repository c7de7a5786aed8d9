internal import CTimber
internal import Glibc

/// The root file system of a container as a directory whose paths are resolved below it, in no mount namespace that anything else
/// sees: nothing to unmount, nothing left by a crash.
public struct MountedRoot: Sendable {
    /// `/`, open for reading.
    public let root: SharedDescriptor
    /// Keeps the mounts below the root together; nil: they are in somebody else's namespace.
    private let namespace: SharedDescriptor?

    /// A mount that a root has: a directory or a file of the host somewhere below it.
    public struct Bind: Sendable {
        /// The host's path.
        public var source: String
        /// What is at the source, where the path is not to be trusted; nil: the path is opened.
        public var opened: SharedDescriptor?
        /// Absolute, below the root.
        public var target: String
        /// Whether nothing may be written there.
        public var isReadOnly: Bool
        /// Whether what is mounted below the source can be written to all the same.
        public var isWritableBelow: Bool
        /// With the mounts below the source.
        public var isRecursive: Bool
        /// Left out when the source or the target is missing.
        public var isOptional: Bool

        /// Makes one.
        public init(
            source: String, opened: SharedDescriptor? = nil, target: String, isReadOnly: Bool, isWritableBelow: Bool = false,
            isRecursive: Bool, isOptional: Bool = false
        ) {
            self.source = source
            self.opened = opened
            self.target = target
            self.isReadOnly = isReadOnly
            self.isWritableBelow = isWritableBelow
            self.isRecursive = isRecursive
            self.isOptional = isOptional
        }
    }

    /// What lies below a mount.
    public struct Stack: Sendable {
        /// Absolute paths or paths relative to `base`, highest first.
        public var lower: [String]
        /// Where the relative ones are: names are short because all of them must fit into one page of mount options. A path and no
        /// descriptor: a descriptor's mount is in another namespace, from which overlayfs takes no layers.
        public var base: String
        /// Takes changes; nil: the root is read-only.
        public var upper: (directory: String, work: String)?

        /// Makes one.
        public init(lower: [String], base: String, upper: (directory: String, work: String)?) {
            self.lower = lower
            self.base = base
            self.upper = upper
        }
    }

    // Both glibc and the kernel define some of these.
    private static let recursive: UInt32 = 0x8000  // AT_RECURSIVE
    private static let emptyPath: UInt32 = 0x1000  // AT_EMPTY_PATH
    private static let cloneTree: UInt32 = 0x1 | UInt32(O_CLOEXEC)  // OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    private static let makePrivate: UInt64 = 1 << 18  // MS_PRIVATE

    /// The root that a process has, with everything that is mounted in it.
    /// - Parameter process: its directory in /proc.
    /// - Throws: `SystemError`; ENOENT or ESRCH when the process has ended.
    public init(of process: Int32) throws {
        let root = try retrying("openat", "root") { openat(process, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        self.root = SharedDescriptor(Descriptor(owning: root))
        namespace = nil
    }

    /// The root file system of a process alone, without what is mounted in it.
    /// - Parameter process: its directory in /proc.
    /// - Throws: `SystemError`; ENOENT or ESRCH when the process has ended.
    public init(ofFileSystemOf process: Int32) throws {
        let mounts = SharedDescriptor(
            Descriptor(owning: try retrying("openat", "ns/mnt") { openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC) }))
        let root = try OwnThread.run(named: "root-view") {
            // The kernel clones no mount of another namespace, so this thread goes there, and ends there.
            try checking("unshare", "CLONE_FS") { timber_unshare(CLONE_FS) }
            try checking("setns", "mnt") { timber_setns(mounts.raw, CLONE_NEWNS) }
            let flags = Self.cloneTree
            let tree = Descriptor(owning: Int32(try checking("open_tree", "/") { timber_open_tree(AT_FDCWD, "/", flags) }))
            return OwnedOnce(try DirectoryCalls.openDirectory(tree.raw, BytePath(".")))
        }
        self.root = SharedDescriptor(try root.take())
        namespace = nil
    }

    /// Mounts an overlay and what belongs into it, for a container that does not run.
    /// - Parameters:
    ///   - stack: the layers.
    ///   - place: any directory: the overlay covers it, where nobody else sees it.
    ///   - binds: in the order of mounting.
    ///   - makesTargets: make missing targets of binds as directories, or files for files; needs an upper directory.
    ///   - isReadOnly: the overlay itself takes no changes once it has its targets.
    /// - Throws: `SystemError`; ENOENT when a target is missing and not made.
    public init(mounting stack: Stack, over place: String, binds: [Bind], makesTargets: Bool = false, isReadOnly: Bool = false) throws {
        let ends = try OwnThread.run(named: "root-view") {
            // Before this thread leaves: descriptors of sources are of the namespace in which they were opened.
            let trees = try binds.map { try Self.clone($0) }
            try checking("unshare", "CLONE_NEWNS") { timber_unshare(CLONE_NEWNS) }
            try checking("mount_setattr", "/") {
                timber_mount_setattr(AT_FDCWD, "/", Self.recursive, 0, 0, Self.makePrivate)
            }
            let namespace = try Files.open("/proc/thread-self/ns/mnt", O_RDONLY)
            try retrying("chdir", stack.base) { chdir(stack.base) }
            try Self.mount(stack, over: place)
            let root = try Files.open(place, 0o10000000 /* O_PATH */ | O_DIRECTORY)
            for (bind, tree) in zip(binds, trees) {
                if let tree { try Self.attach(tree, bind, below: root.raw, makesTarget: makesTargets) }
            }
            if isReadOnly {
                try checking("mount_setattr", "overlay") {
                    timber_mount_setattr(root.raw, "", Self.emptyPath, UInt64(MOUNT_ATTR_RDONLY), 0, 0)
                }
            }
            try Self.becomeRoot(root.raw)
            return (root: OwnedOnce(try Files.directory("/")), namespace: OwnedOnce(namespace))
        }
        root = SharedDescriptor(try ends.root.take())
        namespace = SharedDescriptor(try ends.namespace.take())
    }

    private static func mount(_ stack: Stack, over place: String) throws {
        // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC: glibc and the kernel both define them.
        let common: UInt = 2 | 4 | 8
        if stack.upper == nil, stack.lower.count == 1 {
            // overlayfs without an upper directory wants two lower ones.
            try checking("mount", stack.lower[0]) { timber_mount(stack.lower[0], place, nil, 4096 /* MS_BIND */, nil) }
            return _ = try checking("mount", stack.lower[0]) {
                timber_mount(nil, place, nil, 4096 | 32 /* MS_REMOUNT */ | 1 | common, nil)
            }
        }
        var options = Overlay.options + ",lowerdir=" + stack.lower.map(Overlay.escaped).joined(separator: ":")
        if let upper = stack.upper {
            options += ",upperdir=\(Overlay.escaped(upper.directory)),workdir=\(Overlay.escaped(upper.work))"
        }
        let flags = common | (stack.upper == nil ? 1 : 0)
        try checking("mount", "overlay") { timber_mount("overlay", place, "overlay", flags, options) }
    }

    /// - Returns: nil when it is optional and missing.
    private static func clone(_ bind: Bind) throws -> SharedDescriptor? {
        let depth = bind.isRecursive ? Self.recursive : 0
        let flags = Self.cloneTree | depth
        let tree: SharedDescriptor
        do {
            tree = SharedDescriptor(
                Descriptor(
                    owning: Int32(
                        try checking("open_tree", bind.source) {
                            if let opened = bind.opened { return timber_open_tree(opened.raw, "", flags | Self.emptyPath) }
                            return timber_open_tree(AT_FDCWD, bind.source, flags)
                        })))
        } catch let error as SystemError where error.errno == ENOENT && bind.isOptional {
            return nil
        }
        try checking("mount_setattr", bind.source) {
            timber_mount_setattr(tree.raw, "", Self.emptyPath | depth, 0, 0, Self.makePrivate)
        }
        if bind.isReadOnly {
            try checking("mount_setattr", bind.source) {
                timber_mount_setattr(
                    tree.raw, "", Self.emptyPath | (bind.isWritableBelow ? 0 : depth), UInt64(MOUNT_ATTR_RDONLY), 0, 0)
            }
        }
        return tree
    }

    private static func attach(_ tree: SharedDescriptor, _ bind: Bind, below root: Int32, makesTarget: Bool) throws {
        do {
            let target = try PathHandle(root, BytePath(bind.target), followsLink: true, resolve: DirectoryCalls.inRoot)
            return try move(tree, to: target, bind)
        } catch let error as SystemError where error.call == "openat2" && error.errno == ENOENT {
            if bind.isOptional { return }
            guard makesTarget else { throw error }
        }
        let isDirectory = try DirectoryCalls.status(of: tree.raw).isDirectory
        try move(tree, to: try make(bind.target, below: root, isDirectory: isDirectory), bind)
    }

    private static func move(_ tree: SharedDescriptor, to target: borrowing PathHandle, _ bind: Bind) throws {
        let number = target.raw
        // MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
        try checking("move_mount", bind.target) { timber_move_mount(tree.raw, "", number, "", 0x4 | 0x40) }
    }

    /// Makes what is missing of a path; nothing runs in the container meanwhile.
    private static func make(_ path: String, below root: Int32, isDirectory: Bool) throws -> PathHandle {
        var prefix = ""
        let components = path.split(separator: "/")
        for (index, component) in components.enumerated() {
            let parent = try PathHandle(root, BytePath(prefix.isEmpty ? "." : prefix), followsLink: true, resolve: DirectoryCalls.inRoot)
            prefix += "/\(component)"
            let isLast = index == components.count - 1
            do {
                _ = try PathHandle(root, BytePath(prefix), followsLink: true, resolve: DirectoryCalls.inRoot)
            } catch let error as SystemError where error.errno == ENOENT {
                if isLast && !isDirectory {
                    _ = try DirectoryCalls.open(parent.raw, BytePath("\(component)"), O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                } else {
                    try DirectoryCalls.makeDirectory(parent.raw, BytePath("\(component)"), mode: 0o755)
                }
            }
        }
        return try PathHandle(root, BytePath(path), followsLink: true, resolve: DirectoryCalls.inRoot)
    }

    /// The host's mounts go: a copy of them would keep the host from unmounting anything.
    private static func becomeRoot(_ root: Int32) throws {
        let old = try Files.open("/", 0o10000000 /* O_PATH */ | O_DIRECTORY)
        try retrying("fchdir", "root") { fchdir(root) }
        try checking("pivot_root", ".") { timber_pivot_root(".", ".") }
        try retrying("fchdir", "old root") { fchdir(old.raw) }
        try checking("umount2", ".") { timber_umount2(".", 2 /* MNT_DETACH */) }
        try retrying("chdir", "/") { chdir("/") }
    }
}
