/// The functions of Go's templates and of Docker's.
enum TemplateFunctions {
    /// Widest field and longest text that a function makes.
    private static let widthLimit = 65536

    /// Calls a function.
    /// - Throws: `TemplateError`.
    static func call(_ name: String, _ arguments: [TemplateValue]) throws -> TemplateValue {
        switch name {
        case "not":
            try require(arguments.count == 1, "not takes one value")
            return .bool(!arguments[0].isTrue)
        case "json":
            try require(arguments.count == 1, "json takes one value")
            return .string(try arguments[0].json().compact)
        case "len": return .integer(try length(arguments))
        case "index": return try index(arguments)
        case "slice": return try slice(arguments)
        case "print": return .string(try GoFormat.print(try arguments.map { try $0.json() }))
        case "println": return .string(try arguments.map { try $0.printed() }.joined(separator: " ") + "\n")
        case "printf":
            try require(!arguments.isEmpty, "printf needs a format")
            return .string(try GoFormat.printf(try text(arguments[0], of: name), try arguments.dropFirst().map { try $0.json() }))
        case "eq", "ne", "lt", "le", "gt", "ge": return .bool(try compare(name, arguments))
        case "lower": return .string(try single(name, arguments).lowercased())
        case "upper": return .string(try single(name, arguments).uppercased())
        case "title": return .string(title(try single(name, arguments)))
        case "join": return try join(arguments)
        case "split": return try split(arguments)
        case "pad": return .string(try pad(arguments))
        case "truncate": return .string(try truncate(arguments))
        case "html", "js", "urlquery", "call", "and", "or": throw TemplateError("the function \(name) is not supported")
        default:
            throw TemplateError(
                "there is no function \(name); there are and, or, not, eq, ne, lt, le, gt, ge, index, slice, len, json, join, split, lower, "
                    + "upper, title, pad, truncate, print, println, printf")
        }
    }

    private static func require(_ condition: Bool, _ reason: String) throws {
        if !condition { throw TemplateError(reason) }
    }

    private static func text(_ value: TemplateValue, of function: String) throws -> String {
        guard let text = try value.json().text else {
            throw TemplateError("\(function) takes a string, not \(GoFormat.kind(try value.json()))")
        }
        return text
    }

    private static func whole(_ value: TemplateValue, of function: String) throws -> Int {
        guard let number = try value.json().integer, let small = Int(exactly: number) else {
            throw TemplateError("\(function) takes a whole number, not \(try value.printed())")
        }
        return small
    }

    private static func single(_ name: String, _ arguments: [TemplateValue]) throws -> String {
        try require(arguments.count == 1, "\(name) takes one string")
        return try text(arguments[0], of: name)
    }

    private static func length(_ arguments: [TemplateValue]) throws -> Int {
        try require(arguments.count == 1, "len takes one value")
        switch try arguments[0].json() {
        case .string(let text): return text.utf8.count
        case .array(let elements): return elements.count
        case .object(let members): return members.count
        case .null: return 0
        case .bool, .number: throw TemplateError("len of \(GoFormat.kind(try arguments[0].json()))")
        }
    }

    private static func index(_ arguments: [TemplateValue]) throws -> TemplateValue {
        try require(!arguments.isEmpty, "index needs a list or a map")
        var value = try arguments[0].json()
        for key in arguments.dropFirst() {
            switch value {
            case .array(let elements):
                let position = try whole(key, of: "index of a list")
                guard elements.indices.contains(position) else {
                    throw TemplateError("index \(position) is out of range: there are \(elements.count)")
                }
                value = elements[position]
            case .object(let members):
                let name = try text(key, of: "index of a map")
                // Go gives the zero value: for a map of texts that is the empty text.
                let isText = members.allSatisfy { $0.value.text != nil }
                value = value[name] ?? (isText ? .string("") : .null)
            case .null: value = .null
            case .string(let text):
                let position = try whole(key, of: "index of a string")
                let bytes = Array(text.utf8)
                guard bytes.indices.contains(position) else {
                    throw TemplateError("index \(position) is out of range: there are \(bytes.count)")
                }
                value = .integer(Int64(bytes[position]))
            case .bool, .number: throw TemplateError("index of \(GoFormat.kind(value))")
            }
        }
        return .json(value)
    }

