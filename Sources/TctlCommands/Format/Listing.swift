/// Rows of a list command, and how they are printed: Docker's table, a template, or JSON lines.
struct Listing {
    /// A field that a template can name, with its heading.
    struct Field {
        let name: String
        let heading: String
    }

    /// One row: its fields' texts, and its labels for `.Label "name"`.
    struct Row {
        var fields: [String: String]
        var labels: [String: String] = [:]
    }

    /// Everything that a template can name.
    let fields: [Field]
    /// The template of the default table, such as `table {{.ID}}\t{{.Names}}`.
    var table: String
    /// What `-q` prints.
    let key: String

    /// Prints rows.
    /// - Parameters:
    ///   - rows: the rows in their order.
    ///   - format: `--format`: nil or `table` for the default table, `json`, `table TEMPLATE` or `TEMPLATE`.
    ///   - quiet: only the key of each row.
    func print(_ rows: [Row], format: String?, quiet: Bool) throws {
        try Console.print(render(rows, format: format, quiet: quiet))
    }

    /// The text that `print` prints.
    func render(_ rows: [Row], format: String?, quiet: Bool) throws -> String {
        var format = format ?? ""
        if quiet && (format.isEmpty || format == "table") {
            return rows.map { ($0.fields[key] ?? "") + "\n" }.joined()
        }
        if format == "json" { format = "{{json .}}" }
        if format.isEmpty || format == "table" { format = table }
        let isTable = format == "table" || format.hasPrefix("table ")
        let template = try Template(parsing: Listing.unescape(isTable ? String(format.dropFirst(6)) : format))
        var text = ""
        if isTable {
            let headings = Dictionary(fields.map { ($0.name, $0.heading) }, uniquingKeysWith: { $1 })
            text += try template.render(TemplateRow.value(Row(fields: headings), isHeading: true)) + "\n"
        }
        for row in rows {
            let safe = isTable ? Row(fields: row.fields.mapValues(TabWriter.cell), labels: row.labels.mapValues(TabWriter.cell)) : row
            text += try template.render(TemplateRow.value(safe, isHeading: false)) + "\n"
        }
        return isTable ? TabWriter.align(text) : text
    }

    /// `\t` and `\n` as a shell leaves them.
    static func unescape(_ format: String) -> String {
        var result = ""
        var isEscape = false
        for character in format {
            if isEscape {
                switch character {
                case "t": result += "\t"
                case "n": result += "\n"
                default: result += "\\" + String(character)
                }
                isEscape = false
            } else if character == "\\" {
                isEscape = true
            } else {
                result.append(character)
            }
        }
        return isEscape ? result + "\\" : result
    }
}
