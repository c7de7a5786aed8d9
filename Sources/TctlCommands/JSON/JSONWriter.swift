extension JSONValue {
    /// The text on one line, members in their order.
    var compact: String {
        var writer = JSONWriter(indent: nil)
        writer.write(self, depth: 0)
        return writer.text
    }

    /// The text over several lines, as `inspect` prints it.
    /// - Parameter indent: what one level adds; docker uses four spaces.
    func pretty(indent: String = "    ") -> String {
        var writer = JSONWriter(indent: indent)
        writer.write(self, depth: 0)
        return writer.text
    }

    /// A string as a JSON string with its quotes.
    static func quoted(_ text: String) -> String {
        var writer = JSONWriter(indent: nil)
        writer.write(.string(text), depth: 0)
        return writer.text
    }
}

private struct JSONWriter {
    let indent: String?
    var text = ""

    init(indent: String?) {
        self.indent = indent
    }

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: text += "null"
        case .bool(let truth): text += truth ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let string): write(string)
        case .array(let elements):
            list(elements, open: "[", close: "]", depth: depth) { writer, element in writer.write(element, depth: depth + 1) }
        case .object(let members):
            list(members, open: "{", close: "}", depth: depth) { writer, member in
                writer.write(member.key)
                writer.text += writer.indent == nil ? ":" : ": "
                writer.write(member.value, depth: depth + 1)
            }
        }
    }

    private mutating func list<Item>(_ items: [Item], open: String, close: String, depth: Int, item: (inout JSONWriter, Item) -> Void) {
        text += open
        for (index, entry) in items.enumerated() {
            if index > 0 { text += "," }
            newline(depth + 1)
            item(&self, entry)
        }
        if !items.isEmpty { newline(depth) }
        text += close
    }

    private mutating func newline(_ depth: Int) {
        guard let indent else { return }
        text += "\n"
        for _ in 0..<depth { text += indent }
    }

    private mutating func write(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // U+2028 and U+2029 end a line in JavaScript; encoders escape them so that the text can be pasted there.
            case "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
