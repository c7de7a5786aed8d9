internal import CTimber
public import DockerAPI
internal import Errors
public import LinuxKernel
internal import Networks

/// When a wait is over.
public enum WaitUntil: Sendable {
    /// At once when it does not run, else at its end.
    case notRunning
    /// At its next end.
    case nextExit
    /// When it is removed.
    case removed
}

extension Engine {
    /// Starts a container.
    public func startContainer(_ name: String) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.start() }
    }

    /// Stops a container; see `Container.stop`.
    public func stopContainer(_ name: String, signal: String?, timeout: Int?) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.stop(signal: signal, timeout: timeout) }
    }

    /// Stops a container when it runs, then starts it.
    public func restartContainer(_ name: String, signal: String?, timeout: Int?) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.restart(signal: signal, timeout: timeout) }
    }

    /// Sends a signal.
    public func killContainer(_ name: String, signal: String) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.kill(signal) }
    }

    /// Freezes a container.
    public func pauseContainer(_ name: String) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.pause() }
    }

    /// Thaws a container.
    public func unpauseContainer(_ name: String) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.unpause() }
    }

    /// Removes a container.
    public func removeContainer(_ name: String, force: Bool, volumes: Bool) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.remove(force: force, volumes: volumes) }
    }

    /// Renames a container.
    public func renameContainer(_ name: String, to newName: String) async throws {
        let container = try container(name)
        try await toItsEnd { try await container.rename(to: newName) }
    }

    /// Changes a container's limits and restart policy.
    public func updateContainer(_ name: String, _ request: ContainerUpdateRequest) async throws -> ContainerUpdateResponse {
        let container = try container(name)
        return ContainerUpdateResponse(warnings: try await toItsEnd { try await container.update(request) })
    }

    /// Sets the size of a container's terminal.
    public func resizeContainer(_ name: String, rows: Int, columns: Int) async throws {
        try await container(name).resize(rows: rows, columns: columns)
    }

    /// Registers a wait; the closure that is returned gives the exit status.
    public func waitContainer(_ name: String, until: WaitUntil) async throws -> @Sendable () async throws -> Int32 {
        let container = try container(name)
        return try await container.wait(until: until)
    }

    /// Connects to a container's streams.
    public func attachContainer(
        _ name: String, stdin: Bool, stdout: Bool, stderr: Bool
    ) async throws -> (stream: SharedDescriptor, isTerminal: Bool) {
        let container = try container(name)
        return try await container.attach(stdin: stdin, stdout: stdout, stderr: stderr)
    }

    /// What to show of a container's log.
    public struct LogRequest: Sendable {
        /// Standard output.
        public var stdout = true
        /// Standard error.
        public var stderr = true
        /// The time before each line.
        public var timestamps = false
        /// Go on until the container ends.
        public var follow = false
        /// How many of the last lines; nil: all.
        public var tail: Int?
        /// Seconds and nanoseconds since 1970.
        public var since, until: (seconds: Int64, nanoseconds: Int32)?

        /// Everything, once.
        public init() {}
    }

    /// A container's log as its client gets it: multiplexed, or raw with a terminal.
    /// - Returns: whether it has a terminal, and a function that emits all of it and returns at the end.
    public func containerLogs(_ name: String, _ request: LogRequest) throws
        -> (isTerminal: Bool, read: @Sendable (_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Void)
    {
        let container = try container(name)
        let snapshot = try snapshot(name)
        guard request.stdout || request.stderr else {
            throw TimberError(.invalidArgument, "logs of \(name): choose stdout, stderr or both")
        }
        var query = LogQuery(stdout: request.stdout, stderr: request.stderr, timestamps: request.timestamps, follow: request.follow)
        query.tail = request.tail
        query.since = request.since.map { Timestamp(seconds: $0.seconds, nanoseconds: $0.nanoseconds) }
        query.until = request.until.map { Timestamp(seconds: $0.seconds, nanoseconds: $0.nanoseconds) }
        let terminal = snapshot.definition.config.tty
        let reader = LogReader(files: LogFiles(directory: services.paths.container(snapshot.id)), query: query)
        let watched = request.follow ? services.paths.container(snapshot.id) : nil
        return (
            terminal,
            { emit in
                let watch = try watched.map { try DirectoryWatch(path: $0) }
                let presence = request.follow ? try await container.followLog() : nil
                defer { withExtendedLifetime(presence) {} }
                let waker = Task {
                    guard let watch else { return }
                    let end = try await container.wait(until: .notRunning)
                    _ = try await end()
                    watch.wake()
                }
                defer { waker.cancel() }
                try await reader.read(isRunning: { await container.lifecycle.run != nil }, watch: watch) { stream, bytes in
                    try await emit(terminal ? bytes : StreamFrame.frame(stream == .stdout ? .stdout : .stderr, bytes))
                }
            }
        )
    }

    /// Removes the containers that do not run.
    /// - Parameters:
    ///   - matching: which of them.
    public func pruneContainers(filters: [String: [String]]) async throws -> ContainersPruneReport {
        var report = ContainersPruneReport()
        let filter = try ContainerFilter(filters, allowed: ["until", "label", "label!"])
        for snapshot in services.registry.snapshots where filter.matches(snapshot) {
            switch snapshot.lifecycle.phase {
            case .created, .exited: break
            case .starting, .running, .restarting, .removing: continue
            }
            do {
                let size = try await containerSize(snapshot.id)
                try await container(snapshot.id).remove(force: false, volumes: false)
                report.containersDeleted.append(snapshot.id)
                report.spaceReclaimed += UInt64(size)
            } catch let error as TimberError where error.code == .conflict || error.code == .notFound {
                continue  // It was started or removed meanwhile.
            }
        }
        services.events.pruned("container", reclaimed: Int64(clamping: report.spaceReclaimed))
        return report
    }

    /// Bytes in a container's own layer.
    func containerSize(_ id: String) async throws -> Int64 {
        let upper = "\(services.paths.container(id))/upper"
        return try await BlockingPool.shared.run { try Tree.size(upper) }
    }
}

/// Runs a change of state to its end, even when the client that asked for it goes away in the middle: half a start helps nobody.
func toItsEnd<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await Task { try await body() }.value
}

extension Container {
    /// Registers a wait now; the closure gives the exit status later.
    func wait(until: WaitUntil) throws -> @Sendable () async throws -> Int32 {
        switch until {
        case .removed:
            let removed = removed
            return { try await removed.value().code }
        case .notRunning where !lifecycle.isUp && lifecycle.phase != .starting:
            let code = lifecycle.lastExit?.code ?? 0
            return { code }
        case .notRunning, .nextExit:
            let end = nextExit
            return { try await end.value().code }
        }
    }
}
