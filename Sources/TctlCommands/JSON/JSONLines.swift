/// JSON values that come one to a line.
struct JSONLines {
    private static let lineLimit = 8 << 20

    private var line: [UInt8] = []

    /// Takes the next bytes.
    /// - Returns: the values that they complete.
    /// - Throws: for what is no JSON, or a line without end.
    mutating func take(_ bytes: [UInt8]) throws -> [JSONValue] {
        var values: [JSONValue] = []
        for part in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            // Every part but the first comes after the end of a line.
            if part.offset > 0 { try values += finish() }
            line += part.element
            if line.count > Self.lineLimit { throw HTTPSyntaxError("a message without end") }
        }
        return values
    }

    /// At the end of everything: what stands behind the last end of a line.
    mutating func finish() throws -> [JSONValue] {
        defer { line.removeAll(keepingCapacity: true) }
        if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return [] }
        return [try JSONValue(parsing: line)]
    }
}
