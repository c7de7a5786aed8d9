internal import Errors

/// The lifecycle of one container as a pure value: events go in, an impossible one throws, and nothing else happens here.
///
///     created ──start──▶ starting ──started──▶ running ──exited──▶ exited ──start──▶ starting …
///                            ├──failed──▶ created or exited   │       └──remove──▶ removing
///                            └──failed──▶ restarting ◀──exited┘
///                                           ├──startAgain──▶ starting
///                                           └──stop──▶ exited
struct Lifecycle: Sendable, Codable, Equatable {
    private(set) var phase: Phase
    /// How the last run ended; nil before the first.
    private(set) var lastExit: Exit?
    /// When the last run began; nil before the first.
    private(set) var startedAt: Timestamp?
    /// What the restart policy remembers.
    private(set) var restarts = RestartState()

    enum Phase: Sendable, Codable, Equatable {
        case created
        case starting
        case running(Run)
        case exited
        /// It ended, and its restart policy starts it in a moment.
        case restarting
        case removing
    }

    /// A container that runs: identity is pid, start ticks and boot id together, since a pid alone is used again.
    struct Run: Sendable, Codable, Equatable {
        var pid: Int32
        var bootID: String
        var paused = false
        /// Paused by a commit, which unpauses it again; missing in older rows.
        var pausedForCommit: Bool?

        var isPausedForCommit: Bool { pausedForCommit == true }
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

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        phase = try values.decode(Phase.self, forKey: .phase)
        lastExit = try values.decodeIfPresent(Exit.self, forKey: .lastExit)
        startedAt = try values.decodeIfPresent(Timestamp.self, forKey: .startedAt)
        // Rows from before there were restart policies have none.
        restarts = try values.decodeIfPresent(RestartState.self, forKey: .restarts) ?? RestartState()
    }

    /// Somebody asked for a start.
    mutating func start() throws {
        switch phase {
        case .created, .exited:
            phase = .starting
            restarts.startedByHand()
        case .running(let run) where run.paused:
            throw TimberError(.conflict, "the container is paused; unpause it instead of starting it")
        case .running, .starting, .restarting: throw TimberError(.notModified, "the container is already started")
        case .removing: throw Self.beingRemoved
        }
    }

    /// The restart policy starts it.
    mutating func startAgain() throws {
        guard case .restarting = phase else { throw impossible("starting") }
        phase = .starting
    }

    /// Somebody wants it to end: its policy does not start it any more.
    mutating func stoppedByHand() {
        restarts.stoppedByHand()
        if case .restarting = phase { phase = .exited }
    }

    /// It is not to be started by its policy, which is nothing to remember.
    mutating func giveUpRestart() {
        restarts.settled()
        if case .restarting = phase { phase = .exited }
    }

    /// A daemon has started and finds the container at rest.
    /// - Returns: whether it is to be started.
    mutating func daemonStarted(rule: RestartRule) -> Bool {
        switch phase {
        case .restarting: return true
        // What was never started is not for a policy to start.
        case .exited:
            guard restarts.daemonStarted(rule: rule) else { return false }
            phase = .restarting
            return true
        case .created, .starting, .running, .removing: return false
        }
    }

    /// The shim says that the process runs.
    mutating func started(pid: Int32, bootID: String, at time: Timestamp) throws {
        guard case .starting = phase else { throw impossible("started") }
        phase = .running(Run(pid: pid, bootID: bootID))
        startedAt = time
        restarts.settled()
    }

    /// The start did not come to a running process.
    /// - Returns: when the policy tries again, if it was the policy's.
    mutating func failed(_ exit: Exit, rule: RestartRule) throws -> Duration? {
        guard case .starting = phase else { throw impossible("failed") }
        lastExit = exit
        let delay = restarts.isUnderWay ? restarts.ended(code: exit.code, after: 0, rule: rule) : nil
        phase = delay != nil ? .restarting : startedAt == nil ? .created : .exited
        return delay
    }

    /// The process ended, or its shim did.
    /// - Returns: when the policy starts it again.
    mutating func exited(_ exit: Exit, rule: RestartRule) throws -> Duration? {
        var seconds: Int64 = 0
        switch phase {
        case .running: if let startedAt { seconds = exit.finishedAt.seconds - startedAt.seconds }
        case .starting: break
        case .created, .exited, .restarting, .removing: throw impossible("exited")
        }
        lastExit = exit
        let delay = restarts.ended(code: exit.code, after: seconds, rule: rule)
        phase = delay == nil ? .exited : .restarting
        return delay
    }

    mutating func pause() throws {
        guard case .running(var run) = phase else { throw notRunning }
        if run.paused { throw TimberError(.conflict, "the container is already paused") }
        run.paused = true
        phase = .running(run)
    }

    /// Frozen by a commit, which thaws it again; when its daemon dies meanwhile, the next one does.
    mutating func pauseForCommit() throws {
        try pause()
        guard case .running(var run) = phase else { throw notRunning }
        run.pausedForCommit = true
        phase = .running(run)
    }

    mutating func unpause() throws {
        guard case .running(var run) = phase else { throw notRunning }
        if !run.paused { throw TimberError(.conflict, "the container is not paused") }
        run.paused = false
        run.pausedForCommit = nil
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
        case .restarting: throw TimberError(.conflict, "the container is restarting: stop it before removal, or remove it with force")
        }
    }

    /// The run, when there is one.
    var run: Run? {
        if case .running(let run) = phase { return run }
        return nil
    }

    /// Its policy is about to start it: it waits, or is just starting.
    var isRestarting: Bool {
        switch phase {
        case .restarting: true
        case .starting: restarts.isUnderWay
        case .created, .running, .exited, .removing: false
        }
    }

    /// It runs, or does so again in a moment.
    var isUp: Bool { run != nil || isRestarting }

    /// Docker's word for the state.
    var status: String {
        if isRestarting { return "restarting" }
        switch phase {
        case .created, .starting: return startedAt == nil ? "created" : "exited"
        case .running(let run): return run.paused ? "paused" : "running"
        case .exited, .restarting: return "exited"
        case .removing: return "removing"
        }
    }

    private var notRunning: TimberError {
        TimberError(.conflict, isRestarting ? "the container is restarting, wait until it is running" : "the container is not running")
    }
    static let beingRemoved = TimberError(.conflict, "the container is being removed")

    private func impossible(_ event: String) -> TimberError {
        TimberError(.internal, "a container that is \(status) cannot become \(event)")
    }
}
