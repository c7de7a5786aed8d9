internal import DockerAPI
internal import Errors

/// A request's query, and the forms in which Docker writes values there.
struct Query: Sendable, Equatable {
    private var items: [(name: String, value: String)] = []

    init(_ bytes: some Collection<UInt8>) throws {
        for item in bytes.split(separator: UInt8(ascii: "&")) {
            let equals = item.firstIndex(of: UInt8(ascii: "="))
            let name = try PercentEncoding.decode(item[..<(equals ?? item.endIndex)], plusIsSpace: true)
            let value = try equals.map { try PercentEncoding.decode(item[item.index(after: $0)...], plusIsSpace: true) } ?? ""
            items.append((name, value))
        }
    }

    /// The first value of a name.
    subscript(name: String) -> String? {
        items.first { $0.name == name }?.value
    }

    /// The first value of a name, nil also when it is empty.
    func nonEmpty(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// All values of a name.
    func all(_ name: String) -> [String] {
        items.filter { $0.name == name }.map(\.value)
    }

    /// A truth value as Docker reads it: anything but nothing, `0`, `no`, `false` and `none` is true.
    func bool(_ name: String, default missing: Bool = false) -> Bool {
        guard let value = self[name] else { return missing }
        return !["", "0", "no", "false", "none"].contains(String(value.filter { !$0.isWhitespace }).lowercased())
    }

    /// A whole number; nil when it is missing or empty.
    /// - Throws: `TimberError.invalidArgument`.
    func integer(_ name: String) throws -> Int? {
        guard let value = nonEmpty(name) else { return nil }
        guard let number = Int(value) else { throw TimberError(.invalidArgument, "invalid value for \(name): \(value) is not a number") }
        return number
    }

    /// Seconds since 1970 with an optional fraction; nil when it is missing or empty.
    /// - Throws: `TimberError.invalidArgument`.
    func instant(_ name: String) throws -> Instant? {
        guard let value = nonEmpty(name) else { return nil }
        let parts = value.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        var nanoseconds: Int32 = 0
        if parts.count == 2 {
            let fraction = parts[1].utf8.prefix(9)
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { throw invalidTime(name, value) }
            for digit in fraction { nanoseconds = nanoseconds * 10 + Int32(digit - 0x30) }
            for _ in fraction.count..<9 { nanoseconds *= 10 }
        }
        guard let seconds = Int64(parts[0]) else { throw invalidTime(name, value) }
        return Instant(seconds: seconds, nanoseconds: nanoseconds)
    }

    private func invalidTime(_ name: String, _ value: String) -> TimberError {
        TimberError(.invalidArgument, "invalid value for \(name): \(value) is not a Unix time, as 1700000000 or 1700000000.5")
    }

    /// The `filters` parameter in either of its forms: `{"label":["a"]}` or `{"label":{"a":true}}`.
    /// - Throws: `TimberError.invalidArgument`.
    func filters() throws -> Filters {
        guard let value = nonEmpty("filters") else { return Filters() }
        do {
            return Filters(try decodeJSON([String: FilterValues]?.self, from: Array(value.utf8))?.mapValues(\.values) ?? [:])
        } catch {
            throw TimberError(
                .invalidArgument, "invalid filters: \(value) is neither {\"name\":[\"value\"]} nor {\"name\":{\"value\":true}}")
        }
    }

    static func == (left: Query, right: Query) -> Bool {
        left.items.count == right.items.count && zip(left.items, right.items).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }
}

private struct FilterValues: Decodable {
    var values: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            values = []
            return
        }
        do {
            values = try container.decode([String].self)
        } catch DecodingError.typeMismatch {
            values = try container.decode([String: Bool].self).keys.sorted()
        }
    }
}
