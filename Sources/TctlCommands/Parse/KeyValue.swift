internal import Glibc

/// `KEY=VALUE`.
enum KeyValue {
    /// Splits at the first `=`; no value when there is none.
    static func split(_ text: String) -> (key: String, value: String?) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }

    /// A flag's `KEY=VALUE` or `KEY` for an empty value, such as a label.
    static func map(_ items: [String]) -> [String: String] {
        var result: [String: String] = [:]
        for item in items {
            let (key, value) = split(item)
            result[key] = value ?? ""
        }
        return result
    }
}

/// Truth values as Go's strconv.ParseBool reads them.
enum Truth {
    static func parse(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}

/// `-e` and `--env-file`, `--label` and `--label-file`.
struct KeyValueFile {
    /// What a name without `=` becomes.
    enum BareName {
        /// The value of this process's environment; left out when there is none (`--env-file`).
        case fromEnvironment((String) -> String?)
        /// The name alone (`--label-file`).
        case kept
    }

    /// Reads the lines of a file: `#` starts a comment line, white space before a name is dropped, values stay as they are.
    /// - Parameters:
    ///   - bytes: the file.
    ///   - path: for messages.
    /// - Throws: `CommandFailure` (125) that names the line.
    static func parse(_ bytes: [UInt8], path: String, bare: BareName) throws -> [String] {
        func fail(_ line: Int, _ reason: String) -> CommandFailure {
            CommandFailure("\(Printable(path)), line \(line): \(reason)", status: 125)
        }
        var result: [String] = []
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        for (index, raw) in content.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            let line = raw.last == 0x0D ? raw.dropLast() : raw
            guard let text = String(validating: line, as: UTF8.self) else { throw fail(number, "not UTF-8") }
            let trimmed = text.drop { $0 == " " || $0 == "\t" }
            if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
            let (name, value) = KeyValue.split(String(trimmed))
            if name.isEmpty { throw fail(number, "no name before =") }
            if name.contains(where: { $0 == " " || $0 == "\t" }) { throw fail(number, "the name \(Printable(name)) contains white space") }
            if value != nil {
                result.append(String(trimmed))
                continue
            }
            switch bare {
            case .kept: result.append(name)
            case .fromEnvironment(let lookup): if let value = lookup(name) { result.append("\(name)=\(value)") }
            }
        }
        return result
    }

    /// One `-e`: `KEY` alone takes the value of this process, and without one stays alone, which unsets the image's.
    static func environment(_ item: String, lookup: (String) -> String?) throws -> String {
        let (name, value) = KeyValue.split(item)
        if name.isEmpty { throw CommandFailure("invalid environment variable \(Printable(item)): no name before =", status: 125) }
        if value == nil, let own = lookup(name) { return "\(name)=\(own)" }
        return item
    }

    /// All variables of a command: the files' first, so that `-e` wins.
    static func environment(files: [String], items: [String]) throws -> [String] {
        var result: [String] = []
        for path in files {
            result += try parse(Files.read(path, limit: 16 << 20, status: 125), path: path, bare: .fromEnvironment(Environment.value))
        }
        return result + (try items.map { try environment($0, lookup: Environment.value) })
    }

    /// All labels of a command.
    static func labels(files: [String], items: [String]) throws -> [String: String] {
        var result: [String] = []
        for path in files { result += try parse(Files.read(path, limit: 16 << 20, status: 125), path: path, bare: .kept) }
        if let item = items.first(where: { $0.isEmpty || $0.hasPrefix("=") }) {
            throw CommandFailure("invalid label \(Printable(item)): no name before =", status: 125)
        }
        return KeyValue.map(result + items)
    }
}

/// This process's environment.
enum Environment {
    static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
