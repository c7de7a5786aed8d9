/// `--filter KEY=VALUE`, passed on to the daemon.
enum Filters {
    /// The query's `filters` value: a map of lists.
    /// - Returns: nil when there are none.
    /// - Throws: `CommandFailure` for a filter without `=`.
    static func json(_ filters: [String]) throws -> String? {
        if filters.isEmpty { return nil }
        var values: [String: [String]] = [:]
        for filter in filters {
            let (key, value) = KeyValue.split(filter)
            let name = key.lowercased().filter { !$0.isWhitespace }
            guard let value, !name.isEmpty else { throw CommandFailure("invalid filter \(Printable(filter)): give KEY=VALUE", status: 125) }
            values[name, default: []].append(value)
        }
        return JSONValue.object(
            values.sorted { $0.key < $1.key }.map { key, items in
                JSONMember(key: key, value: .object(items.map { JSONMember(key: $0, value: .bool(true)) }))
            }
        ).compact
    }
}