    private static func slice(_ arguments: [TemplateValue]) throws -> TemplateValue {
        try require((1...3).contains(arguments.count), "slice takes a list or a string and one or two positions")
        let value = try arguments[0].json()
        let positions = try arguments.dropFirst().map { try whole($0, of: "slice") }
        func bounds(_ count: Int) throws -> Range<Int> {
            let first = positions.first ?? 0
            let last = positions.count == 2 ? positions[1] : count
            guard first >= 0, first <= last, last <= count else {
                throw TemplateError("slice \(first) to \(last) is out of range: there are \(count)")
            }
            return first..<last
        }
        switch value {
        case .array(let elements): return .json(.array(Array(elements[try bounds(elements.count)])))
        case .string(let text):
            let bytes = Array(text.utf8)
            return .string(String(decoding: bytes[try bounds(bytes.count)], as: UTF8.self))
        default: throw TemplateError("slice of \(GoFormat.kind(value))")
        }
    }

    private static func join(_ arguments: [TemplateValue]) throws -> TemplateValue {
        try require(arguments.count == 2, "join takes a list and a separator")
        let separator = try text(arguments[1], of: "join")
        switch try arguments[0].json() {
        case .array(let elements): return .string(elements.map(GoFormat.plain).joined(separator: separator))
        case .null: return .string("")
        default: throw TemplateError("join takes a list, not \(GoFormat.kind(try arguments[0].json()))")
        }
    }

    private static func split(_ arguments: [TemplateValue]) throws -> TemplateValue {
        try require(arguments.count == 2, "split takes a string and a separator")
        let whole = try text(arguments[0], of: "split")
        let separator = try text(arguments[1], of: "split")
        if separator.isEmpty { return .json(.array(whole.map { .string(String($0)) })) }
        return .json(.array(whole.split(separator: separator, omittingEmptySubsequences: false).map { .string(String($0)) }))
    }

    private static func pad(_ arguments: [TemplateValue]) throws -> String {
        try require(arguments.count == 3, "pad takes a string and two widths")
        let whole = try text(arguments[0], of: "pad")
        if whole.isEmpty { return "" }
        let widths = try arguments.dropFirst().map { try self.whole($0, of: "pad") }
        try require(widths.allSatisfy { (0...widthLimit).contains($0) }, "pad takes widths of 0 to \(widthLimit)")
        return String(repeating: " ", count: widths[0]) + whole + String(repeating: " ", count: widths[1])
    }

    private static func truncate(_ arguments: [TemplateValue]) throws -> String {
        try require(arguments.count == 2, "truncate takes a string and a length")
        let length = try whole(arguments[1], of: "truncate")
        try require(length >= 0, "truncate takes a length of 0 or more")
        return String(try text(arguments[0], of: "truncate").prefix(length))
    }

    /// The first letter of each word upper case, as Go's strings.Title.
    private static func title(_ text: String) -> String {
        var result = ""
        var startsWord = true
        for character in text {
            result += startsWord ? character.uppercased() : String(character)
            startsWord = !(character.isLetter || character.isNumber || character == "_" || character == "'")
        }
        return result
    }

    private static func compare(_ name: String, _ arguments: [TemplateValue]) throws -> Bool {
        try require(name == "eq" ? arguments.count >= 2 : arguments.count == 2, "\(name) takes two values")
        let values = try arguments.map { try $0.json() }
        switch name {
        case "eq": return try values.dropFirst().contains { try isEqual(values[0], $0) }
        case "ne": return try !isEqual(values[0], values[1])
        default:
            let isLess = try self.isLess(values[0], values[1])
            let isSame = try isEqual(values[0], values[1])
            switch name {
            case "lt": return isLess
            case "le": return isLess || isSame
            case "gt": return !isLess && !isSame
            default: return !isLess
            }
        }
    }

    private static func isEqual(_ left: JSONValue, _ right: JSONValue) throws -> Bool {
        switch (left, right) {
        case (.null, _), (_, .null): return left == right
        case (.string(let left), .string(let right)): return left == right
        case (.bool(let left), .bool(let right)): return left == right
        case (.number(let left), .number(let right)): return left == right || Double(left) == Double(right)
        default: throw TemplateError("\(GoFormat.kind(left)) and \(GoFormat.kind(right)) cannot be compared")
        }
    }

    private static func isLess(_ left: JSONValue, _ right: JSONValue) throws -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): return Array(left.utf8).lexicographicallyPrecedes(Array(right.utf8))
        case (.number(let left), .number(let right)):
            if let left = Int64(left), let right = Int64(right) { return left < right }
            return (Double(left) ?? 0) < (Double(right) ?? 0)
        default: throw TemplateError("\(GoFormat.kind(left)) and \(GoFormat.kind(right)) have no order")
        }
    }
}
