import CTimber

extension Child {
    /// The plan's mounts in their order. `trees` holds the cloned source of each bind, and afterwards those that `finishMounts` makes
    /// read-only.
    func mountAll(_ span: timber_span, _ trees: UnsafeMutablePointer<Int32>) throws(Failure) {
        let mounts = try buffer.array(span, of: timber_mount.self)
        for index in 0..<mounts.count {
            let path = try buffer.string(mounts[index].target)
            if mounts[index].kind == TIMBER_MOUNT_BIND {
                try bind(mounts[index], trees[index], path)
                close(trees[index])
                trees[index] = -1
            } else {
                trees[index] = try mountFileSystem(mounts[index], path)
            }
        }
    }

    /// Makes each tmpfs read-only that is to be: others may be mounted in it, and files made, until now.
    func finishMounts(_ span: timber_span, _ trees: UnsafePointer<Int32>) throws(Failure) {
        let mounts = try buffer.array(span, of: timber_mount.self)
        for index in 0..<mounts.count where trees[index] >= 0 {
            let outcome = timber_mount_setattr(trees[index], "", UInt32(AT_EMPTY_PATH), UInt64(MOUNT_ATTR_RDONLY), 0, 0)
            try check(TIMBER_STAGE_READONLY, outcome, try buffer.string(mounts[index].target))
            close(trees[index])
        }
    }

    private func target(of mount: timber_mount, _ path: UnsafePointer<CChar>) throws(Failure) -> Int32 {
        let resolve = mount.flags & TIMBER_MOUNT_FLAG_NO_SYMLINK != 0 ? RESOLVE_NO_SYMLINKS : 0
        let file = mount.flags & TIMBER_MOUNT_FLAG_TARGET_FILE != 0
        // A file system goes on a directory; move_mount would say EINVAL, which explains nothing.
        let kind = mount.kind == TIMBER_MOUNT_FS ? O_DIRECTORY : 0
        return try openTarget(TIMBER_STAGE_MOUNT, path, kind: kind, file: file, mode: mount.mode, resolve: Int32(resolve))
    }

    private func bind(_ mount: timber_mount, _ tree: Int32, _ path: UnsafePointer<CChar>) throws(Failure) {
        let recursive = mount.flags & TIMBER_MOUNT_FLAG_RECURSIVE != 0
        let depth = UInt32(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0))
        var attributes = mount.attributes
        if mount.flags & TIMBER_MOUNT_FLAG_READONLY_TOP != 0 {
            let outcome = timber_mount_setattr(tree, "", UInt32(AT_EMPTY_PATH), attributes & UInt64(MOUNT_ATTR_RDONLY), 0, 0)
            try check(TIMBER_STAGE_MOUNT, outcome, path)
            attributes &= ~UInt64(MOUNT_ATTR_RDONLY)
        }
        if attributes != 0 {
            // An access-time mode replaces the source's: its bits are an enumeration, and the kernel wants them cleared first.
            let clear = attributes & UInt64(MOUNT_ATTR__ATIME) != 0 ? UInt64(MOUNT_ATTR__ATIME) : 0
            try check(TIMBER_STAGE_MOUNT, timber_mount_setattr(tree, "", depth, attributes, clear, 0), path)
        }
        let propagation = mount.propagation & ~UInt64(MS_REC)
        let kind = propagation == 0 ? UInt64(MS_PRIVATE) : propagation
        try check(TIMBER_STAGE_MOUNT, timber_mount_setattr(tree, "", depth, 0, 0, kind), path)
        let target = try target(of: mount, path)
        if fileSystemType(target) == procMagic && fileSystemType(tree) != procMagic && !isReplaceable(target, path) {
            throw Failure(TIMBER_STAGE_MOUNT, EPERM, path)
        }
        try attach(TIMBER_STAGE_MOUNT, tree, target, path)
        close(target)
    }

    /// - Returns: a tmpfs that is still to be made read-only, else -1.
    private func mountFileSystem(_ mount: timber_mount, _ path: UnsafePointer<CChar>) throws(Failure) -> Int32 {
        let type = try buffer.string(mount.source)
        let context = try check(TIMBER_STAGE_MOUNT, timber_fsopen(type, UInt32(FSOPEN_CLOEXEC)), path)
        for option in try buffer.array(mount.options, of: timber_option.self) {
            let key = try buffer.string(option.key)
            let value = try buffer.optionalString(option.value)
            let command = value == nil ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING
            try check(TIMBER_STAGE_MOUNT, timber_fsconfig(context, command.rawValue, key, value, 0), path)
        }
        try check(TIMBER_STAGE_MOUNT, timber_fsconfig(context, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0), path)
        let later = strcmp(type, "tmpfs") == 0 && mount.attributes & UInt64(MOUNT_ATTR_RDONLY) != 0
        let attributes = UInt32(truncatingIfNeeded: later ? mount.attributes & ~UInt64(MOUNT_ATTR_RDONLY) : mount.attributes)
        let made = try check(TIMBER_STAGE_MOUNT, timber_fsmount(context, UInt32(FSMOUNT_CLOEXEC), attributes), path)
        close(context)
        let target = try target(of: mount, path)
        if mount.flags & TIMBER_MOUNT_FLAG_COPY_UP != 0 { try copyUp(from: target, to: made, path) }
        try attach(TIMBER_STAGE_MOUNT, made, target, path)
        close(target)
        if later { return made }
        close(made)
        return -1
    }

    /// Puts a detached mount on an open target: what the target's path has become since does not matter.
    func attach(_ stage: timber_stage, _ mount: Int32, _ target: Int32, _ path: UnsafePointer<CChar>) throws(Failure) {
        let flags = UInt32(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
        try check(stage, timber_move_mount(mount, "", target, "", flags), path)
    }

    /// The files of procfs's root that lxcfs replaces, by their own name and nowhere else.
    private func isReplaceable(_ target: Int32, _ path: UnsafePointer<CChar>) -> Bool {
        var opened = stat()
        guard fstat(target, &opened) == 0, opened.kind == S_IFREG else { return false }
        return isSame(opened, "/proc/cpuinfo") || isSame(opened, "/proc/meminfo") || isSame(opened, "/proc/stat")
            || isSame(opened, "/proc/uptime") || isSame(opened, "/proc/loadavg") || isSame(opened, "/proc/diskstats")
            || isSame(opened, "/proc/swaps") || isSame(opened, "/proc/version") || isSame(opened, "/proc/slabinfo")
    }

    private func isSame(_ opened: stat, _ path: StaticString) -> Bool {
        let name = UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
        let found = open(name, resolve: RESOLVE_NO_SYMLINKS)
        guard found >= 0 else { return false }
        defer { close(Int32(found)) }
        var status = stat()
        return fstat(Int32(found), &status) == 0 && status.st_ino == opened.st_ino && status.st_dev == opened.st_dev
    }
}
