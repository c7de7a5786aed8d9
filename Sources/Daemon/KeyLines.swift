/// In which line each key of a configuration file stands. The file is JSON that was read already, with comments, so this looks for keys
/// only: what stands before a colon, outside of comments.
struct KeyLines {
    private var lines: [String: Int] = [:]
    /// A key that stands there twice, and where it does so again: of the two values a reader would expect one or the other.
    private(set) var repeated: (key: String, line: Int)?

    /// The line of a key, counted from 1.
    subscript(key: String) -> Int { lines[key] ?? 1 }

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var line = 1
        var last: (word: String, line: Int)?
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "/") where rest.dropFirst().first == UInt8(ascii: "/"):
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            case UInt8(ascii: "/") where rest.dropFirst().first == UInt8(ascii: "*"):
                rest = rest.dropFirst(2)
                while let next = rest.popFirst(), !(next == UInt8(ascii: "*") && rest.first == UInt8(ascii: "/")) {
                    if next == UInt8(ascii: "\n") { line += 1 }
                }
                rest = rest.dropFirst()
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                rest = rest.dropFirst()
                last = (Self.string(&rest, until: byte), line)
            case UInt8(ascii: ":"):
                if let last { add(last.word, last.line) }
                rest = rest.dropFirst()
            case UInt8(ascii: "\n"):
                line += 1
                rest = rest.dropFirst()
            case _ where Self.isOfWord(byte):
                let word = rest.prefix(while: Self.isOfWord)
                last = (String(decoding: word, as: UTF8.self), line)
                rest = rest.dropFirst(word.count)
            default:
                rest = rest.dropFirst()
            }
        }
    }

    private mutating func add(_ key: String, _ line: Int) {
        if lines[key] == nil {
            lines[key] = line
        } else if repeated == nil {
            repeated = (key, line)
        }
    }

    /// JSON with comments has keys without quotes too.
    private static func isOfWord(_ byte: UInt8) -> Bool {
        byte > 0x7f || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "$")
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    /// What is between the quotes. No key of ours has an escape in it: what one stands for does not matter here.
    private static func string(_ rest: inout ArraySlice<UInt8>, until quote: UInt8) -> String {
        var content: [UInt8] = []
        while let byte = rest.popFirst(), byte != quote {
            content.append(byte)
            if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() { content.append(escaped) }
        }
        return String(decoding: content, as: UTF8.self)
    }
}
