/// Sizes, durations and fractions as Docker's flags take them.
enum Numbers {
    /// `512m`, `1.5GiB`, `100`: bytes, in powers of 1024.
    /// - Returns: nil when it is anything else or does not fit.
    static func bytes(_ text: String) -> Int64? {
        var digits = Substring(text.lowercased())
        if digits.hasSuffix("b") { digits.removeLast() }
        if digits.hasSuffix("i") {
            digits.removeLast()
            guard let last = digits.last, last.isLetter else { return nil }
        }
        var shift = 0
        if let last = digits.last, let power = ["k", "m", "g", "t", "p"].firstIndex(of: last) {
            shift = 10 * (power + 1)
            digits.removeLast()
        }
        if digits.last == " " { digits.removeLast() }
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }) else { return nil }
        if parts.count == 1 {
            guard let whole = Int64(parts[0]) else { return nil }
            let (result, overflow) = whole.multipliedReportingOverflow(by: 1 << shift)
            return overflow ? nil : result
        }
        guard let value = Double(digits) else { return nil }
        return Int64(exactly: (value * Double(Int64(1) << shift)).rounded(.towardZero))
    }

    /// The same for a flag.
    static func bytes(flag: String, _ text: String) throws -> Int64 {
        guard let value = bytes(text) else {
            throw CommandFailure("invalid size \(Printable(text)) for \(flag): give bytes, or a number with k, m, g or t", status: 125)
        }
        return value
    }

    /// `1.5` CPUs as 1500000000.
    static func nanoCPUs(_ text: String) throws -> Int64 {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        let isNumber = (parts[0] + fraction).utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && !(parts[0].isEmpty && fraction.isEmpty)
        let padded = fraction + String(repeating: "0", count: max(0, 9 - fraction.utf8.count))
        guard isNumber, fraction.utf8.count <= 9, parts[0].utf8.count <= 9, let value = Int64(parts[0] + padded) else {
            throw CommandFailure(
                "invalid number of CPUs \(Printable(text)) for --cpus: give a number like 1.5, with at most 9 decimals", status: 125)
        }
        return value
    }

    /// A whole number for a flag.
    static func whole<Number: FixedWidthInteger>(flag: String, _ text: String) throws -> Number {
        guard let value = Number(text) else {
            throw CommandFailure("invalid number \(Printable(text)) for \(flag)", status: 125)
        }
        return value
    }

    /// A duration of Go's: `1h30m`, `1.5s`, `300ms`, `-5m`.
    /// - Returns: nanoseconds; nil when it is anything else or does not fit.
    static func duration(_ text: String) -> Int64? {
        var rest = Substring(text)
        var negative = false
        if let first = rest.first, first == "-" || first == "+" {
            negative = first == "-"
            rest.removeFirst()
        }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
        ]
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let value = Double(number), number != "." else { return nil }
            rest.removeFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            guard let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
            rest.removeFirst(unit.count)
            total += value * factor
        }
        return Int64(exactly: (negative ? -total : total).rounded(.towardZero))
    }
}
