/// Aligns tab-separated text as Go's text/tabwriter does with Docker's settings: a column is a run of lines that have it, its
/// width is that of its widest cell with three spaces, at least ten; the last cell of a line has no width.
enum TabWriter {
    /// - Parameters:
    ///   - text: lines of cells, each cell but the last ended by a tab.
    ///   - minimumWidth: of a column, with its padding.
    ///   - padding: spaces behind the widest cell.
    static func align(_ text: String, minimumWidth: Int = 10, padding: Int = 3) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        let columns = lines.map(\.count).max() ?? 0
        for column in 0..<columns {
            var first = 0
            while first < lines.count {
                // A block: neighbouring lines with a tab behind this column.
                guard lines[first].count > column + 1 else {
                    first += 1
                    continue
                }
                var last = first
                while last < lines.count && lines[last].count > column + 1 { last += 1 }
                let widest = lines[first..<last].map { $0[column].unicodeScalars.count }.max() ?? 0
                let width = max(minimumWidth, widest + padding)
                for index in first..<last {
                    lines[index][column] += String(repeating: " ", count: width - lines[index][column].unicodeScalars.count)
                }
                first = last
            }
        }
        return lines.map { $0.joined() }.joined(separator: "\n")
    }

    /// A text as one cell: what would break columns, or speak to the terminal, becomes a space.
    static func cell(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Printable.isControl) else { return text }
        var cell = ""
        for scalar in text.unicodeScalars { cell.unicodeScalars.append(Printable.isControl(scalar) ? " " : scalar) }
        return cell
    }
}
