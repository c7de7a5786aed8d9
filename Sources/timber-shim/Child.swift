import CTimber

/// What runs between clone and execve, in the child. It allocates nothing: everything it needs was made before clone, and strings
/// stay where they are in the request's buffer.
struct Child {
    let buffer: PlanBuffer
    let process: timber_process
    let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    let environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    let channel: Int32
    /// The shim's end of the channel, inherited by clone; closed first so that its end can be seen.
    let shimChannel: Int32
    /// Pipe ends for 0, 1 and 2; -1 where there is none.
    let standard: (input: Int32, output: Int32, error: Int32)
    /// What oom_score_adj has to be set to; nil to leave it.
    let oomScore: Int32?
    /// The container's root, O_PATH.
    var root: Int32 = -1
    /// The terminal's slave with TTY.
    var terminal: Int32 = -1
    /// The standard streams are in place, and `terminal` is closed.
    var isConnected = false

    func has(_ flag: UInt32) -> Bool { process.flags & flag != 0 }

    /// Tells the shim why there is no container and ends.
    func fail(_ failure: Failure) -> Never {
        let header = Channel.Header(kind: Channel.failed, stage: failure.stage.rawValue, value: failure.error)
        // Nothing is left to do when this fails too: the channel then ends without READY, which is a failure as well.
        _ = Channel.send(channel, header, detail: failure.detail)
        _exit(1)
    }

    /// The steps of a container's first process. The order is the reason of most of them:
    /// - the kill guard first, so that no later step can outlive the shim;
    /// - cgroups before everything that costs memory, the cgroup namespace after them, so that its root is the container's group;
    /// - propagation before the first mount, so that none reaches the host;
    /// - the working directory is made before the root may become read-only, and entered after pivot_root.
    mutating func launchContainer(_ plan: timber_plan, overlay: UnsafePointer<CChar>?, _ trees: UnsafeMutablePointer<Int32>) -> Never {
        close(shimChannel)
        do {
            try armKillGuard()
            try setOOMScore()
            try enterNamespaces(plan)
            try joinCgroups(plan.cgroup_tasks_fds)
            if plan.clone_flags & UInt64(CLONE_NEWCGROUP) != 0 {
                try check(TIMBER_STAGE_CGROUP, timber_unshare(CLONE_NEWCGROUP))
            }
            try isolateMounts()
            try mountRoot(plan, overlay: overlay)
            try mountAll(plan.mounts, trees)
            try makeDevices(plan)
            try nameHost(plan)
            try writeSysctls(plan.sysctls)
            try openTerminal()
            try leadSession()
            try bindConsole()
            try makeWorkingDirectory()
            try pivot()
            try finishMounts(plan.mounts, trees)
            try protectPaths(plan)
            try confine()
            try execute()
        } catch {
            fail(error)
        }
    }

    /// The steps of a further process: into the namespaces of the first one, then the same confinement, and only then into its pid
    /// namespace, by a second clone. The container's processes never see a process in their /proc that has more than they have:
    /// not the descriptors of the host, not the capabilities to be ptraced for (CVE-2016-9962).
    mutating func launchExec(_ request: timber_exec, into container: Int32) -> Never {
        close(shimChannel)
        do {
            try armKillGuard()
            try setOOMScore()
            try joinCgroups(request.cgroup_tasks_fds)
            try joinNamespaces(of: container)
            try openTerminal()
            try makeWorkingDirectory()
            try confine()
            try appear()
            try leadSession()
            try execute()
        } catch {
            fail(error)
        }
    }

    /// Goes on in a new process, which is the shim's child like this one and lives in the container's pid namespace. The kernel tells the
    /// shim who it is, with the first message that it sends. A pidfd in a message would not do: without CAP_SYS_ADMIN the kernel
    /// counts it among all descriptors that are under way as this user's, in all containers, and refuses it above RLIMIT_NOFILE.
    private func appear() throws(Failure) {
        if try check(TIMBER_STAGE_CLONE, timber_clone_sibling()) != 0 { _exit(0) }
    }

    /// Ends this process when the shim does, and finds out whether it already has. The signal is lost at each change of uid, so
    /// this is called again after it.
    func armKillGuard() throws(Failure) {
        try check(TIMBER_STAGE_CLONE, timber_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0))
        // getppid() is 0 across a pid namespace; the channel's other end closes with the shim.
        var state = pollfd(fd: channel, events: 0, revents: 0)
        let ready = retrying { result(poll(&state, 1, 0)) }
        if ready != 0 { throw Failure(TIMBER_STAGE_CLONE, ESRCH) }
    }
}
