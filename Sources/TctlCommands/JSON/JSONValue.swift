/// A JSON document with its member order and its numbers as they were written: `inspect` prints what the daemon said, and a
/// template can reach every member without a type for it.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The number's text, unchanged: 64-bit values keep every digit.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// A whole number.
    static func integer(_ value: Int64) -> JSONValue { .number(String(value)) }

    /// The member of an object; nil when there is none or this is not an object. The last one counts, as in most readers.
    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The text of a string.
    var text: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    /// A number that fits; nil for fractions and what is out of range.
    var integer: Int64? {
        guard case .number(let text) = self else { return nil }
        return Int64(text) ?? Double(text).flatMap { Int64(exactly: $0) }
    }

    /// A truth value.
    var truth: Bool? {
        if case .bool(let truth) = self { return truth }
        return nil
    }

    /// The elements of an array; empty for anything else.
    var elements: [JSONValue] {
        if case .array(let elements) = self { return elements }
        return []
    }

    /// The members of an object; empty for anything else.
    var members: [JSONMember] {
        if case .object(let members) = self { return members }
        return []
    }

    /// The members of an object whose values are strings, as a dictionary.
    var stringMembers: [String: String] {
        var result: [String: String] = [:]
        for member in members {
            if let text = member.value.text { result[member.key] = text }
        }
        return result
    }
}

/// One member of an object.
struct JSONMember: Equatable, Sendable {
    var key: String
    var value: JSONValue
}
