internal import Errors

/// What stands behind HEALTHCHECK.
enum HealthcheckParser {
    /// `NONE`, or `[--interval=…] … CMD …`.
    /// - Parameter list: reads a list in JSON's form.
    /// - Throws: `TimberError.invalidArgument`.
    static func parse(_ text: String, list: (String) -> [String]?) throws -> Healthcheck {
        var check = Healthcheck()
        var rest = Substring(text)
        while rest.hasPrefix("--") {
            let option = rest.prefix { !$0.isWhitespace }
            try take(option.dropFirst(2), &check)
            rest = rest.dropFirst(option.count).drop { $0.isWhitespace }
        }
        let word = rest.prefix { !$0.isWhitespace }.uppercased()
        let command = String(rest.dropFirst(word.count).drop { $0.isWhitespace })
        switch word {
        case "NONE":
            guard command.isEmpty else { throw TimberError(.invalidArgument, "NONE takes no arguments") }
            check.test = ["NONE"]
        case "CMD":
            guard !command.isEmpty else { throw TimberError(.invalidArgument, "missing command after HEALTHCHECK CMD") }
            check.test = list(command).map { ["CMD"] + $0 } ?? ["CMD-SHELL", command]
        default: throw TimberError(.invalidArgument, "unknown type \"\(word.prefix(50))\": give CMD or NONE")
        }
        return check
    }

    private static func take(_ option: Substring, _ check: inout Healthcheck) throws {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw TimberError(.invalidArgument, "--\(option.prefix(50)) needs a value") }
        switch parts[0] {
        case "interval": check.interval = try duration(parts[1])
        case "timeout": check.timeout = try duration(parts[1])
        case "start-period": check.startPeriod = try duration(parts[1])
        case "start-interval": check.startInterval = try duration(parts[1])
        case "retries":
            guard let retries = Int(parts[1]), retries >= 1, retries <= 1_000_000 else {
                throw TimberError(.invalidArgument, "--retries must be at least 1")
            }
            check.retries = retries
        default: throw TimberError(.invalidArgument, "unknown flag: \(parts[0].prefix(50))")
        }
    }

    /// Go's form, `1m30s`, to nanoseconds.
    private static func duration(_ text: Substring) throws -> Int64 {
        let invalid = TimberError(.invalidArgument, "invalid duration \"\(text.prefix(50))\": give 30s, 1m30s or 500ms")
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
        ]
        var rest = text
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(number), let factor = units.first(where: { $0.0 == unit })?.1 else { throw invalid }
            total += value * factor
        }
        guard total >= 1e6, total < 9e18 else { throw invalid }
        return Int64(total)
    }
}
