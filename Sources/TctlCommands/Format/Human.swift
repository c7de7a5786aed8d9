/// Numbers as people read them, in Docker's words.
enum Human {
    /// How long something is or has been: `Less than a second`, `About a minute`, `3 weeks`.
    static func duration(seconds: Int64) -> String {
        let minutes = seconds / 60
        let hours = (Double(seconds) / 3600).rounded()
        switch seconds {
        case ..<1: return "Less than a second"
        case 1: return "1 second"
        case ..<60: return "\(seconds) seconds"
        default: break
        }
        if minutes == 1 { return "About a minute" }
        if minutes < 60 { return "\(minutes) minutes" }
        if hours == 1 { return "About an hour" }
        let whole = Int64(hours)
        if whole < 48 { return "\(whole) hours" }
        if whole < 24 * 7 * 2 { return "\(whole / 24) days" }
        if whole < 24 * 30 * 2 { return "\(whole / 24 / 7) weeks" }
        if whole < 24 * 365 * 2 { return "\(whole / 24 / 30) months" }
        return "\(seconds / 3600 / 24 / 365) years"
    }

    /// A size in powers of 1000 with three or four digits: `1.5kB`, `74.3MB`.
    static func size(_ bytes: Int64, digits: Int = 3) -> String {
        scaled(bytes, base: 1000, units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"], digits: digits)
    }

    /// A size in powers of 1024: `512MiB`.
    static func binarySize(_ bytes: Int64) -> String {
        scaled(bytes, base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits: 4)
    }

    /// A difference of sizes; one that does not fit is as good as the nearest that does.
    static func difference(_ left: Int64, _ right: Int64) -> Int64 {
        let (result, overflows) = left.subtractingReportingOverflow(right)
        return overflows ? (left < 0 ? .min : .max) : result
    }

    /// A sum of sizes; one that does not fit is as good as the largest that does.
    static func total(_ sizes: [Int64]) -> Int64 {
        sizes.reduce(0) { difference($0, $1 == .min ? .max : -$1) }
    }

    private static func scaled(_ bytes: Int64, base: Double, units: [String], digits: Int) -> String {
        if bytes < 0 { return "-" + scaled(difference(0, bytes), base: base, units: units, digits: digits) }
        var value = Double(bytes)
        var unit = 0
        while value >= base && unit < units.count - 1 {
            value /= base
            unit += 1
        }
        return significant(value, digits: digits) + units[unit]
    }

    /// Go's `%.4g` for what is not negative: so many significant digits, no zeros at the end.
    static func significant(_ value: Double, digits: Int) -> String {
        if value == 0 { return "0" }
        var whole = 0
        var scale = 1.0
        while value >= scale {
            scale *= 10
            whole += 1
        }
        let decimals = max(0, digits - whole)
        var factor = 1.0
        for _ in 0..<decimals { factor *= 10 }
        let rounded = (value * factor).rounded(.toNearestOrEven)
        let integer = Int64(rounded)
        let unit = Int64(factor)
        var fraction = String(integer % unit)
        fraction = String(repeating: "0", count: decimals - min(decimals, fraction.utf8.count)) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        return decimals == 0 || fraction.isEmpty ? "\(integer / unit)" : "\(integer / unit).\(fraction)"
    }

    /// Cuts a text at a width, with `…` as its last character.
    static func ellipsis(_ text: String, _ width: Int) -> String {
        let scalars = text.unicodeScalars
        if scalars.count <= width { return text }
        if width <= 1 { return String(String.UnicodeScalarView(scalars.prefix(width))) }
        return String(String.UnicodeScalarView(scalars.prefix(width - 1))) + "…"
    }

    /// Go's strconv.Quote: what is not printable is escaped.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{07}": result += "\\a"
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0B}": result += "\\v"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    result += "\\x" + padded(scalar.value, 2)
                } else if Printable.isControl(scalar) {
                    result += "\\u" + padded(scalar.value, 4)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    private static func padded(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// `sha256:` taken away and cut at twelve digits.
    static func shortID(_ id: String) -> String {
        let digits = id.hasPrefix("sha256:") ? id.dropFirst(7) : Substring(id)
        return String(digits.prefix(12))
    }
}
