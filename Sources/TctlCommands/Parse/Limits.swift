internal import DockerAPI

/// `--ulimit NAME=SOFT[:HARD]`.
enum UlimitSpec {
    private static let names: Set<String> = [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
        "sigpending", "stack",
    ]

    /// All of a command, by name; the last of a name counts.
    static func all(_ items: [String]) throws -> [Ulimit] {
        let limits = try items.map(parse)
        return Dictionary(limits.map { ($0.name, $0) }, uniquingKeysWith: { $1 }).values.sorted { $0.name < $1.name }
    }

    static func parse(_ text: String) throws -> Ulimit {
        func fail(_ reason: String) -> CommandFailure { CommandFailure("invalid --ulimit \(Printable(text)): \(reason)", status: 125) }
        let (name, value) = KeyValue.split(text)
        guard let value else { throw fail("give NAME=SOFT[:HARD]") }
        guard names.contains(name) else {
            throw fail("\(Printable(name)) is not a limit; known are \(names.sorted().joined(separator: ", "))")
        }
        let limits = value.split(separator: ":", omittingEmptySubsequences: false).map { $0 == "unlimited" ? -1 : Int64($0) ?? Int64.min }
        guard limits.count <= 2, limits.allSatisfy({ $0 >= -1 }), let soft = limits.first, let hard = limits.last else {
            throw fail("\(Printable(value)) is not one or two numbers (-1: no limit)")
        }
        if hard != -1 && (soft > hard || soft == -1) { throw fail("the soft limit is above the hard limit") }
        return Ulimit(name: name, hard: hard, soft: soft)
    }
}

/// `--cap-add` and `--cap-drop`.
enum Capabilities {
    /// In the form that Docker sends: `CAP_NET_ADMIN` for `net_admin`, each once, sorted; nil when there are none.
    static func normalised(_ names: [String]) -> [String]? {
        if names.isEmpty { return nil }
        let upper = names.map { $0.trimmed.uppercased() }
        return Set(upper.map { $0 == "ALL" || $0.hasPrefix("CAP_") ? $0 : "CAP_" + $0 }).sorted()
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace ?? false { text.removeFirst() }
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}

/// `--device HOST[:CONTAINER[:rwm]]`.
enum DeviceSpec {
    static func parse(_ text: String) throws -> DeviceMapping {
        func fail(_ reason: String) -> CommandFailure { CommandFailure("invalid --device \(Printable(text)): \(reason)", status: 125) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 3, !parts[0].isEmpty else { throw fail("give HOST[:CONTAINER[:rwm]]") }
        var device = DeviceMapping(pathOnHost: parts[0], pathInContainer: parts[0], cgroupPermissions: "rwm")
        if parts.count == 3 {
            guard isMode(parts[2]) else { throw fail("\(Printable(parts[2])) is not made of r, w and m") }
            device.pathInContainer = parts[1]
            device.cgroupPermissions = parts[2]
        } else if parts.count == 2 {
            if isMode(parts[1]) { device.cgroupPermissions = parts[1] } else { device.pathInContainer = parts[1] }
        }
        guard device.pathInContainer.hasPrefix("/") else { throw fail("the path in the container must start with /") }
        return device
    }

    private static func isMode(_ text: String) -> Bool {
        !text.isEmpty && text.count <= 3 && text.allSatisfy("rwm".contains) && Set(text).count == text.count
    }
}

/// `--add-host NAME:ADDRESS`, also `NAME=ADDRESS`.
enum HostEntry {
    static func parse(_ text: String) throws -> String {
        guard let separator = text.firstIndex(where: { $0 == "=" || $0 == ":" }), separator != text.startIndex else {
            throw CommandFailure("invalid --add-host \(Printable(text)): give NAME:ADDRESS", status: 125)
        }
        var address = text[text.index(after: separator)...]
        if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
        guard address == "host-gateway" || IPAddress.isValid(String(address)) else {
            throw CommandFailure("invalid --add-host \(Printable(text)): \(Printable(String(address))) is not an address", status: 125)
        }
        return "\(text[..<separator]):\(address)"
    }
}
