import CTimber

extension Child {
    /// Enters the namespaces that the container shares with another or that were made ahead, and brings `lo` up in a new one.
    func enterNamespaces(_ plan: timber_plan) throws(Failure) {
        try enter(plan.netns_fd, CLONE_NEWNET)
        try enter(plan.ipcns_fd, CLONE_NEWIPC)
        try enter(plan.utsns_fd, CLONE_NEWUTS)
        if plan.clone_flags & UInt64(CLONE_NEWNET) != 0 { try bringUpLoopback() }
    }

    private func enter(_ index: Int32, _ kind: Int32) throws(Failure) {
        guard let namespace = try buffer.descriptor(index) else { return }
        try check(TIMBER_STAGE_NAMESPACES, timber_setns(namespace, kind))
    }

    /// The namespaces of a running container, its pid namespace for children only. setns into the mount namespace moves root and
    /// working directory to the container's root.
    mutating func joinNamespaces(of container: Int32) throws(Failure) {
        let kinds = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWPID
        try check(TIMBER_STAGE_NAMESPACES, timber_setns(container, kinds))
        root = try check(TIMBER_STAGE_NAMESPACES, openPlain(AT_FDCWD, "/", O_PATH | O_DIRECTORY))
        try check(TIMBER_STAGE_NAMESPACES, result(fchdir(root)))
    }

    /// cgroup v1: writing 0 moves the writer, through descriptors opened before clone; the other way round (a parent writing the
    /// child's pid) waits for an RCU grace period of 10 ms.
    func joinCgroups(_ span: timber_span) throws(Failure) {
        for index in try buffer.array(span, of: Int32.self) {
            guard let tasks = try buffer.descriptor(index) else { throw Failure(TIMBER_STAGE_PLAN, EINVAL) }
            try check(TIMBER_STAGE_CGROUP, retrying { result(write(tasks, "0", 1)) })
        }
    }

    private func bringUpLoopback() throws(Failure) {
        let control = try check(TIMBER_STAGE_NAMESPACES, result(socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)))
        // struct ifreq: 16 bytes of name, then the flags; 40 bytes in all.
        let outcome = withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { request in
            request.initializeMemory(as: UInt8.self, repeating: 0)
            request[0] = UInt8(ascii: "l")
            request[1] = UInt8(ascii: "o")
            request.storeBytes(of: Int16(truncatingIfNeeded: IFF_UP | IFF_RUNNING), toByteOffset: 16, as: Int16.self)
            return timber_ioctl_pointer(control, UInt(SIOCSIFFLAGS), request.baseAddress)
        }
        close(control)
        try check(TIMBER_STAGE_NAMESPACES, outcome)
    }

    /// Never in the host's own UTS namespace: there both names are the host's.
    func nameHost(_ plan: timber_plan) throws(Failure) {
        if plan.hostname.count == 0 && plan.domainname.count == 0 { return }
        guard plan.clone_flags & UInt64(CLONE_NEWUTS) != 0 || plan.utsns_fd != TIMBER_NO_FD else {
            throw Failure(TIMBER_STAGE_HOSTNAME, EPERM)
        }
        if let name = try buffer.optionalString(plan.hostname) {
            try check(TIMBER_STAGE_HOSTNAME, result(sethostname(name, Int(plan.hostname.count))), name)
        }
        if let name = try buffer.optionalString(plan.domainname) {
            try check(TIMBER_STAGE_HOSTNAME, result(setdomainname(name, Int(plan.domainname.count))), name)
        }
    }

    /// Sysctls of the namespaces just entered, through a procfs of our own that nobody else can see or mount over
    /// (CVE-2025-52881); openat2 refuses to leave it.
    func writeSysctls(_ span: timber_span) throws(Failure) {
        let pairs = try buffer.array(span, of: timber_pair.self)
        if pairs.isEmpty { return }
        let proc = try privateProc()
        for pair in pairs {
            let path = try buffer.string(pair.path)
            let value = try buffer.string(pair.value)
            let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
            let file = try check(TIMBER_STAGE_SYSCTL, timber_openat2(proc, path, UInt64(O_WRONLY) | openFlags, 0, resolve), path)
            let written = writeAll(file, UnsafeRawBufferPointer(start: value, count: Int(pair.value.count)))
            close(file)
            try check(TIMBER_STAGE_SYSCTL, written, path)
        }
        close(proc)
    }

    /// proc/sys of a fresh, detached procfs.
    private func privateProc() throws(Failure) -> Int32 {
        let context = try check(TIMBER_STAGE_SYSCTL, timber_fsopen("proc", UInt32(FSOPEN_CLOEXEC)))
        try check(TIMBER_STAGE_SYSCTL, timber_fsconfig(context, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0))
        let mount = try check(TIMBER_STAGE_SYSCTL, timber_fsmount(context, UInt32(FSMOUNT_CLOEXEC), 0))
        let sys = try check(TIMBER_STAGE_SYSCTL, openPlain(mount, "sys", O_PATH | O_DIRECTORY | O_NOFOLLOW))
        close(mount)
        close(context)
        return sys
    }
}
