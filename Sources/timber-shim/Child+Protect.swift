import CTimber

/// Paths that the container may not write, or not see. Each is opened below the root first and protected through that descriptor.
extension Child {
    func protectPaths(_ plan: timber_plan) throws(Failure) {
        for span in try buffer.array(plan.readonly_paths, of: timber_span.self) { try makeReadOnly(try buffer.string(span)) }
        try maskPaths(plan.masked_paths)
        if plan.flags & TIMBER_PLAN_FLAG_READONLY_ROOT != 0 {
            let outcome = timber_mount_setattr(root, "", UInt32(AT_EMPTY_PATH), UInt64(MOUNT_ATTR_RDONLY), 0, 0)
            try check(TIMBER_STAGE_READONLY, outcome)
        }
    }

    private func makeReadOnly(_ path: UnsafePointer<CChar>) throws(Failure) {
        let found = open(path, resolve: RESOLVE_NO_SYMLINKS)
        if found == -Int(ENOENT) { return }
        let target = try check(TIMBER_STAGE_READONLY, found, path)
        let tree = try check(TIMBER_STAGE_READONLY, cloneMount(target, recursive: true), path)
        let depth = UInt32(AT_EMPTY_PATH | AT_RECURSIVE)
        try check(TIMBER_STAGE_READONLY, timber_mount_setattr(tree, "", depth, UInt64(MOUNT_ATTR_RDONLY), 0, 0), path)
        try attach(TIMBER_STAGE_READONLY, tree, target, path)
        close(tree)
        close(target)
    }

    /// Files get the container's /dev/null, whose descriptor is checked to be character device 1:3 (CVE-2025-31133); directories
    /// one empty read-only tmpfs that all of them share.
    private func maskPaths(_ span: timber_span) throws(Failure) {
        var null: Int32 = -1
        var empty: Int32 = -1
        for span in try buffer.array(span, of: timber_span.self) {
            let path = try buffer.string(span)
            let found = open(path, resolve: RESOLVE_NO_SYMLINKS)
            // ENOTDIR: the parent is a file, so there is nothing to mask either.
            if found == -Int(ENOENT) || found == -Int(ENOTDIR) { continue }
            let target = try check(TIMBER_STAGE_READONLY, found, path)
            var status = stat()
            try check(TIMBER_STAGE_READONLY, result(fstat(target, &status)), path)
            if status.kind != S_IFDIR {
                if null < 0 { null = try openNull(O_PATH, TIMBER_STAGE_READONLY) }
                try attachClone(of: null, target, path)
            } else if empty < 0 {
                // The first directory gets the tmpfs itself: only an attached mount can be cloned before Linux 6.15.
                empty = try emptyDirectory(path)
                try attach(TIMBER_STAGE_READONLY, empty, target, path)
            } else {
                try attachClone(of: empty, target, path)
            }
            close(target)
        }
        if empty >= 0 { close(empty) }
        if null >= 0 { close(null) }
    }

    private func attachClone(of source: Int32, _ target: Int32, _ path: UnsafePointer<CChar>) throws(Failure) {
        let tree = try check(TIMBER_STAGE_READONLY, cloneMount(source), path)
        try attach(TIMBER_STAGE_READONLY, tree, target, path)
        close(tree)
    }

    private func emptyDirectory(_ path: UnsafePointer<CChar>) throws(Failure) -> Int32 {
        let context = try check(TIMBER_STAGE_READONLY, timber_fsopen("tmpfs", UInt32(FSOPEN_CLOEXEC)), path)
        try check(TIMBER_STAGE_READONLY, timber_fsconfig(context, FSCONFIG_SET_FLAG.rawValue, "ro", nil, 0), path)
        try check(TIMBER_STAGE_READONLY, timber_fsconfig(context, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0), path)
        let attributes = UInt32(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
        let mount = try check(TIMBER_STAGE_READONLY, timber_fsmount(context, UInt32(FSMOUNT_CLOEXEC), attributes), path)
        close(context)
        return mount
    }

    /// The container's own /dev/null. Never the host's: a container that owns it could change its mode for everybody.
    func openNull(_ flags: Int32, _ stage: timber_stage) throws(Failure) -> Int32 {
        let how = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
        // O_NONBLOCK: whatever the container put there, opening it must not wait.
        let opened = timber_openat2(root, "/dev/null", UInt64(flags | (flags & O_PATH != 0 ? 0 : O_NONBLOCK)) | openFlags, 0, how)
        let null = try check(stage, opened, Self.nullPath)
        guard isCharacterDevice(null, 1, 3) else { throw Failure(stage, ENODEV, Self.nullPath) }
        return null
    }

    private static var nullPath: UnsafePointer<CChar> { constant("/dev/null") }
}

/// A constant string as C sees it; string literals are NUL-terminated and never move.
func constant(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
