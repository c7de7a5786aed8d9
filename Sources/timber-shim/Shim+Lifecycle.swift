import CTimber

// From clone to the last event of a process.
extension Shim {
    /// What an exec'd process's streams may still be held open for by something else in the container, in milliseconds.
    private static var execGrace: Int { 100 }
    /// The same for the first process: nothing of its pid namespace is left, but a container may share the host's.
    private static var firstGrace: Int { 1_000 }

    /// Reads what a child says between clone and execve.
    func readChannel(_ process: ContainerProcess) {
        while process.channel.isOpen {
            var came: [Int32] = []
            let capacity = MemoryLayout<Channel.Header>.size + Channel.maximumDetail
            let ended = withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { bytes -> Bool? in
                var sender: pid_t = 0
                let count = receive(process.channel.raw, bytes, Int32(MSG_DONTWAIT), into: &came, sender: &sender)
                if count == -Int(EAGAIN) { return nil }
                if count <= 0 { return true }
                if sender != 0, sender != process.helperPid { meet(process, sender) }
                takeMessage(process, UnsafeRawBufferPointer(rebasing: bytes[..<count]), &came)
                return false
            }
            for descriptor in came where descriptor >= 0 { close(descriptor) }
            guard let ended else { return }
            if ended { endChannel(process) }
        }
    }

    private func takeMessage(_ process: ContainerProcess, _ bytes: UnsafeRawBufferPointer, _ descriptors: inout [Int32]) {
        let size = MemoryLayout<Channel.Header>.size
        guard bytes.count >= size else { return }
        let header = bytes.loadUnaligned(as: Channel.Header.self)
        switch header.kind {
        case Channel.ready:
            process.isReady = true
        case Channel.failed:
            process.failure = LaunchFailure(stage: header.stage, error: header.value, detail: [UInt8](bytes[size...]))
        case Channel.terminal:
            guard descriptors.count == 1, !process.output.isOpen else { return }
            adoptTerminal(process, descriptors[0])
            descriptors[0] = -1
        default:
            break
        }
    }

    /// A child: from now on its end is seen.
    func adopt(_ process: ContainerProcess, _ pid: Int32, _ handle: Int32) {
        process.handle = Descriptor(owning: handle)
        process.pid = pids.hostPid(pid, handle)
        process.group = pid
        process.startTicks = pids.startTicks(process.pid)
        poller.set(handle, Token(.exit, process.number), &process.handleWatch, to: readable)
    }

    /// The process that a helper made has said something. It is not reaped, so the number is its own, also when it has ended since.
    private func meet(_ process: ContainerProcess, _ pid: pid_t) {
        if process.handle.isOpen { return }
        let handle = timber_pidfd_open(pid, 0)
        if handle < 0 {
            _ = kill(pid, SIGKILL)
            process.failure = LaunchFailure(stage: TIMBER_STAGE_CLONE.rawValue, error: Int32(-handle), detail: [])
            return
        }
        adopt(process, pid, Int32(handle))
        if process.pendingSignal != 0 { signal(process, process.pendingSignal) }
    }

    /// Sends a signal to a process, and to its group when it leads one; before it is there, to its helper and to it later.
    func signal(_ process: ContainerProcess, _ number: Int32) {
        if process.hasExited { return }
        guard process.handle.isOpen else {
            process.pendingSignal = number
            if process.helper.isOpen { _ = timber_pidfd_send_signal(process.helper.raw, number) }
            return
        }
        // ESRCH: it has just ended, and EXITED is on its way.
        _ = timber_pidfd_send_signal(process.handle.raw, number)
        // Not reaped yet: the number is still its own.
        if process.number != 0, process.isReady, process.group > 1 { kill(-process.group, number) }
    }

