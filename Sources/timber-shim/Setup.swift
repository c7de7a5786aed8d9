import CTimber

/// Turns the process that timberd spawned into a shim.
enum Setup {
    /// - Returns: -errno of the step that failed, or 0.
    static func prepare(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int {
        let sealed = sealExecutable(arguments)
        if sealed < 0 { return sealed }
        // EPERM: timberd spawned us as the leader of a session already.
        _ = setsid()
        var step = timber_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if step < 0 { return step }
        step = timber_prctl(PR_SET_NAME, UInt(bitPattern: constant("timber-shim")), 0, 0, 0)
        if step < 0 { return step }
        step = timber_close_range(UInt32(TIMBER_SHIM_LISTEN_FD) + 1, UInt32.max, 0)
        if step < 0 { return step }
        step = timber_fcntl(TIMBER_SHIM_LISTEN_FD, F_SETFD, Int(FD_CLOEXEC))
        if step < 0 { return step }
        resetSignals()
        umask(0)
        return result(chdir("/"))
    }

    /// The program's file must not be writable from inside a container, where /proc/PID/exe names it until execve, and a script
    /// `#!/proc/self/exe` runs it (CVE-2019-5736). So the shim runs from a read-only mount that is in no mount namespace: from
    /// timberd's when it was spawned through one, else from one that it makes and executes itself through.
    private static func sealExecutable(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int {
        var status = statfs()
        let opened = openPlain(AT_FDCWD, "/proc/self/exe", O_PATH)
        if opened < 0 { return opened }
        let executable = Descriptor(owning: Int32(opened))
        if fstatfs(executable.raw, &status) != 0 { return -Int(timber_errno()) }
        if Int(status.f_flags) & Int(ST_RDONLY) != 0 { return 0 }
        let marker = constant("TIMBER_SHIM_SEALED=1")
        // A second round would be endless.
        if getenv("TIMBER_SHIM_SEALED") != nil { return -Int(EROFS) }
        let flags = UInt32(OPEN_TREE_CLONE) | UInt32(OPEN_TREE_CLOEXEC) | UInt32(AT_EMPTY_PATH)
        let tree = timber_open_tree(executable.raw, "", flags)
        if tree < 0 { return tree }
        let mount = Descriptor(owning: Int32(tree))
        let step = timber_mount_setattr(mount.raw, "", UInt32(AT_EMPTY_PATH), UInt64(MOUNT_ATTR_RDONLY), 0, 0)
        if step < 0 { return step }
        return withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: 2) { environment in
            environment[0] = UnsafeMutablePointer(mutating: marker)
            environment[1] = nil
            return timber_execveat(mount.raw, "", arguments, environment.baseAddress, Int32(AT_EMPTY_PATH))
        }
    }

    /// Ignored signals and the mask come from whoever spawned us.
    private static func resetSignals() {
        for signal in Int32(1)...64 { _ = timber_signal_default(signal) }
        for signal in ignoredSignals { _ = timber_signal_ignore(signal) }
        var mask = childSignals
        sigprocmask(SIG_SETMASK, &mask, nil)
    }

    /// What is blocked, and read from a descriptor: ends of children.
    private static var childSignals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGCHLD)
        return set
    }

    /// - Returns: a descriptor that is readable after a child has ended (signalfd(2)); nil when there is none left.
    static func watchChildren() -> Descriptor? {
        var set = childSignals
        let opened = result(signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC)))
        return opened < 0 ? nil : Descriptor(owning: Int32(opened))
    }

    /// A broken pipe is a result. The others are meant for the container when a host shuts down, and reach it by themselves: the shim
    /// stays to see its end, and only SIGKILL ends it before.
    static var ignoredSignals: [Int32] { [SIGPIPE, SIGTERM, SIGINT, SIGHUP] }

    /// The kernel should rather kill something else. Not a security step: without CAP_SYS_RESOURCE the score stays as it is.
    /// - Returns: the score before, when it was lowered; children get it back.
    static func lowerOOMScore() -> Int32? {
        let opened = openPlain(AT_FDCWD, "/proc/self/oom_score_adj", O_RDWR)
        if opened < 0 { return nil }
        let file = Descriptor(owning: Int32(opened))
        let before = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { text -> Int32? in
            let count = read(file.raw, text.baseAddress, text.count - 1)
            if count <= 0 { return nil }
            text[count] = 0
            return text.baseAddress.map { Int32(truncatingIfNeeded: atol($0)) }
        }
        let lowered = withDecimal(-999) { result(pwrite(file.raw, $0.baseAddress, $0.count, 0)) }
        return lowered < 0 ? nil : before
    }
}
