internal import DockerAPI
internal import Errors

/// A restart policy, understood.
enum RestartRule: Sendable, Equatable {
    case never
    /// After an exit status other than 0.
    /// - Parameter limit: how often in a row; nil: without a limit.
    case onFailure(limit: Int?)
    case always
    /// As always, but a container that was stopped by hand stays so when the daemon starts.
    case unlessStopped

    /// - Throws: `TimberError.invalidArgument` for words and numbers that mean nothing.
    init(_ policy: RestartPolicy) throws {
        let retries = policy.maximumRetryCount
        switch policy.name {
        case "", "no": self = .never
        case "always": self = .always
        case "unless-stopped": self = .unlessStopped
        case "on-failure":
            guard retries >= 0 else {
                throw TimberError(.invalidArgument, "invalid restart policy: maximum retry count cannot be negative")
            }
            self = .onFailure(limit: retries == 0 ? nil : retries)
        default:
            throw TimberError(
                .invalidArgument,
                "invalid restart policy: unknown policy '\(policy.name.prefix(64))'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
            )
        }
        if retries != 0, !["", "on-failure"].contains(policy.name) {
            throw TimberError(.invalidArgument, "invalid restart policy: maximum retry count can only be used with 'on-failure'")
        }
    }
}

/// What a restart policy has to remember of a container, and all that it decides: events go in, a decision comes out, and nothing
/// else happens here.
struct RestartState: Sendable, Codable, Equatable {
    /// How often the policy has started it since somebody did so by hand.
    private(set) var count = 0
    /// How long the last start was put off, in milliseconds; 0: there was none.
    private(set) var delay: Int64 = 0
    /// The policy is about to start it: it waits for that, or the start is under way.
    private(set) var isUnderWay = false
    /// Somebody wanted it to end, and nobody has started it since.
    private(set) var isStoppedByHand = false

    private static let firstDelay: Int64 = 100
    private static let longestDelay: Int64 = 60_000
    /// What ran as long as this, in seconds, is taken to have worked: the next end begins at the shortest delay again.
    private static let longEnough: Int64 = 10

    /// Somebody started it: nothing counts that was before.
    mutating func startedByHand() { self = RestartState() }

    /// Somebody stopped it, whether it ran or waited for its next start.
    mutating func stoppedByHand() {
        isStoppedByHand = true
        isUnderWay = false
    }

    /// It runs, or is not to be started by the policy after all.
    mutating func settled() { isUnderWay = false }

    /// A run, or the policy's attempt at one, has ended.
    /// - Parameters:
    ///   - code: its exit status.
    ///   - seconds: how long it ran.
    /// - Returns: how long to wait before the next start; nil: there is none.
    mutating func ended(code: Int32, after seconds: Int64, rule: RestartRule) -> Duration? {
        isUnderWay = false
        guard wantsStart(afterCode: code, rule) else { return nil }
        if seconds >= Self.longEnough { delay = 0 }
        delay = delay == 0 ? Self.firstDelay : min(delay * 2, Self.longestDelay)
        count += 1
        isUnderWay = true
        return .milliseconds(delay)
    }

    /// A daemon has started and finds the container at rest.
    /// - Returns: whether it is to be started.
    mutating func daemonStarted(rule: RestartRule) -> Bool {
        switch rule {
        case .always: break
        case .unlessStopped where !isStoppedByHand: break
        case .unlessStopped, .onFailure, .never: return false
        }
        self = RestartState()
        isUnderWay = true
        return true
    }

    private func wantsStart(afterCode code: Int32, _ rule: RestartRule) -> Bool {
        if isStoppedByHand { return false }
        switch rule {
        case .never: return false
        case .always, .unlessStopped: return true
        case .onFailure(let limit): return code != 0 && (limit.map { count < $0 } ?? true)
        }
    }
}
