internal import Errors

/// The lifecycle of one container as a pure value: events go in, an impossible one throws, and nothing else happens here.
///
///     created ──start──▶ starting ──started──▶ running ──exited──▶ exited ──start──▶ starting …
///                            └──failed──▶ created or exited           └──remove──▶ removing
struct Lifecycle: Sendable, Codable, Equatable {
    private(set) var phase: Phase
    /// How the last run ended; nil before the first.
    private(set) var lastExit: Exit?
    /// When the last run began; nil before the first.
    private(set) var startedAt: Timestamp?

    enum Phase: Sendable, Codable, Equatable {
        case created
        case starting
        case running(Run)
        case exited
        case removing
    }

    /// A container that runs: identity is pid, start ticks and boot id together, since a pid alone is used again.
    struct Run: Sendable, Codable, Equatable {
        var pid: Int32
        var bootID: String
        var paused = false
    }

    struct Exit: Sendable, Codable, Equatable {
        var code: Int32
        var finishedAt: Timestamp
        var outOfMemory = false
        /// Why it could not start, or why it was lost; empty for an ordinary end.
        var error = ""
    }

    init() {
        phase = .created
    }

    /// A start was asked for.
    mutating func start() throws {
        switch phase {
        case .created, .exited: phase = .starting
        case .running(let run) where run.paused:
            throw TimberError(.conflict, "the container is paused; unpause it instead of starting it")
        case .running, .starting: throw TimberError(.notModified, "the container is already started")
        case .removing: throw Self.beingRemoved
        }
    }

    /// The shim says that the process runs.
    mutating func started(pid: Int32, bootID: String, at time: Timestamp) throws {
        guard case .starting = phase else { throw impossible("started") }
        phase = .running(Run(pid: pid, bootID: bootID))
        startedAt = time
    }

    /// The start did not come to a running process.
    mutating func failed(_ exit: Exit) throws {
        guard case .starting = phase else { throw impossible("failed") }
        phase = startedAt == nil ? .created : .exited
        lastExit = exit
    }

    /// The process ended, or its shim did.
    mutating func exited(_ exit: Exit) throws {
        switch phase {
        case .running, .starting:
            phase = .exited
            lastExit = exit
        case .created, .exited, .removing: throw impossible("exited")
        }
    }

    mutating func pause() throws {
        guard case .running(var run) = phase else { throw notRunning }
        if run.paused { throw TimberError(.conflict, "the container is already paused") }
        run.paused = true
        phase = .running(run)
    }

    mutating func unpause() throws {
        guard case .running(var run) = phase else { throw notRunning }
        if !run.paused { throw TimberError(.conflict, "the container is not paused") }
        run.paused = false
        phase = .running(run)
    }

    /// Removal begins; nothing else is possible afterwards.
    mutating func remove() throws {
        switch phase {
        case .created, .exited: phase = .removing
        case .removing: throw Self.beingRemoved
        case .running(let run):
            throw TimberError(
                .conflict,
                run.paused
                    ? "the container is paused and must be unpaused first"
                    : "the container is running: stop it before removal, or remove it with force")
        case .starting: throw TimberError(.conflict, "the container is just starting: stop it before removal, or remove it with force")
        }
    }

    /// The run, when there is one.
    var run: Run? {
        if case .running(let run) = phase { return run }
        return nil
    }

    /// Docker's word for the state.
    var status: String {
        switch phase {
        case .created, .starting: startedAt == nil ? "created" : "exited"
        case .running(let run): run.paused ? "paused" : "running"
        case .exited: "exited"
        case .removing: "removing"
        }
    }

    private var notRunning: TimberError { TimberError(.conflict, "the container is not running") }
    private static let beingRemoved = TimberError(.conflict, "the container is being removed")

    private func impossible(_ event: String) -> TimberError {
        TimberError(.internal, "a container that is \(status) cannot become \(event)")
    }
}
