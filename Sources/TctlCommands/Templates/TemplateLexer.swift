/// The words inside one `{{…}}`.
enum TemplateToken: Equatable {
    case word(String)
    case field(String)
    case variable(String)
    case string(String)
    case number(String)
    case open
    case close
    case pipe
    case comma
    case declare
    case assign
    case dot
    /// White space matters between a field and a bracket: `f .A` and `f.A` differ.
    case space
}

/// Cuts the inside of an action into tokens.
struct TemplateLexer {
    private var rest: Substring

    init(_ text: Substring) {
        rest = text
    }

    /// All tokens, spaces between them as one.
    /// - Throws: `TemplateError`.
    static func tokens(_ text: Substring) throws -> [TemplateToken] {
        var lexer = TemplateLexer(text)
        var tokens: [TemplateToken] = []
        while let token = try lexer.next() {
            if token == .space && (tokens.last == .space || tokens.isEmpty) { continue }
            tokens.append(token)
        }
        if tokens.last == .space { tokens.removeLast() }
        return tokens
    }

    private mutating func next() throws -> TemplateToken? {
        guard let character = rest.first else { return nil }
        if character.isWhitespace {
            rest = rest.drop { $0.isWhitespace }
            return .space
        }
        switch character {
        case "(": return single(.open)
        case ")": return single(.close)
        case "|": return single(.pipe)
        case ",": return single(.comma)
        case "=": return single(.assign)
        case ":":
            rest.removeFirst()
            guard rest.first == "=" else { throw TemplateError("a colon without =") }
            return single(.declare)
        case "\"": return try quoted()
        case "`": return try raw()
        case "'": return try self.character()
        case "$":
            rest.removeFirst()
            return .variable(name())
        case ".":
            rest.removeFirst()
            let name = name()
            return name.isEmpty ? .dot : .field(name)
        case "+", "-", "0"..."9": return try number()
        default:
            let name = name()
            if name.isEmpty { throw TemplateError("unexpected character \(character)") }
            return .word(name)
        }
    }

    private mutating func single(_ token: TemplateToken) -> TemplateToken {
        rest.removeFirst()
        return token
    }

    private mutating func name() -> String {
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        rest.removeFirst(name.count)
        return String(name)
    }

    private mutating func number() throws -> TemplateToken {
        let text = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-._".contains($0)) }
        rest.removeFirst(text.count)
        let digits = text.filter { $0 != "_" }
        if let value = GoNumber.integer(digits) { return .number(String(value)) }
        guard let value = Double(digits), value.isFinite else { throw TemplateError("\(text) is not a number") }
        return .number("\(value)")
    }

    private mutating func raw() throws -> TemplateToken {
        rest.removeFirst()
        guard let end = rest.firstIndex(of: "`") else { throw TemplateError("a raw string that does not end") }
        let text = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
        return .string(text)
    }

    private mutating func quoted() throws -> TemplateToken {
        rest.removeFirst()
        var text = ""
        while let character = rest.popFirst() {
            if character == "\"" { return .string(text) }
            if character == "\\" { text.unicodeScalars.append(try escape()) } else { text.append(character) }
        }
        throw TemplateError("a string that does not end")
    }

    /// `'a'` is the number of the character.
    private mutating func character() throws -> TemplateToken {
        rest.removeFirst()
        guard let character = rest.popFirst() else { throw TemplateError("a character constant that does not end") }
        let scalar = character == "\\" ? try escape() : character.unicodeScalars.first
        guard let scalar, character.unicodeScalars.count == 1, rest.popFirst() == "'" else {
            throw TemplateError("a character constant that is not one character")
        }
        return .number("\(scalar.value)")
    }

    private mutating func escape() throws -> Unicode.Scalar {
        guard let character = rest.popFirst() else { throw TemplateError("a string that does not end") }
        switch character {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "a": return "\u{07}"
        case "b": return "\u{08}"
        case "f": return "\u{0C}"
        case "v": return "\u{0B}"
        case "\\", "\"", "'": return character.unicodeScalars.first ?? "\\"
        case "x", "u", "U":
            let width = character == "x" ? 2 : character == "u" ? 4 : 8
            let digits = rest.prefix(width)
            guard digits.count == width, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
                throw TemplateError("\\\(character) in a string without its \(width) digits")
            }
            rest.removeFirst(width)
            return scalar
        default: throw TemplateError("unknown escape \\\(character) in a string")
        }
    }
}

/// Go's integer constants.
enum GoNumber {
    static func integer(_ text: some StringProtocol) -> Int64? {
        let negative = text.hasPrefix("-")
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let lower = digits.lowercased()
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where lower.hasPrefix(prefix) {
            let body = lower.dropFirst(2)
            guard body.first?.isHexDigit ?? false else { return nil }
            return Int64((negative ? "-" : "") + body, radix: radix)
        }
        guard let first = digits.first, first.isNumber else { return nil }
        return Int64((negative ? "-" : "") + digits)
    }
}
