internal import Errors

/// `PORT[-PORT][/PROTOCOL]`; TCP when it does not say.
struct PortRange: Sendable {
    let ports: ClosedRange<UInt16>
    let transport: String

    /// nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let ends = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = UInt16(ends[0]), let last = UInt16(ends.last ?? ""), first > 0, first <= last else { return nil }
        let word = parts.count == 2 ? parts[1].lowercased() : "tcp"
        guard ["tcp", "udp", "sctp"].contains(word) else { return nil }
        ports = first...last
        transport = word
    }

    /// Those of a filter.
    /// - Throws: `TimberError.invalidArgument` for what is no port.
    static func all(_ key: String, _ values: [String: [String]]) throws -> [PortRange] {
        try (values[key] ?? []).map { text in
            guard let range = PortRange(text) else {
                throw TimberError(.invalidArgument, "invalid filter '\(key)=\(text)': expected a port or ports, as 80, 8000-8010 or 53/udp")
            }
            return range
        }
    }

    func contains(_ port: UInt16, _ transport: String) -> Bool {
        ports.contains(port) && self.transport == transport
    }
}

/// A filter whose values are regular expressions: `id` and `name`.
struct PatternFilter: Sendable {
    private let patterns: [Pattern]

    /// - Throws: `TimberError.invalidArgument` for a value that is no expression.
    init(_ key: String, _ values: [String: [String]]) throws {
        patterns = try (values[key] ?? []).map { text in
            do {
                return try Pattern(text)
            } catch let error as TimberError {
                throw TimberError(
                    .invalidArgument, "invalid filter '\(key)=\(text.prefix(200))', which is a regular expression: \(error.message)")
            }
        }
    }

    /// Whether one of them is found in one of the texts; without any, everything is.
    func matches(_ texts: String...) -> Bool {
        patterns.isEmpty || patterns.contains { pattern in texts.contains { pattern.matches($0) } }
    }
}

/// `until` of lists and prunes.
enum UntilFilter {
    /// nil without one.
    /// - Throws: `TimberError.invalidArgument` for what is no time, and for more than one.
    static func time(_ values: [String: [String]]) throws -> Timestamp? {
        guard let words = values["until"], let text = words.first else { return nil }
        guard words.count == 1 else { throw TimberError(.invalidArgument, "more than one until filter specified") }
        guard let time = Timestamp(filter: text) else { throw TimberError(.invalidArgument, "invalid filter 'until=\(text)'") }
        return time
    }
}

/// Filters that are true or false.
enum TruthFilter {
    /// nil without one.
    /// - Throws: `TimberError.invalidArgument` for what is neither.
    static func value(_ key: String, _ values: [String: [String]]) throws -> Bool? {
        guard let word = values[key]?.first else { return nil }
        guard let value = ["1": true, "true": true, "0": false, "false": false][word.lowercased()] else {
            throw TimberError(.invalidArgument, "invalid filter '\(key)=\(word)': it is true or false")
        }
        return value
    }
}

/// `label=KEY` and `label=KEY=VALUE`, of containers, images and volumes.
enum LabelFilter {
    static func matches(_ wanted: String, _ labels: [String: String]) -> Bool {
        let parts = wanted.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let value = labels[parts[0]] else { return false }
        return parts.count == 1 || value == parts[1]
    }
}

extension Timestamp {
    /// `until` of a filter: RFC 3339, seconds since 1970, or a duration back from now such as `24h` or `1h30m`.
    init?(filter text: String) {
        if let time = Timestamp(rfc3339: text.utf8) {
            self = time
        } else if let seconds = Int64(text) {
            self.init(seconds: seconds, nanoseconds: 0)
        } else if let age = Self.duration(text) {
            let now = Timestamp.now()
            self.init(seconds: now.seconds - age, nanoseconds: now.nanoseconds)
        } else {
            return nil
        }
    }

    private static func duration(_ text: String) -> Int64? {
        var total: Int64 = 0
        var digits = ""
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let number = Int64(digits), let unit = ["h": 3600, "m": 60, "s": 1, "d": 86400][character] as Int64? else { return nil }
            let (seconds, isTooLong) = number.multipliedReportingOverflow(by: unit)
            let (sum, overflows) = total.addingReportingOverflow(seconds)
            if isTooLong || overflows { return nil }
            total = sum
            digits = ""
        }
        return digits.isEmpty && !text.isEmpty ? total : nil
    }
}
