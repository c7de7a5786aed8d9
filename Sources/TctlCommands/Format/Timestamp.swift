internal import Glibc

/// Points in time.
struct Timestamp: Equatable {
    /// Seconds since 1970.
    let seconds: Int64
    /// Within the second.
    let nanoseconds: Int32

    init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Now.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    /// Reads RFC 3339, also without seconds, without time, or without zone (then of this machine's).
    /// - Returns: nil when it is anything else.
    init?(parsing text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"), let day = reader.number(2),
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var hour = 0
        var minute = 0
        var second = 0
        var nanoseconds: Int32 = 0
        if reader.skip("T") {
            guard let hours = reader.number(2) else { return nil }
            hour = hours
            if reader.skip(":") {
                guard let minutes = reader.number(2) else { return nil }
                minute = minutes
                if reader.skip(":") {
                    guard let seconds = reader.number(2), let fraction = reader.fraction() else { return nil }
                    second = seconds
                    nanoseconds = fraction
                }
            }
            guard hour < 24, minute < 60, second <= 60 else { return nil }
        }
        let local = Timestamp.days(year: year, month: month, day: day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
        guard let zone = reader.zone() else { return nil }
        self.nanoseconds = nanoseconds
        seconds = local - (zone.offset ?? Timestamp.localOffset(near: local))
    }

    /// `2006-01-02 15:04:05 -0700 MST` in this machine's zone, as docker prints creation times.
    var local: String { format("%Y-%m-%d %H:%M:%S %z %Z") }

    /// A time of this machine's zone by strftime(3).
    func format(_ pattern: String) -> String {
        var time = time_t(seconds)
        var parts = tm()
        guard localtime_r(&time, &parts) != nil else { return "\(seconds)" }
        var buffer = [CChar](repeating: 0, count: 128)
        let count = strftime(&buffer, buffer.count, pattern, &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `2006-01-02T15:04:05-07:00` in this machine's zone.
    var rfc3339: String {
        var text = format("%Y-%m-%dT%H:%M:%S%z")
        if text.hasSuffix("+0000") { return text.dropLast(5) + "Z" }
        text.insert(":", at: text.index(text.endIndex, offsetBy: -2))
        return text
    }

    /// `2006-01-02T15:04:05.000000000-07:00` in this machine's zone, always with nine decimals.
    var rfc3339Nanoseconds: String {
        let text = rfc3339
        let fraction = String(nanoseconds)
        return "\(text.prefix(19)).\(String(repeating: "0", count: max(0, 9 - fraction.utf8.count)))\(fraction)\(text.dropFirst(19))"
    }

    /// `seconds.nanoseconds`, the form in which the API takes times.
    var wire: String {
        let fraction = String(nanoseconds)
        return "\(seconds).\(String(repeating: "0", count: 9 - fraction.utf8.count))\(fraction)"
    }

    /// `--since` and `--until`: a time, a duration before now, or seconds since 1970.
    /// - Throws: `CommandFailure`.
    static func moment(_ text: String, flag: String, now: Timestamp = .now) throws -> String {
        // 0 is the beginning of 1970, not now.
        if text != "0", let duration = Numbers.duration(text) {
            let (seconds, nanoseconds) = duration.quotientAndRemainder(dividingBy: 1_000_000_000)
            var result = (seconds: now.seconds - seconds, nanoseconds: Int64(now.nanoseconds) - nanoseconds)
            if result.nanoseconds < 0 { result = (result.seconds - 1, result.nanoseconds + 1_000_000_000) }
            if result.nanoseconds >= 1_000_000_000 { result = (result.seconds + 1, result.nanoseconds - 1_000_000_000) }
            return Timestamp(seconds: result.seconds, nanoseconds: Int32(result.nanoseconds)).wire
        }
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 18 && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }) { return text }
        if let time = Timestamp(parsing: text) { return time.wire }
        throw CommandFailure(
            "invalid time \(Printable(text)) for \(flag): give a duration like 10m, a time like 2026-01-31T13:00:00, or seconds since 1970")
    }

    /// Days from 1970-01-01 to a day of the Gregorian calendar.
    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = Int64(shifted / 400)
        let yearOfEra = Int64(shifted % 400)
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
    }

    private static func localOffset(near local: Int64) -> Int64 {
        var time = time_t(local)
        var parts = tm()
        return localtime_r(&time, &parts) == nil ? 0 : Int64(parts.tm_gmtoff)
    }
}

private struct DigitReader {
    private var rest: Substring

    init(_ text: String) {
        rest = Substring(text)
    }

    mutating func number(_ width: Int) -> Int? {
        let digits = rest.prefix(width)
        guard digits.utf8.count == width, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        rest.removeFirst(width)
        return Int(digits)
    }

    mutating func skip(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// Nanoseconds of `.123`; 0 when there is no fraction.
    mutating func fraction() -> Int32? {
        guard skip(".") else { return 0 }
        let digits = rest.prefix { $0 >= "0" && $0 <= "9" }
        rest.removeFirst(digits.count)
        if digits.isEmpty { return nil }
        let nine = digits.prefix(9)
        return Int32(nine + String(repeating: "0", count: 9 - nine.count))
    }

    /// The zone at the end: an offset, or no offset for this machine's zone; nil when something else stands there.
    mutating func zone() -> (offset: Int64?, Void)? {
        if rest.isEmpty { return (nil, ()) }
        if skip("Z") { return rest.isEmpty ? (0, ()) : nil }
        let sign: Int64 = rest.first == "-" ? -1 : 1
        guard skip("+") || skip("-"), let hours = number(2), skip(":"), let minutes = number(2), rest.isEmpty else { return nil }
        return (sign * Int64(hours * 3600 + minutes * 60), ())
    }
}
