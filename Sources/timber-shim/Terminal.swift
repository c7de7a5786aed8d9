import CTimber

extension Child {
    /// Opens a pseudoterminal of the container's own devpts; its master goes to the shim.
    mutating func openTerminal() throws(Failure) {
        guard has(TIMBER_PROCESS_TTY) else { return }
        let instance = try check(TIMBER_STAGE_TERMINAL, open("/dev/pts", O_DIRECTORY, resolve: RESOLVE_NO_SYMLINKS), constant("/dev/pts"))
        guard fileSystemType(instance) == devptsMagic else { throw Failure(TIMBER_STAGE_TERMINAL, ENODEV, constant("/dev/pts")) }
        let flags = UInt64(O_RDWR | O_NOCTTY | O_NOFOLLOW) | openFlags
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
        let master = try check(TIMBER_STAGE_TERMINAL, timber_openat2(instance, "ptmx", flags, 0, resolve), constant("/dev/pts/ptmx"))
        guard isCharacterDevice(master, 5, 2) else { throw Failure(TIMBER_STAGE_TERMINAL, ENODEV, constant("/dev/pts/ptmx")) }
        try check(TIMBER_STAGE_TERMINAL, timber_pty_unlock(master))
        // The slave by its master, not by a path that the container could have replaced.
        terminal = try check(TIMBER_STAGE_TERMINAL, timber_pty_peer(master, O_RDWR | O_NOCTTY | O_CLOEXEC))
        if process.rows != 0 || process.columns != 0 {
            var size = winsize(ws_row: process.rows, ws_col: process.columns, ws_xpixel: 0, ws_ypixel: 0)
            try check(TIMBER_STAGE_TERMINAL, timber_ioctl_pointer(master, UInt(TIOCSWINSZ), &size))
        }
        try check(TIMBER_STAGE_TERMINAL, Channel.send(channel, Channel.Header(kind: Channel.terminal), descriptor: master))
        close(master)
        close(instance)
    }

    /// A session of its own, and the terminal as its controlling one.
    func leadSession() throws(Failure) {
        try check(TIMBER_STAGE_TERMINAL, result(setsid()))
        // Once it is connected the terminal is descriptor 0, too.
        if terminal >= 0 { try check(TIMBER_STAGE_TERMINAL, timber_ioctl_int(isConnected ? 0 : terminal, UInt(TIOCSCTTY), 0)) }
    }

    /// Binds the terminal on /dev/console: the node is a file that was made here or is an empty one, never a symlink
    /// (CVE-2025-52565, CVE-2026-88264).
    func bindConsole() throws(Failure) {
        guard terminal >= 0 else { return }
        let path = constant("/dev/console")
        let (directory, name) = try openParent(TIMBER_STAGE_TERMINAL, path)
        let made = openPlain(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode: 0o600)
        if made >= 0 { close(Int32(made)) } else if made != -Int(EEXIST) { try check(TIMBER_STAGE_TERMINAL, made, path) }
        let target = try check(TIMBER_STAGE_TERMINAL, openPlain(directory, name, O_PATH | O_NOFOLLOW), path)
        var status = stat()
        try check(TIMBER_STAGE_TERMINAL, result(fstat(target, &status)), path)
        guard status.kind == S_IFREG || status.kind == S_IFCHR else { throw Failure(TIMBER_STAGE_TERMINAL, ELOOP, path) }
        let tree = try check(TIMBER_STAGE_TERMINAL, cloneMount(terminal), path)
        try attach(TIMBER_STAGE_TERMINAL, tree, target, path)
        close(tree)
        close(target)
        close(directory)
    }
}
