import CTimber

/// RFC 3339 with nanoseconds, always 30 characters: 2006-01-02T15:04:05.000000000Z. The text up to the second is kept, since most
/// lines come in the same second as the one before.
struct Timestamp {
    static let length = 30

    private var second = Int.min
    private var text: InlineArray<20, UInt8> = InlineArray(repeating: 0)

    /// Writes a time's text.
    mutating func write(_ time: timespec, to target: UnsafeMutableRawPointer) {
        if time.tv_sec != second { format(time.tv_sec) }
        for index in 0..<20 { target.storeBytes(of: text[index], toByteOffset: index, as: UInt8.self) }
        var rest = time.tv_nsec
        for index in 0..<9 {
            target.storeBytes(of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), toByteOffset: 28 - index, as: UInt8.self)
            rest /= 10
        }
        target.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: 29, as: UInt8.self)
    }

    private mutating func format(_ seconds: Int) {
        second = seconds
        let days = seconds.quotientFlooring(86400)
        let ofDay = seconds - days * 86400
        let date = Self.civil(days)
        put(date.year, 0, 4)
        text[4] = UInt8(ascii: "-")
        put(date.month, 5, 2)
        text[7] = UInt8(ascii: "-")
        put(date.day, 8, 2)
        text[10] = UInt8(ascii: "T")
        put(ofDay / 3600, 11, 2)
        text[13] = UInt8(ascii: ":")
        put(ofDay / 60 % 60, 14, 2)
        text[16] = UInt8(ascii: ":")
        put(ofDay % 60, 17, 2)
        text[19] = UInt8(ascii: ".")
    }

    private mutating func put(_ number: Int, _ offset: Int, _ width: Int) {
        var rest = number
        for index in 0..<width {
            text[offset + width - 1 - index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// The Gregorian date of a day counted from 1970-01-01. Years begin in March here, so that the leap day is their last; 719468
    /// days lie between 0000-03-01 and 1970-01-01, 146097 in each 400 years.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719468
        let era = shifted.quotientFlooring(146097)
        let dayOfEra = shifted - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension Int {
    fileprivate func quotientFlooring(_ divisor: Int) -> Int {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
