internal import Errors

/// Resource limits by name, as `--ulimit` and the OCI specification write them.
enum Rlimits {
    private static let numbers: [String: UInt32] = [
        "cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8, "as": 9, "locks": 10,
        "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
    ]

    /// The RLIMIT_* number of `nofile` or `RLIMIT_NOFILE`.
    /// - Throws: `TimberError.invalidArgument`.
    static func number(_ name: String) throws -> UInt32 {
        let lower = name.lowercased()
        let plain = lower.hasPrefix("rlimit_") ? String(lower.dropFirst(7)) : lower
        guard let number = numbers[plain] else { throw TimberError(.invalidArgument, "invalid ulimit type: \(name)") }
        return number
    }
}
