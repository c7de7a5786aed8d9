internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Container {
    /// Sends the stop signal, after `timeout` seconds SIGKILL, and returns when the container has ended and given everything back.
    /// - Parameters:
    ///   - signal: nil: the container's own, by default SIGTERM.
    ///   - timeout: seconds; -1: for ever; nil: the container's own, by default 10.
    /// - Throws: `TimberError.notModified` when it does not run.
    func stop(signal: String?, timeout: Int?) async throws {
        let stopSignal = try Signals.number(signal ?? definition.config.stopSignal, default: SIGTERM)
        // Also of one that is about to start and waits for a client's archive.
        interruptAll()
        guard isStoppable else { throw TimberError(.notModified, "container \(name) is not running") }
        if try await !giveUpRestart(byHand: true) {
            guard lifecycle.run != nil else { throw TimberError(.notModified, "container \(name) is not running") }
            try await end(by: stopSignal, timeout: timeout)
        }
        services.events.container("stop", snapshot)
    }

    /// It runs, starts or waits for its next start.
    private var isStoppable: Bool { lifecycle.isUp || lifecycle.phase == .starting }

    /// Sends a signal to what runs, after a while SIGKILL, and returns when it has ended.
    private func end(by stopSignal: Int32, timeout: Int?) async throws {
        let seconds = timeout ?? definition.config.stopTimeout ?? 10
        let end = nextExit
        try await send(signal: stopSignal)
        if try await !ended(end, within: seconds) {
            if lifecycle.run != nil { try await send(signal: SIGKILL) }
            if try await end.value(within: .seconds(10)) == nil {
                throw TimberError(
                    .unavailable, "container \(name) did not end 10 s after SIGKILL: a process of it is blocked in the kernel")
            }
        }
    }

    /// Waits for the end: `seconds`, or for ever when they are negative.
    private func ended(_ end: OneShot<Lifecycle.Exit>, within seconds: Int) async throws -> Bool {
        guard seconds >= 0 else {
            _ = try await end.value()
            return true
        }
        return seconds > 0 ? try await end.value(within: .seconds(min(seconds, 1_000_000_000))) != nil : false
    }

    /// Sends a signal; with SIGKILL returns when the container has ended, as Docker does. One that asks it to end also ends the waiting
    /// for its next start.
    func kill(_ signal: String) async throws {
        let number = try Signals.number(signal, default: SIGKILL)
        guard lifecycle.isUp else { throw TimberError(.conflict, "container \(name) is not running") }
        let stopSignal = try Signals.number(definition.config.stopSignal, default: SIGTERM)
        let end = nextExit
        let wasRunning = lifecycle.run != nil
        if [SIGKILL, SIGTERM, stopSignal].contains(number) {
            if try await giveUpRestart(byHand: true) {
                return services.events.container("kill", snapshot, extra: ["signal": "\(number)"])
            }
        } else if lifecycle.isRestarting {
            throw TimberError(.conflict, "container \(name) is restarting, wait until it is running")
        }
        guard wasRunning || lifecycle.run != nil else { throw TimberError(.conflict, "container \(name) is not running") }
        try await send(signal: number)
        services.events.container("kill", snapshot, extra: ["signal": "\(number)"])
        if number == SIGKILL, try await end.value(within: .seconds(10)) == nil {
            throw TimberError(.unavailable, "container \(name) did not end 10 s after SIGKILL: a process of it is blocked in the kernel")
        }
    }

    /// Stops it when it runs, then starts it.
    func restart(signal: String?, timeout: Int?) async throws {
        let stopSignal = try Signals.number(signal ?? definition.config.stopSignal, default: SIGTERM)
        if isStoppable {
            interruptAll()
            restartsByHand += 1
            defer { restartsByHand -= 1 }
            _ = try await giveUpRestart(byHand: false)
            if lifecycle.run != nil {
                try await end(by: stopSignal, timeout: timeout)
                services.events.container("stop", snapshot)
            }
        }
        try await start()
        services.events.container("restart", snapshot)
    }

    /// Freezes every process.
    func pause() async throws {
        var next = lifecycle
        do {
            try next.pause()
        } catch let error as TimberError {
            throw TimberError(error.code, "cannot pause container \(name): \(error.message)")
        }
        guard let cgroup = run.cgroup else { throw TimberError(.conflict, "container \(name) is not running") }
        pauses += 1
        try await BlockingPool.shared.run { try cgroup.freeze() }
        guard lifecycle.run != nil else { throw TimberError(.conflict, "container \(name) ended while it was paused") }
        try lifecycle.pause()
        pauses += 1
        try await persist()
        services.events.container("pause", snapshot)
    }

    /// Thaws every process.
    func unpause() async throws {
        var next = lifecycle
        try next.unpause()
        guard let cgroup = run.cgroup else { throw TimberError(.conflict, "container \(name) is not running") }
        try await BlockingPool.shared.run { try cgroup.thaw() }
        guard lifecycle.run?.paused == true else { return }
        try lifecycle.unpause()
        try await persist()
        services.events.container("unpause", snapshot)
    }

    /// Sets the size of the container's terminal.
    func resize(rows: Int, columns: Int) throws {
        guard lifecycle.run != nil, let shim = run.shim else { throw TimberError(.conflict, "container \(name) is not running") }
        try shim.send(TIMBER_REQUEST_RESIZE, value: try WindowSize.packed(rows: rows, columns: columns))
    }

    private func send(signal: Int32) async throws {
        // Without one the process has ended, and what the run held is being given back; the caller waits for the end of that.
        guard let shim = run.shim else { return }
        do {
            try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(signal))
        } catch let error as SystemError where error.errno == EPIPE || error.errno == ECONNRESET {
            return  // The shim has just ended, and the container with it.
        }
        // A frozen process does not even die, and one that is asked to stop must hear it.
        let stopSignal = try Signals.number(definition.config.stopSignal, default: SIGTERM)
        if lifecycle.run?.paused == true, let cgroup = run.cgroup, [SIGKILL, SIGTERM, stopSignal].contains(signal) {
            try await BlockingPool.shared.run { try cgroup.thaw() }
            guard lifecycle.run?.paused == true else { return }
            try lifecycle.unpause()
            try await persist()
        }
    }
}

/// Terminal sizes on the wire.
enum WindowSize {
    /// rows << 16 | columns.
    /// - Throws: `TimberError.invalidArgument` when one does not fit 16 bits.
    static func packed(rows: Int, columns: Int) throws -> UInt32 {
        guard let rows = UInt16(exactly: rows), let columns = UInt16(exactly: columns) else {
            throw TimberError(.invalidArgument, "invalid terminal size \(rows)x\(columns): each is 0 to 65535")
        }
        return UInt32(rows) << 16 | UInt32(columns)
    }
}
