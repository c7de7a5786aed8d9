import CTimber

extension Child {
    /// From here on no mount of ours reaches the host, and none of the host's reaches us. Binds that want to share were cloned
    /// before and keep their peers.
    func isolateMounts() throws(Failure) {
        try check(TIMBER_STAGE_PROPAGATION, timber_mount_setattr(AT_FDCWD, "/", UInt32(AT_RECURSIVE), 0, 0, UInt64(MS_PRIVATE)))
    }

    /// Mounts the root on plan.rootfs, in our mount namespace only.
    /// - Parameter overlay: mount(2)'s option string, whose lower names are relative to the working directory; nil for a bind.
    mutating func mountRoot(_ plan: timber_plan, overlay: UnsafePointer<CChar>?) throws(Failure) {
        let target = try buffer.string(plan.rootfs)
        if let options = overlay {
            try check(TIMBER_STAGE_ROOT, timber_mount("overlay", target, "overlay", 0, options), target)
        } else {
            let source = try buffer.string(plan.upper)
            let flags = UInt32(OPEN_TREE_CLONE) | UInt32(OPEN_TREE_CLOEXEC)
            let tree = try check(TIMBER_STAGE_ROOT, timber_open_tree(AT_FDCWD, source, flags), source)
            try check(TIMBER_STAGE_ROOT, timber_move_mount(tree, "", AT_FDCWD, target, UInt32(MOVE_MOUNT_F_EMPTY_PATH)), target)
            close(tree)
        }
        root = try check(TIMBER_STAGE_ROOT, openPlain(AT_FDCWD, target, O_PATH | O_DIRECTORY | O_NOFOLLOW), target)
    }

    /// Makes the container's root the root. pivot_root(".", ".") puts the old root on top of the new one, from where it is
    /// detached with everything under it.
    func pivot() throws(Failure) {
        let old = try check(TIMBER_STAGE_PIVOT, openPlain(AT_FDCWD, "/", O_PATH | O_DIRECTORY))
        try check(TIMBER_STAGE_PIVOT, result(fchdir(root)))
        try check(TIMBER_STAGE_PIVOT, timber_pivot_root(".", "."))
        try check(TIMBER_STAGE_PIVOT, result(fchdir(old)))
        try check(TIMBER_STAGE_PIVOT, timber_umount2(".", MNT_DETACH))
        try check(TIMBER_STAGE_PIVOT, result(chdir("/")))
        close(old)
    }
}
