import CTimber

extension Child {
    /// What is there already, a mount of the user's, stays.
    func makeDevices(_ plan: timber_plan) throws(Failure) {
        for device in try buffer.array(plan.devices, of: timber_device.self) { try makeDevice(device) }
        for link in try buffer.array(plan.links, of: timber_pair.self) { try makeLink(link) }
    }

    private func makeDevice(_ device: timber_device) throws(Failure) {
        let path = try buffer.string(device.path)
        let (directory, name) = try openParent(TIMBER_STAGE_DEVICE, path)
        let number = dev_t(timber_makedev(device.major, device.minor))
        // With its whole mode, since the umask is 0: a chmod of the name would follow a link that somebody puts there meanwhile, when
        // the directory is a volume's.
        let made = result(mknodat(directory, name, device.mode & UInt32(S_IFMT | 0o7777), number))
        if made == -Int(EPERM) {
            try bindDevice(device, number, directory, name, path)
        } else if made != -Int(EEXIST) {
            try check(TIMBER_STAGE_DEVICE, made, path)
            try check(TIMBER_STAGE_DEVICE, result(fchownat(directory, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW)), path)
        }
        close(directory)
    }

    /// Where mknod is not allowed: the host's node of the same path, when it really is the same device.
    private func bindDevice(
        _ device: timber_device, _ number: dev_t, _ directory: Int32, _ name: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
    ) throws(Failure) {
        let node = try check(TIMBER_STAGE_DEVICE, openPlain(AT_FDCWD, path, O_PATH | O_NOFOLLOW), path)
        var status = stat()
        guard fstat(node, &status) == 0, status.kind == Int32(truncatingIfNeeded: device.mode) & S_IFMT, status.st_rdev == number else {
            throw Failure(TIMBER_STAGE_DEVICE, EPERM, path)
        }
        let file = try check(TIMBER_STAGE_DEVICE, openPlain(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW), path)
        let tree = try check(TIMBER_STAGE_DEVICE, cloneMount(node), path)
        try attach(TIMBER_STAGE_DEVICE, tree, file, path)
        close(tree)
        close(file)
        close(node)
    }

    private func makeLink(_ link: timber_pair) throws(Failure) {
        let path = try buffer.string(link.path)
        let (directory, name) = try openParent(TIMBER_STAGE_DEVICE, path)
        let made = result(symlinkat(try buffer.string(link.value), directory, name))
        if made != -Int(EEXIST) { try check(TIMBER_STAGE_DEVICE, made, path) }
        close(directory)
    }

    /// A detached clone of the mount at a descriptor, this file or directory its root.
    func cloneMount(_ descriptor: Int32, recursive: Bool = false) -> Int {
        let flags = UInt32(OPEN_TREE_CLONE) | UInt32(OPEN_TREE_CLOEXEC) | UInt32(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0))
        return timber_open_tree(descriptor, "", flags)
    }
}
