/// Go's fmt for what JSON can hold.
enum GoFormat {
    /// Widest field and most decimals that a format may ask for.
    private static let widthLimit = 1000

    /// What a value is, for messages.
    static func kind(_ value: JSONValue) -> String {
        switch value {
        case .null: "nil"
        case .bool: "a truth value"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "a map"
        }
    }

    /// `%v`.
    static func plain(_ value: JSONValue) -> String {
        switch value {
        case .null: return "<no value>"
        case .bool(let truth): return truth ? "true" : "false"
        case .number(let text): return number(text)
        case .string(let text): return text
        case .array(let elements): return "[" + elements.map(nested).joined(separator: " ") + "]"
        case .object(let members):
            return "map[" + members.sorted { $0.key < $1.key }.map { "\($0.key):\(nested($0.value))" }.joined(separator: " ") + "]"
        }
    }

    private static func nested(_ value: JSONValue) -> String { value == .null ? "<nil>" : plain(value) }

    /// Whole numbers as they are, however they were written.
    private static func number(_ text: String) -> String {
        if Int64(text) != nil { return text }
        guard let value = Double(text) else { return text }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    /// `print`: a space between two values when neither is a string.
    static func print(_ values: [JSONValue]) throws -> String {
        var result = ""
        for (index, value) in values.enumerated() {
            if index > 0, value.text == nil, values[index - 1].text == nil { result += " " }
            result += plain(value)
        }
        return result
    }

    private struct Verb {
        var minus = false
        var plus = false
        var zero = false
        var width = 0
        var precision: Int?
    }

    /// `printf`.
    /// - Throws: `TemplateError` for widths beyond reason.
    static func printf(_ format: String, _ values: [JSONValue]) throws -> String {
        var result = ""
        var rest = Substring(format)
        var next = values[...]
        while let character = rest.popFirst() {
            if character != "%" {
                result.append(character)
                continue
            }
            var verb = Verb()
            flags: while let flag = rest.first {
                switch flag {
                case "-": verb.minus = true
                case "+": verb.plus = true
                case "0": verb.zero = true
                case " ", "#": break
                default: break flags
                }
                rest.removeFirst()
            }
            verb.width = try width(&rest, &next) ?? 0
            if verb.width < 0 {
                verb.minus = true
                verb.width = -verb.width
            }
            if rest.first == "." {
                rest.removeFirst()
                verb.precision = max(0, try width(&rest, &next) ?? 0)
            }
            guard let letter = rest.popFirst() else {
                result += "%!(NOVERB)"
                break
            }
            if letter == "%" {
                result += "%"
            } else if let value = next.popFirst() {
                result += pad(one(letter, value, verb), verb, isNumber: "dxXobfeEgG".contains(letter) && value.text == nil)
            } else {
                result += "%!\(letter)(MISSING)"
            }
        }
        if !next.isEmpty { result += "%!(EXTRA " + next.map { "\(type($0))=\(plain($0))" }.joined(separator: ", ") + ")" }
        return result
    }

    private static func width(_ rest: inout Substring, _ next: inout ArraySlice<JSONValue>) throws -> Int? {
        if rest.first == "*" {
            rest.removeFirst()
            guard let value = next.popFirst()?.integer, abs(value) <= widthLimit else {
                throw TemplateError("printf: a width that is not a small number")
            }
            return Int(value)
        }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest.removeFirst(digits.count)
        if digits.isEmpty { return nil }
        guard digits.count <= 4, let value = Int(digits), value <= widthLimit else {
            throw TemplateError("printf: a width above \(widthLimit)")
        }
        return value
    }

    private static func one(_ letter: Character, _ value: JSONValue, _ verb: Verb) -> String {
        switch (letter, value) {
        case ("v", _): return plain(value)
        case ("s", .string(let text)): return cut(text, verb)
        case ("s", .array), ("s", .object): return plain(value)
        case ("q", .string(let text)): return Human.quoted(cut(text, verb))
        case ("q", .array(let elements)): return "[" + elements.map { one("q", $0, verb) }.joined(separator: " ") + "]"
        case ("x", .string(let text)): return hex(text, uppercase: false)
        case ("X", .string(let text)): return hex(text, uppercase: true)
        case ("t", .bool(let truth)): return truth ? "true" : "false"
        case ("T", _): return type(value)
        case ("d", .number), ("x", .number), ("X", .number), ("o", .number), ("b", .number), ("c", .number):
            guard let whole = value.integer else { return bad(letter, value) }
            return integer(letter, whole, verb)
        case ("f", .number(let text)), ("F", .number(let text)), ("g", .number(let text)), ("e", .number(let text)):
            return real(letter, Double(text) ?? 0, verb)
        default: return bad(letter, value)
        }
    }

    private static func bad(_ letter: Character, _ value: JSONValue) -> String { "%!\(letter)(\(type(value))=\(nested(value)))" }

    private static func cut(_ text: String, _ verb: Verb) -> String { verb.precision.map { String(text.prefix($0)) } ?? text }

    private static func hex(_ text: String, uppercase: Bool) -> String {
        text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
    }

    private static func integer(_ letter: Character, _ value: Int64, _ verb: Verb) -> String {
        let sign = verb.plus && value >= 0 ? "+" : ""
        switch letter {
        case "x": return sign + String(value, radix: 16)
        case "X": return sign + String(value, radix: 16, uppercase: true)
        case "o": return sign + String(value, radix: 8)
        case "b": return sign + String(value, radix: 2)
        case "c": return UInt32(exactly: value).flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? "\u{FFFD}"
        default: return sign + String(value)
        }
    }

    private static func real(_ letter: Character, _ value: Double, _ verb: Verb) -> String {
        let sign = verb.plus && value >= 0 ? "+" : ""
        guard letter == "f" || letter == "F", abs(value) < 1e15 else { return sign + number("\(value)") }
        let decimals = min(verb.precision ?? 6, 15)
        var factor = 1.0
        for _ in 0..<decimals { factor *= 10 }
        let scaled = (abs(value) * factor).rounded(.toNearestOrEven)
        guard scaled < 9e18 else { return sign + "\(value)" }
        let whole = Int64(scaled) / Int64(factor)
        let fraction = String(Int64(scaled) % Int64(factor))
        let padded = String(repeating: "0", count: max(0, decimals - fraction.utf8.count)) + fraction
        return (value < 0 ? "-" : sign) + (decimals == 0 ? "\(whole)" : "\(whole).\(padded)")
    }

    private static func pad(_ text: String, _ verb: Verb, isNumber: Bool) -> String {
        let missing = verb.width - text.unicodeScalars.count
        guard missing > 0 else { return text }
        if verb.minus { return text + String(repeating: " ", count: missing) }
        guard verb.zero && isNumber else { return String(repeating: " ", count: missing) + text }
        let sign = text.first == "-" || text.first == "+" ? String(text.prefix(1)) : ""
        return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
    }

    private static func type(_ value: JSONValue) -> String {
        switch value {
        case .null: "<nil>"
        case .bool: "bool"
        case .number(let text): Int64(text) != nil ? "int" : "float64"
        case .string: "string"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        }
    }
}
