internal import CTimber
internal import Glibc

/// A program reached through a read-only mount that is in no mount namespace: whoever gets hold of `/proc/PID/exe` of a process
/// that runs it cannot open the file for writing (CVE-2019-5736). An upgrade that replaces the file does not change what runs.
public struct SealedProgram: Sendable {
    private let file: SharedDescriptor

    /// Opens a program.
    /// - Parameter path: the executable file.
    /// - Throws: `SystemError`.
    public init(path: String) throws {
        // OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
        let tree = Descriptor(owning: Int32(try checking("open_tree", path) { timber_open_tree(AT_FDCWD, path, 0x1 | UInt32(O_CLOEXEC)) }))
        try checking("mount_setattr", path) {
            timber_mount_setattr(tree.raw, "", 0x1000 /* AT_EMPTY_PATH */, UInt64(MOUNT_ATTR_RDONLY), 0, 0)
        }
        // A number that no file action of `spawn` overwrites.
        file = SharedDescriptor(
            Descriptor(owning: Int32(try checking("fcntl", "F_DUPFD_CLOEXEC") { timber_fcntl(tree.raw, F_DUPFD_CLOEXEC, 64) })))
    }

    /// Starts the program as PID 1 of a pid namespace of its own, with default signals, with /dev/null as 0, 1 and 2 and one
    /// descriptor as 3; all others are close-on-exec.
    ///
    /// However the program ends, the kernel then ends everything below it. PR_SET_PDEATHSIG alone does not: it is lost when a process
    /// changes its user or executes a set-user-ID file.
    /// - Parameters:
    ///   - arguments: argv, the program's name first.
    ///   - descriptor: what the program finds as descriptor 3.
    /// - Returns: the process id as the caller sees it; the caller reaps it with `reap`.
    /// - Throws: `SystemError`.
    public func spawn(arguments: [String], descriptor: Int32) throws -> Int32 {
        // From then on every child of the calling thread is born there, so it must be a thread that ends.
        try OwnThread.run(named: "spawn") {
            try checking("unshare", "CLONE_NEWPID") { timber_unshare(CLONE_NEWPID) }
            return try start(arguments, descriptor)
        }
    }

    private func start(_ arguments: [String], _ descriptor: Int32) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        try posix("posix_spawn_file_actions_init", posix_spawn_file_actions_init(&actions))
        defer { posix_spawn_file_actions_destroy(&actions) }
        try posix("posix_spawn_file_actions_adddup2", posix_spawn_file_actions_adddup2(&actions, descriptor, 3))
        try posix("posix_spawn_file_actions_addopen", posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0))
        try posix("posix_spawn_file_actions_adddup2", posix_spawn_file_actions_adddup2(&actions, 0, 1))
        try posix("posix_spawn_file_actions_adddup2", posix_spawn_file_actions_adddup2(&actions, 0, 2))
        var attributes = posix_spawnattr_t()
        try posix("posix_spawnattr_init", posix_spawnattr_init(&attributes))
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals as a new program expects them: nothing blocked, everything default.
        var none = sigset_t()
        var ignored = sigset_t()
        sigemptyset(&none)
        sigemptyset(&ignored)
        // What timberd ignores; everything else is default already.
        for number in [SIGPIPE, SIGTERM, SIGINT, SIGHUP] { sigaddset(&ignored, number) }
        try posix("posix_spawnattr_setsigmask", posix_spawnattr_setsigmask(&attributes, &none))
        try posix("posix_spawnattr_setsigdefault", posix_spawnattr_setsigdefault(&attributes, &ignored))
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        try posix("posix_spawnattr_setflags", posix_spawnattr_setflags(&attributes, Int16(flags)))
        let argv = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        let environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var pid: pid_t = 0
        try posix(
            "posix_spawn",
            posix_spawn(&pid, "/proc/self/fd/\(file.raw)", &actions, &attributes, argv, environment), arguments.first ?? "")
        return pid
    }

    private func posix(_ call: String, _ result: Int32, _ what: String = "") throws {
        if result != 0 { throw SystemError(call: call, errno: result, what: what) }
    }
}

/// Waits for a child of this process and reaps it.
/// - Parameters:
///   - pid: a child's process id.
///   - killAfter: milliseconds after which it gets SIGKILL, and has as much time again to end.
/// - Throws: `SystemError`; ECHILD when it is no child (any more), ETIMEDOUT when the kernel does not let it end.
public func reap(_ pid: Int32, killAfter: Int32) throws {
    let process = Descriptor(owning: Int32(try checking("pidfd_open", "\(pid)") { timber_pidfd_open(pid, 0) }))
    var poller = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
    if try retrying("poll", "", { poll(&poller, 1, killAfter) }) == 0 {
        try checking("pidfd_send_signal", "\(pid)") { timber_pidfd_send_signal(process.raw, SIGKILL) }
        let ended = try retrying("poll", "", { poll(&poller, 1, killAfter) })
        if ended == 0 { throw SystemError(call: "waitpid", errno: ETIMEDOUT, what: "\(pid)") }
    }
    var status: Int32 = 0
    try retrying("waitpid", "\(pid)") { waitpid(pid, &status, 0) }
}
