/// What a server asks for before it answers: one challenge of `WWW-Authenticate` (RFC 9110, section 11.6.1).
struct Challenge: Equatable {
    /// Lower case: `basic`, `bearer`.
    var scheme: String
    /// By lower-case name.
    var parameters: [String: String] = [:]

    /// Reads the challenges of all header lines; what cannot be understood is left out.
    static func parse(_ lines: [String]) -> [Challenge] {
        lines.flatMap { line -> [Challenge] in
            var scanner = Scanner(Array(line.utf8))
            return scanner.challenges()
        }
    }

    /// A header is a list of challenges, and a challenge a list of parameters, with the same comma between all of them.
    private struct Scanner {
        private let bytes: [UInt8]
        private var position = 0

        /// More than any registry sends.
        private static let limit = 16

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        mutating func challenges() -> [Challenge] {
            var found: [Challenge] = []
            while found.count < Self.limit {
                skipSeparators()
                guard let word = token() else { break }
                skipSpaces()
                guard take("=") else {
                    found.append(Challenge(scheme: word.lowercased()))
                    continue
                }
                skipSpaces()
                // A parameter of nothing says nothing.
                guard let value = value(), var last = found.popLast() else { return found }
                if last.parameters.count < Self.limit { last.parameters[word.lowercased()] = value }
                found.append(last)
            }
            return found
        }

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard current == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        private mutating func skipSpaces() {
            while current == UInt8(ascii: " ") || current == UInt8(ascii: "\t") { position += 1 }
        }

        private mutating func skipSeparators() {
            while current == UInt8(ascii: ",") || current == UInt8(ascii: " ") || current == UInt8(ascii: "\t") { position += 1 }
        }

        private mutating func token() -> String? {
            let start = position
            let separators: Set<UInt8> = Set("()<>@,;:\\\"/[]?={} \t".utf8)
            while let byte = current, byte > 0x20, byte < 0x7f, !separators.contains(byte) { position += 1 }
            return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
        }

        private mutating func value() -> String? {
            guard take("\"") else { return token() }
            var text: [UInt8] = []
            while let byte = current {
                position += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
                if byte == UInt8(ascii: "\\"), let escaped = current {
                    position += 1
                    text.append(escaped)
                } else {
                    text.append(byte)
                }
            }
            return nil
        }
    }
}
