/// What a template works on: JSON of the daemon, or one row of a list.
enum TemplateValue: Sendable {
    case json(JSONValue)
    case row(TemplateRow)
    /// A member that is not there. False in a condition; an error when it is printed, as with Docker's `missingkey=error`.
    case missing(String)
    /// Null, printed as Go prints the zero value of the member's type.
    case zero(String)

    static func string(_ text: String) -> TemplateValue { .json(.string(text)) }
    static func integer(_ value: Int) -> TemplateValue { .json(.integer(Int64(value))) }
    static func bool(_ value: Bool) -> TemplateValue { .json(.bool(value)) }

    /// As JSON.
    /// - Throws: `TemplateError` for a member that is not there.
    func json() throws -> JSONValue {
        switch self {
        case .json(let value): return value
        case .row(let row): return row.json
        case .zero: return .null
        case .missing(let name): throw TemplateError("there is no field \(name)")
        }
    }

    /// Go's truth: not empty, not zero.
    var isTrue: Bool {
        switch self {
        case .missing, .zero: false
        case .row: true
        case .json(let value):
            switch value {
            case .null: false
            case .bool(let truth): truth
            case .number(let text): Double(text) != 0
            case .string(let text): !text.isEmpty
            case .array(let elements): !elements.isEmpty
            case .object(let members): !members.isEmpty
            }
        }
    }

    /// Go's `%v`.
    func printed() throws -> String {
        if case .zero(let text) = self { return text }
        return GoFormat.plain(try json())
    }
}

/// One row of a list: its fields are texts, and its labels are reached by `.Label "name"`.
struct TemplateRow: Sendable {
    let fields: [String: String]
    let labels: [String: String]
    let isHeading: Bool

    static func value(_ row: Listing.Row, isHeading: Bool) -> TemplateValue {
        .row(TemplateRow(fields: row.fields, labels: row.labels, isHeading: isHeading))
    }

    /// The fields in alphabetical order.
    var json: JSONValue {
        .object(fields.sorted { $0.key < $1.key }.map { JSONMember(key: $0.key, value: .string($0.value)) })
    }

    /// The value of a label; in the heading, the last part of its name in words.
    func label(_ name: String) -> String {
        if !isHeading { return labels[name] ?? "" }
        let last = name.split(separator: ".").last.map(String.init) ?? name
        return String(last.map { $0 == "-" || $0 == "_" ? " " : $0 })
    }
}

/// What is wrong with a template or what it asks for.
struct TemplateError: Error, Equatable, CustomStringConvertible {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }

    var description: String { "--format: \(Printable(reason))" }
}
