/// What is wrong with a JSON text, and where.
struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    let reason: String
    let offset: Int

    var description: String { "not JSON: \(reason) at byte \(offset)" }
}

extension JSONValue {
    /// How deep arrays and objects may nest: the parser recurses.
    static let depthLimit = 256

    /// Reads one JSON text (RFC 8259), nothing but white space after it.
    /// - Throws: `JSONSyntaxError`.
    init(parsing bytes: some Sequence<UInt8>) throws {
        let array = Array(bytes)
        self = try array.withUnsafeBufferPointer { buffer throws(JSONSyntaxError) in
            var parser = JSONParser(bytes: buffer)
            return try parser.document()
        }
    }

    /// Reads one JSON text.
    /// - Throws: `JSONSyntaxError`.
    init(parsing text: String) throws {
        try self.init(parsing: text.utf8)
    }
}

private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    var offset = 0

    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        let value = try self.value(depth: 0)
        skipSpace()
        if offset != bytes.count { throw failure("text after the value") }
        return value
    }

    private func failure(_ reason: String) -> JSONSyntaxError { JSONSyntaxError(reason: reason, offset: offset) }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        if depth > JSONValue.depthLimit { throw failure("nested too deep") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"): return .number(try number())
        case let byte? where byte >= 0x30 && byte <= 0x39: return .number(try number())
        case nil: throw failure("the text ends too early")
        default: throw failure("a value was expected")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard next == text.utf8Start[index] else { throw failure("a value was expected") }
            offset += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        offset += 1
        var members: [JSONMember] = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            offset += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a member name was expected") }
            let key = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw failure("a colon was expected") }
            offset += 1
            skipSpace()
            members.append(JSONMember(key: key, value: try value(depth: depth + 1)))
            if try closes(with: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            offset += 1
            return .array(elements)
        }
        while true {
            skipSpace()
            elements.append(try value(depth: depth + 1))
            if try closes(with: UInt8(ascii: "]")) { return .array(elements) }
        }
    }

    /// After an element: true at the closing bracket, false at a comma.
    private mutating func closes(with bracket: UInt8) throws(JSONSyntaxError) -> Bool {
        skipSpace()
        guard let byte = next, byte == bracket || byte == UInt8(ascii: ",") else { throw failure("a comma or a bracket was expected") }
        offset += 1
        return byte == bracket
    }

    private mutating func number() throws(JSONSyntaxError) -> String {
        let start = offset
        if next == UInt8(ascii: "-") { offset += 1 }
        let digits = try self.digits()
        if digits > 1 && bytes[offset - digits] == UInt8(ascii: "0") { throw failure("a number with a leading zero") }
        if next == UInt8(ascii: ".") {
            offset += 1
            _ = try self.digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            _ = try self.digits()
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func digits() throws(JSONSyntaxError) -> Int {
        let start = offset
        while let byte = next, byte >= 0x30, byte <= 0x39 { offset += 1 }
        if offset == start { throw failure("a digit was expected") }
        return offset - start
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        offset += 1
        let start = offset
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        if next == UInt8(ascii: "\"") {
            defer { offset += 1 }
            return String(decoding: bytes[start..<offset], as: UTF8.self)
        }
        var text = Array(bytes[start..<offset])
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw failure("a control character in a string")
            default: text.append(byte)
            }
        }
        throw failure("the string does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = next else { throw failure("the string does not end") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try unicode()).utf8)
        default: throw failure("an unknown escape in a string")
        }
    }

    /// `XXXX` after `\u`, with a surrogate pair's second half; a lone surrogate becomes U+FFFD.
    private mutating func unicode() throws(JSONSyntaxError) -> Character {
        let first = try hexadecimal()
        if first & 0xFC00 == 0xD800, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u") {
            let back = offset
            offset += 2
            let second = try hexadecimal()
            if second & 0xFC00 == 0xDC00 {
                return scalar(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF))
            }
            offset = back
        }
        return scalar(first)
    }

    private func scalar(_ value: UInt32) -> Character { Character(Unicode.Scalar(value) ?? "\u{FFFD}") }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits were expected")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