    /// Reaps children that nobody waits for: what came out of a helper and ended before it could say so, and what lost its parent in the
    /// container. As long as they are zombies the end of the container's pid namespace waits for them.
    func reapStrangers() {
        // More children than that do not end at once without another signal.
        for _ in 0..<4096 {
            var information = siginfo_t()
            let waited = retrying { result(waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT)) }
            let pid = timber_siginfo_pid(&information)
            if waited < 0 || pid == 0 { return }
            // What one of them has said tells whose it is.
            for process in processes where process.state == .launching { readChannel(process) }
            if let process = processes.first(where: { $0.handle.isOpen && !$0.hasExited && $0.group == pid }) {
                reap(process)
            } else if let process = processes.first(where: { $0.helper.isOpen && $0.helperPid == pid }) {
                reapHelper(process)
            } else {
                let reaped = retrying { result(waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG)) }
                if reaped < 0 { return }
            }
        }
    }

    func reapHelper(_ process: ContainerProcess) {
        var information = siginfo_t()
        let waited = retrying { timber_waitid_pidfd(process.helper.raw, &information, WEXITED | WNOHANG) }
        if waited < 0 || timber_siginfo_pid(&information) == 0 { return }
        poller.set(process.helper.raw, Token(.helper, process.number), &process.helperWatch, to: nil)
        process.helper = Descriptor()
        readChannel(process)
        conclude(process)
    }

    /// The master arrives: read from one descriptor, write to another, so that each has its own place in the epoll set.
    private func adoptTerminal(_ process: ContainerProcess, _ master: Int32) {
        setNonblocking(master)
        process.output = Descriptor(owning: master)
        if process.has(TIMBER_PROCESS_STDIN) {
            process.input = Descriptor(owning: Int32(timber_fcntl(master, F_DUPFD_CLOEXEC, 3)))
        }
        applySize(process)
        updateHold(process)
    }

    /// execve closed the child's end, or the child is dead.
    private func endChannel(_ process: ContainerProcess) {
        poller.set(process.channel.raw, Token(.channel, process.number), &process.channelWatch, to: nil)
        process.channel = Descriptor()
        guard process.state == .launching else { return }
        guard process.isReady, process.failure == nil, process.handle.isOpen else { return conclude(process) }
        process.state = .running
        broadcast(TIMBER_EVENT_STARTED, process: process.number, value: UInt32(bitPattern: process.pid), noBytes)
        if process.hasExited { finish(process) }
    }

    /// The pidfd is readable: the process has ended, and with the first one everything in its pid namespace.
    func reap(_ process: ContainerProcess) {
        if process.hasExited { return }
        // First what it said, which may be that it goes on as another.
        readChannel(process)
        var information = siginfo_t()
        let waited = retrying { timber_waitid_pidfd(process.handle.raw, &information, WEXITED | WNOHANG) }
        if waited < 0 || timber_siginfo_pid(&information) == 0 { return }
        process.hasExited = true
        poller.set(process.handle.raw, Token(.exit, process.number), &process.handleWatch, to: nil)
        let time = now(CLOCK_REALTIME)
        process.exit = timber_exit(
            seconds: Int64(time.tv_sec), nanoseconds: Int32(truncatingIfNeeded: time.tv_nsec), status: waitStatus(&information))
        if process.state == .running { finish(process) } else { conclude(process) }
    }

    /// A process that ran has ended.
    private func finish(_ process: ContainerProcess) {
        if process.number == 0 { recordExit(process, nil) }
        updateHold(process)
        readOutput(process, .output)
        readOutput(process, .error)
        process.drainDeadline = monotonicMilliseconds() + (process.number == 0 ? Self.firstGrace : Self.execGrace)
        conclude(process)
    }

    /// What waitpid(2) would have said.
    private func waitStatus(_ information: inout siginfo_t) -> Int32 {
        let status = timber_siginfo_status(&information)
        switch Int(timber_siginfo_code(&information)) {
        case CLD_EXITED: return (status & 0xff) << 8
        case CLD_DUMPED: return (status & 0x7f) | 0x80
        default: return status & 0x7f
        }
    }

    /// The exit record is written before anybody hears of the end.
    private func recordExit(_ process: ContainerProcess, _ failure: LaunchFailure?) {
        if bundle < 0 { return }
        // A record that cannot be written leaves the event; timberd then sees a shim that ended without a record.
        _ = writeExitRecord(bundle, process.exit, failure)
    }

    /// Once a process has ended and its streams are drained: says so, and lets its clients go.
    func conclude(_ process: ContainerProcess) {
        guard process.state != .ended, !process.helper.isOpen else { return }
        // An exec's helper may have ended without the process that was to come out of it.
        guard process.hasExited || !process.handle.isOpen && !process.channel.isOpen else { return }
        if process.state == .launching {
            fail(process, process.failure ?? LaunchFailure(stage: TIMBER_STAGE_LOST.rawValue, error: ECHILD, detail: []))
            return
        }
        if process.output.isOpen || process.error.isOpen { return }
        process.state = .ended
        if process.number == 0 { log?.finish() }
        withUnsafeBytes(of: &process.exit) {
            broadcast(TIMBER_EVENT_EXITED, process: process.number, value: UInt32(bitPattern: process.exit.status), $0)
        }
        retire(process)
    }

    /// A process that never ran.
    func fail(_ process: ContainerProcess, _ failure: LaunchFailure) {
        process.state = .ended
        let time = now(CLOCK_REALTIME)
        // As a shell says it: 127 for a program that is not there, 126 for one that cannot be run.
        let isMissing = failure.stage == TIMBER_STAGE_EXEC.rawValue && failure.error == ENOENT
        process.exit = timber_exit(
            seconds: Int64(time.tv_sec), nanoseconds: Int32(truncatingIfNeeded: time.tv_nsec), status: (isMissing ? 127 : 126) << 8)
        if process.number == 0 { recordExit(process, failure) }
        failure.payload.withUnsafeBytes { broadcast(TIMBER_EVENT_FAILED, process: process.number, value: failure.stage, $0) }
        closeOutput(process, .output)
        closeOutput(process, .error)
        retire(process)
    }

    private func retire(_ process: ContainerProcess) {
        process.drainDeadline = 0
        closeInput(process)
        poller.set(process.handle.raw, Token(.exit, process.number), &process.handleWatch, to: nil)
        poller.set(process.channel.raw, Token(.channel, process.number), &process.channelWatch, to: nil)
        ended.append(process.status)
        endStreams(process.number)
        processes.removeAll { $0 === process }
        if process.number == 0 { leave() }
    }

    /// The first process is gone: what it left running in a shared pid namespace goes with it, then the shim.
    private func leave() {
        phase = .leaving
        deadline = monotonicMilliseconds() + Self.flushPatience
        for process in processes where process.handle.isOpen { _ = timber_pidfd_send_signal(process.handle.raw, SIGKILL) }
        // Clients of numbers that never came.
        for connection in connections where connection.isStream && self.process(connection.process) == nil { endStream(connection) }
    }
}
