internal import Foundation
internal import Glibc

/// A point in time with nanoseconds, as Docker prints it: RFC 3339 in UTC.
struct Timestamp: Sendable, Codable, Hashable, Comparable {
    var seconds: Int64
    var nanoseconds: Int32

    /// The zero time of Docker's API, which stands for "never".
    static let never = Timestamp(seconds: -62_135_596_800, nanoseconds: 0)

    /// Now, by CLOCK_REALTIME.
    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// `2026-01-02T03:04:05.678901234Z`; trailing zeros of the fraction are left out, as Go does.
    var rfc3339: String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let date = [
            Self.pad(Int(parts.tm_year) + 1900, 4), Self.pad(Int(parts.tm_mon) + 1, 2), Self.pad(Int(parts.tm_mday), 2),
        ].joined(separator: "-")
        let clock = [Self.pad(Int(parts.tm_hour), 2), Self.pad(Int(parts.tm_min), 2), Self.pad(Int(parts.tm_sec), 2)]
            .joined(separator: ":")
        var fraction = ""
        if nanoseconds > 0 {
            fraction = "." + Self.pad(Int(nanoseconds), 9)
            while fraction.hasSuffix("0") { fraction.removeLast() }
        }
        return "\(date)T\(clock)\(fraction)Z"
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Timestamp {
    /// Parses `2026-01-02T03:04:05[.678901234](Z|±hh:mm)`; nil when it is something else.
    init?(rfc3339 bytes: some Collection<UInt8>) {
        let text = Array(bytes)
        guard text.count >= 20, text[4] == 0x2d, text[7] == 0x2d, text[10] | 0x20 == 0x74, text[13] == 0x3a, text[16] == 0x3a,
            let year = Self.number(text[0..<4]), let month = Self.number(text[5..<7]), let day = Self.number(text[8..<10]),
            let hour = Self.number(text[11..<13]), let minute = Self.number(text[14..<16]), let second = Self.number(text[17..<19])
        else { return nil }
        var position = 19
        var nanoseconds = 0
        if text[position] == UInt8(ascii: ".") {
            position += 1
            var digits = 0
            while position < text.count, (0x30...0x39).contains(text[position]) {
                if digits < 9 { nanoseconds = nanoseconds * 10 + Int(text[position] - 0x30) }
                digits += 1
                position += 1
            }
            while digits < 9 {
                nanoseconds *= 10
                digits += 1
            }
        }
        guard let offset = Self.offset(text[position...]) else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        parts.tm_sec = Int32(second)
        self.init(seconds: Int64(timegm(&parts)) - Int64(offset), nanoseconds: Int32(nanoseconds))
    }

    private static func offset(_ text: ArraySlice<UInt8>) -> Int? {
        guard let sign = text.first else { return nil }
        if sign | 0x20 == UInt8(ascii: "z") { return text.count == 1 ? 0 : nil }
        let rest = text.dropFirst()
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), rest.count == 5,
            let hours = number(rest.prefix(2)), let minutes = number(rest.suffix(2))
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        digits.reduce(Int?.some(0)) { total, digit -> Int? in
            guard let total, (0x30...0x39).contains(digit) else { return nil }
            return total * 10 + Int(digit - 0x30)
        }
    }
}
