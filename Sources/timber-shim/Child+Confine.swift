import CTimber

extension Child {
    /// What takes privileges away, last of all. The order, and why:
    /// - the working directory while root may still enter it, and limits while root may still raise them, after the last descriptor
    ///   was opened;
    /// - without no_new_privs the kernel takes a filter only from CAP_SYS_ADMIN, so it goes in before capabilities are dropped;
    ///   with it the filter goes in last, so that it needs to allow nothing but execve;
    /// - the bounding set needs CAP_SETPCAP, the uid change empties the effective set (keepcaps holds the permitted one), so:
    ///   bounding set, ids, then capset, then ambient, which must be within permitted and inheritable;
    /// - the kill guard again, because the uid change disarms it.
    mutating func confine() throws(Failure) {
        try enterWorkingDirectory()
        try connectStandard()
        umask(mode_t(process.umask & 0o777))
        try resetSignals()
        try closeOthers()
        try setLimits()
        try leaveKeyring()
        if has(TIMBER_PROCESS_NO_NEW_PRIVILEGES) {
            try check(TIMBER_STAGE_SECCOMP, timber_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        } else {
            try installFilter()
        }
        try dropBoundingSet()
        try changeUser()
        try setCapabilities()
    }

    /// The last steps, in the process that will be the program.
    func execute() throws(Failure) -> Never {
        try armKillGuard()
        try check(TIMBER_STAGE_EXEC, Channel.send(channel, Channel.Header(kind: Channel.ready)))
        if has(TIMBER_PROCESS_NO_NEW_PRIVILEGES) { try installFilter() }
        if has(TIMBER_PROCESS_INIT) { try becomeInit() }
        throw executeProgram()
    }

    /// Through the host's /proc, which the child still sees when this is called. The shim's own score, which protects it, is not
    /// for the container.
    func setOOMScore() throws(Failure) {
        guard let score = oomScore else { return }
        let path = constant("/proc/self/oom_score_adj")
        let file = try check(TIMBER_STAGE_LIMITS, openPlain(AT_FDCWD, path, O_WRONLY), path)
        guard fileSystemType(file) == procMagic else { throw Failure(TIMBER_STAGE_LIMITS, ENODEV, path) }
        let written = withDecimal(Int(score)) { writeAll(file, $0) }
        close(file)
        try check(TIMBER_STAGE_LIMITS, written, path)
    }

    /// The session keyring, and the keys in it, is that of whoever started timberd. Before the filter, which allows no keyctl.
    private func leaveKeyring() throws(Failure) {
        let joined = timber_join_session_keyring()
        // ENOSYS: a kernel without keys.
        if joined != -Int(ENOSYS) { try check(TIMBER_STAGE_CAPABILITIES, joined) }
    }

    private func setLimits() throws(Failure) {
        for limit in try buffer.array(process.rlimits, of: timber_rlimit.self) {
            var value = rlimit(rlim_cur: rlim_t(limit.soft), rlim_max: rlim_t(limit.hard))
            try check(TIMBER_STAGE_LIMITS, timber_setrlimit(limit.resource, &value))
        }
    }

    /// Makes the image's working directory where it is missing: before the root may become read-only.
    func makeWorkingDirectory() throws(Failure) {
        guard has(TIMBER_PROCESS_CREATE_CWD) else { return }
        close(try openTarget(TIMBER_STAGE_CWD, try buffer.string(process.cwd), file: false, mode: 0o755))
    }

    /// Below the root, through no magic link, so that /proc/self/fd/N leads nowhere; then looks whether that was so
    /// (CVE-2024-21626).
    private func enterWorkingDirectory() throws(Failure) {
        let path = try buffer.string(process.cwd)
        let directory = try check(TIMBER_STAGE_CWD, open(path, O_DIRECTORY), path)
        try check(TIMBER_STAGE_CWD, result(fchdir(directory)), path)
        close(directory)
        let inside = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { name in
            timber_getcwd(name.baseAddress, name.count) > 0 && name[0] == CChar(bitPattern: UInt8(ascii: "/"))
        }
        if !inside { throw Failure(TIMBER_STAGE_CWD, EXDEV, path) }
    }

    /// 0, 1 and 2: the terminal, or pipes, or the container's own /dev/null. They belong to the container's user, who may open
    /// /dev/stdout by name.
    private mutating func connectStandard() throws(Failure) {
        isConnected = true
        if terminal >= 0 {
            try check(TIMBER_STAGE_USER, result(fchown(terminal, process.uid, gid_t.max)))
            for number in Int32(0)...2 { try check(TIMBER_STAGE_TERMINAL, result(dup2(terminal, number))) }
            return
        }
        try connect(standard.input, 0)
        try connect(standard.output, 1)
        try connect(standard.error, 2)
    }

    private func connect(_ pipe: Int32, _ number: Int32) throws(Failure) {
        if pipe < 0 {
            let null = try openNull(O_RDWR, TIMBER_STAGE_DEVICE)
            try check(TIMBER_STAGE_DEVICE, timber_fcntl(null, F_SETFL, 0))
            try check(TIMBER_STAGE_DEVICE, result(dup2(null, number)))
            close(null)
            return
        }
        try check(TIMBER_STAGE_USER, result(fchown(pipe, process.uid, gid_t.max)))
        try check(TIMBER_STAGE_USER, result(dup2(pipe, number)))
    }

    /// Ignored signals outlive execve, and blocked ones as well.
    private func resetSignals() throws(Failure) {
        try check(TIMBER_STAGE_EXEC, timber_signal_default(SIGPIPE))
        try check(TIMBER_STAGE_EXEC, timber_signal_default(SIGTERM))
        try check(TIMBER_STAGE_EXEC, timber_signal_default(SIGINT))
        try check(TIMBER_STAGE_EXEC, timber_signal_default(SIGHUP))
        var none = sigset_t()
        sigemptyset(&none)
        try check(TIMBER_STAGE_EXEC, result(sigprocmask(SIG_SETMASK, &none, nil)))
    }

    /// Nothing is left open but the standard streams and the channel, which execve closes.
    private func closeOthers() throws(Failure) {
        if channel > 3 { try check(TIMBER_STAGE_EXEC, timber_close_range(3, UInt32(channel) - 1, 0)) }
        try check(TIMBER_STAGE_EXEC, timber_close_range(UInt32(channel) + 1, UInt32.max, 0))
    }

    private func installFilter() throws(Failure) {
        let filter = try buffer.array(process.seccomp, of: sock_filter.self)
        if filter.isEmpty { return }
        guard filter.count <= Int(UInt16.max) else { throw Failure(TIMBER_STAGE_SECCOMP, EINVAL) }
        let program = UnsafeMutablePointer(mutating: filter.baseAddress)
        try check(TIMBER_STAGE_SECCOMP, timber_seccomp_filter(0, program, UInt16(filter.count)))
    }

    private func dropBoundingSet() throws(Failure) {
        for capability in UInt(0)..<64 where process.caps_bounding & (1 << UInt64(capability)) == 0 {
            let dropped = timber_prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            // EINVAL: beyond the kernel's last capability; the first ones exist everywhere.
            if dropped == -Int(EINVAL) && capability > 0 { break }
            try check(TIMBER_STAGE_CAPABILITIES, dropped)
        }
    }

    private func changeUser() throws(Failure) {
        try check(TIMBER_STAGE_CAPABILITIES, timber_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        let groups = try buffer.array(process.groups, of: UInt32.self)
        try check(TIMBER_STAGE_USER, timber_setgroups(groups.count, groups.baseAddress))
        try check(TIMBER_STAGE_USER, timber_setresgid(process.gid))
        try check(TIMBER_STAGE_USER, timber_setresuid(process.uid))
        try check(TIMBER_STAGE_CAPABILITIES, timber_prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
    }

    private func setCapabilities() throws(Failure) {
        let set = timber_capset(process.caps_effective, process.caps_permitted, process.caps_inheritable)
        try check(TIMBER_STAGE_CAPABILITIES, set)
        try check(TIMBER_STAGE_CAPABILITIES, timber_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0))
        for capability in UInt(0)..<64 where process.caps_ambient & (1 << UInt64(capability)) != 0 {
            let raised = timber_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_RAISE), capability, 0, 0)
            try check(TIMBER_STAGE_CAPABILITIES, raised)
        }
    }
}

/// A number's decimal digits, on the stack.
func withDecimal<Value>(_ number: Int, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { digits in
        var index = digits.count
        var rest = number.magnitude
        repeat {
            index -= 1
            digits[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            index -= 1
            digits[index] = UInt8(ascii: "-")
        }
        return body(UnsafeRawBufferPointer(rebasing: digits[index...]))
    }
}
