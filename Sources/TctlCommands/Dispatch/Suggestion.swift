internal import ArgumentParser

/// What somebody may have meant.
enum Suggestion {
    /// The name within two edits of a word; nil when there is none.
    static func nearest(to word: String, in names: [String]) -> String? {
        let ranked = names.map { (name: $0, distance: distance(word, $0)) }.filter { $0.distance <= min(2, word.count / 2) }
        return ranked.min { $0.distance < $1.distance }?.name
    }

    /// Words about the first flag that a command does not have; nil when it has all of them.
    static func unknownFlag(of command: any ParsableCommand.Type, given: [String]) -> String? {
        let known = flags(of: command)
        guard let unknown = given.first(where: { !known.contains($0) }) else { return nil }
        let near = nearest(to: unknown, in: known.filter { $0.hasPrefix("--") }.sorted())
        return "unknown flag \(Printable(unknown))" + (near.map { "; did you mean \($0)?" } ?? "")
    }

    /// All flags that a command declares, with their dashes.
    static func flags(of command: any ParsableCommand.Type) -> Set<String> {
        guard let help = try? JSONValue(parsing: command._dumpHelp()) else { return [] }
        var flags: Set<String> = ["--help", "-h"]
        for argument in help["command"]?["arguments"]?.elements ?? [] {
            for name in argument["names"]?.elements ?? [] {
                guard let text = name["name"]?.text else { continue }
                flags.insert(text.count == 1 ? "-\(text)" : "--\(text)")
            }
        }
        return flags
    }

    /// Levenshtein's distance.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (index, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let cost = diagonal + (character == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(cost, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
