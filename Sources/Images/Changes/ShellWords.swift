internal import Errors

/// Words of an instruction: quotes, backslashes and variables as in a Dockerfile.
struct ShellWords {
    /// `NAME=value`, for `$NAME`.
    var environment: [String]

    /// Splits a line at blanks outside of quotes and replaces variables.
    /// - Throws: `TimberError.invalidArgument` for a quote or brace without its end.
    func split(_ line: String) throws -> [String] {
        var scanner = Scanner(line, environment)
        var words: [String] = []
        while let word = try scanner.word() { words.append(word) }
        return words
    }

    /// Takes quotes away and replaces variables, blanks as they are.
    /// - Throws: as `split`.
    func expand(_ text: String) throws -> String {
        var scanner = Scanner(text, environment)
        return try scanner.text { _ in false }
    }

    private struct Scanner {
        private let characters: [Character]
        private let environment: [String]
        private var position = 0

        init(_ text: String, _ environment: [String]) {
            characters = Array(text)
            self.environment = environment
        }

        private var current: Character? { position < characters.count ? characters[position] : nil }

        mutating func word() throws -> String? {
            while let current, current.isWhitespace { position += 1 }
            guard current != nil else { return nil }
            return try text { $0.isWhitespace }
        }

        mutating func text(until isEnd: (Character) -> Bool) throws -> String {
            var result = ""
            while let character = current, !isEnd(character) {
                position += 1
                switch character {
                case "'": result += try quoted()
                case "\"": result += try doubleQuoted()
                case "\\":
                    if let next = current { result.append(next) }
                    position += 1
                case "$": result += try variable()
                default: result.append(character)
                }
            }
            return result
        }

        private mutating func quoted() throws -> String {
            guard let end = characters[position...].firstIndex(of: "'") else { throw Self.unterminated("'") }
            defer { position = end + 1 }
            return String(characters[position..<end])
        }

        private mutating func doubleQuoted() throws -> String {
            var result = ""
            while let character = current {
                position += 1
                switch character {
                case "\"": return result
                case "\\":
                    // Only what means something in quotes is escaped there.
                    if let next = current, "\"$\\".contains(next) {
                        result.append(next)
                        position += 1
                    } else {
                        result.append(character)
                    }
                case "$": result += try variable()
                default: result.append(character)
                }
            }
            throw Self.unterminated("\"")
        }

        private mutating func variable() throws -> String {
            if current == "{" {
                position += 1
                guard let end = characters[position...].firstIndex(of: "}") else { throw Self.unterminated("${") }
                defer { position = end + 1 }
                return try braced(String(characters[position..<end]))
            }
            let name = characters[position...].prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
            if name.isEmpty { return "$" }
            position += name.count
            return value(String(name)) ?? ""
        }

        /// `NAME`, `NAME:-default`, `NAME:+alternative`.
        private func braced(_ text: String) throws -> String {
            guard let colon = text.firstIndex(of: ":") else { return value(text) ?? "" }
            let name = String(text[..<colon])
            let rest = text[text.index(after: colon)...]
            let found = value(name).flatMap { $0.isEmpty ? nil : $0 }
            switch rest.first {
            case "-": return found ?? String(rest.dropFirst())
            case "+": return found == nil ? "" : String(rest.dropFirst())
            default:
                throw TimberError(.invalidArgument, "unsupported modifier in ${\(text)}: give ${NAME:-default} or ${NAME:+alternative}")
            }
        }

        private func value(_ name: String) -> String? {
            environment.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
        }

        private static func unterminated(_ quote: String) -> TimberError {
            TimberError(.invalidArgument, "\(quote) without its end")
        }
    }
}
