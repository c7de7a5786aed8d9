internal import DockerAPI

/// What the probes of a container have found: results go in, the status comes out, and nothing else happens here.
struct HealthState: Sendable, Codable, Equatable {
    private(set) var status = Status.starting
    /// Failures in a row.
    private(set) var failingStreak = 0
    /// The last results, oldest first.
    private(set) var log: [Result] = []

    enum Status: String, Sendable, Codable {
        case starting
        case healthy
        case unhealthy
    }

    /// One probe.
    struct Result: Sendable, Codable, Equatable {
        var start: Timestamp
        var end: Timestamp
        /// 0: healthy; -1: it could not be told.
        var exitCode: Int32
        var output: String
    }

    private static let remembered = 5

    /// The container runs again.
    mutating func started() {
        status = .starting
        failingStreak = 0
    }

    /// The container runs no more: nobody knows, which is unhealthy in Docker.
    mutating func ended() { status = .unhealthy }

    /// A probe has ended.
    /// - Returns: whether the status is another now.
    mutating func record(_ result: Result, _ check: HealthCheck, startedAt: Timestamp) -> Bool {
        let before = status
        log = log.suffix(Self.remembered - 1) + [result]
        if result.exitCode == 0 {
            failingStreak = 0
            status = .healthy
        } else if status != .starting || result.start.nanoseconds(after: startedAt) >= check.startPeriod {
            failingStreak += 1
            if failingStreak >= check.retries { status = .unhealthy }
        }
        return status != before
    }

    /// Nanoseconds until the next probe.
    func delay(_ check: HealthCheck, startedAt: Timestamp, now: Timestamp) -> Int64 {
        status == .starting && now.nanoseconds(after: startedAt) < check.startPeriod ? check.startInterval : check.interval
    }

    /// As `ps` has it in parentheses.
    var words: String { status == .starting ? "health: starting" : status.rawValue }

    /// As inspect shows it.
    var wire: Health {
        Health(
            status: status.rawValue, failingStreak: failingStreak,
            log: log.map {
                HealthcheckResult(start: $0.start.rfc3339, end: $0.end.rfc3339, exitCode: Int($0.exitCode), output: $0.output)
            })
    }
}

extension Timestamp {
    /// How much later than another this is; 0 when it is not.
    fileprivate func nanoseconds(after other: Timestamp) -> Int64 {
        guard self > other else { return 0 }
        let (seconds, isFar) = (seconds - other.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isFarther) = seconds.addingReportingOverflow(Int64(nanoseconds) - Int64(other.nanoseconds))
        return isFar || isFarther ? .max : sum
    }
}
