internal import Errors
internal import FoundationEssentials

/// One instruction of a Dockerfile that changes an image's config and nothing else, as `commit --change` and `import --change` take
/// them.
public struct ConfigChange: Sendable, Equatable {
    /// In upper case: `ENV`.
    public let instruction: String
    /// What stands behind it.
    public let arguments: String

    private static let known: Set<String> = [
        "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]
    private static let lengthLimit = 1 << 20

    /// Reads instructions, one a line; a backslash at the end continues a line, `#` begins a comment.
    /// - Throws: `TimberError.invalidArgument` that names the instruction.
    public static func parse(_ texts: [String]) throws -> [ConfigChange] {
        if texts.reduce(0, { $0 + $1.utf8.count }) > lengthLimit {
            throw TimberError(.invalidArgument, "changes of more than \(lengthLimit) bytes")
        }
        var changes: [ConfigChange] = []
        var pending = ""
        // An empty line behind each text ends what it left open.
        let lines: [Substring] = texts.flatMap { text -> [Substring] in text.split(separator: "\n") + [""] }
        for line in lines {
            let trimmed = line.trimmingBlanks
            if pending.isEmpty && trimmed.hasPrefix("#") { continue }
            if trimmed.hasSuffix("\\") {
                pending += trimmed.dropLast() + " "
                continue
            }
            let whole = (pending + trimmed).trimmingBlanks
            pending = ""
            if !whole.isEmpty { changes.append(try ConfigChange(whole)) }
        }
        return changes
    }

    private init(_ line: String) throws {
        let parts = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        let word = parts.first.map { $0.uppercased() } ?? ""
        guard Self.known.contains(word) else {
            throw TimberError(.invalidArgument, "\(word.prefix(100)) is not a valid change command")
        }
        instruction = word
        arguments = parts.count > 1 ? String(parts[1]).trimmingBlanks : ""
        if arguments.isEmpty { throw TimberError(.invalidArgument, "\(word) requires at least one argument") }
    }

    /// Words in JSON's form, `["a", "b"]`; nil when it is not that.
    private var list: [String]? {
        guard arguments.hasPrefix("[") else { return nil }
        // What is not JSON is a command for the shell, as in Docker.
        return try? JSONDecoder().decode([String].self, from: Data(arguments.utf8))
    }

    /// Makes the change.
    /// - Throws: `TimberError.invalidArgument` that names the instruction.
    func apply(to config: inout ContainerConfig, state: inout State) throws {
        do {
            try change(&config, &state)
        } catch let error as TimberError {
            throw TimberError(error.code, "\(instruction) \(arguments.prefix(200)): \(error.message)")
        }
    }

    /// What one instruction has to know of those before it.
    struct State {
        var hasCommand = false
    }

    private func change(_ config: inout ContainerConfig, _ state: inout State) throws {
        let words = ShellWords(environment: config.env)
        switch instruction {
        case "CMD":
            config.cmd = command(config)
            state.hasCommand = true
        case "ENTRYPOINT":
            config.entrypoint = command(config)
            // The image's command was for the other entry point.
            if !state.hasCommand { config.cmd = nil }
        case "SHELL":
            guard let list, !list.isEmpty else { throw TimberError(.invalidArgument, "must be a list in JSON's form") }
            config.shell = list
        case "ENV":
            for (name, value) in try pairs(words) {
                config.env.removeAll { $0 == name || $0.hasPrefix(name + "=") }
                config.env.append("\(name)=\(value)")
            }
        case "LABEL": for (name, value) in try pairs(words) { config.labels[name] = value }
        case "EXPOSE":
            let ports = try words.split(arguments).flatMap { try Self.ports($0) }
            config.exposedPorts = Set(config.exposedPorts).union(ports).sorted()
        case "VOLUME":
            let paths = try list ?? words.split(arguments)
            if paths.contains(where: \.isEmpty) { throw TimberError(.invalidArgument, "a path cannot be empty") }
            config.volumes = Set(config.volumes).union(paths).sorted()
        case "USER": config.user = try words.expand(arguments)
        case "WORKDIR":
            let path = try words.expand(arguments)
            config.workingDir = Self.clean(path.hasPrefix("/") ? path : "\(config.workingDir)/\(path)")
        case "STOPSIGNAL": config.stopSignal = try words.expand(arguments)
        case "ONBUILD":
            let trigger = arguments.split(maxSplits: 1, whereSeparator: \.isWhitespace).first?.uppercased() ?? ""
            if ["ONBUILD", "FROM", "MAINTAINER"].contains(trigger) {
                throw TimberError(.invalidArgument, "\(trigger) isn't allowed as an ONBUILD trigger")
            }
            config.onBuild.append(arguments)
        default: config.healthcheck = try HealthcheckParser.parse(arguments, list: { ConfigChange.list($0) })
        }
    }

    private static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("[") else { return nil }
        return try? JSONDecoder().decode([String].self, from: Data(text.utf8))
    }

    /// A list as it is, anything else for the shell.
    private func command(_ config: ContainerConfig) -> [String] {
        list ?? (config.shell ?? ["/bin/sh", "-c"]) + [arguments]
    }

    /// `NAME=value …`, or the old `NAME value`.
    private func pairs(_ words: ShellWords) throws -> [(String, String)] {
        let first = arguments.prefix { !$0.isWhitespace }
        if !first.contains("=") {
            let value = arguments.dropFirst(first.count)
            if value.isEmpty { throw TimberError(.invalidArgument, "must have two arguments, or NAME=value") }
            return [(String(first), try words.expand(String(value).trimmingBlanks))]
        }
        return try words.split(arguments).map { word in
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw TimberError(.invalidArgument, "can't find = in \"\(word.prefix(100))\", must be of the form NAME=value")
            }
            return (String(word[..<equals]), String(word[word.index(after: equals)...]))
        }
    }

    private static func ports(_ text: String) throws -> [String] {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let range = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        let protocolName = parts.count == 2 ? parts[1].lowercased() : "tcp"
        guard parts.count <= 2, ["tcp", "udp", "sctp"].contains(protocolName), range.count <= 2, let first = range[0],
            let last = range[range.count - 1], first <= last
        else { throw TimberError(.invalidArgument, "invalid containerPort: \(text.prefix(100))") }
        return (first...last).map { "\($0)/\(protocolName)" }
    }

    private static func clean(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

extension [ConfigChange] {
    /// Makes all changes, one after the other.
    /// - Throws: `TimberError.invalidArgument` that names the instruction.
    public func apply(to config: inout ContainerConfig) throws {
        var state = ConfigChange.State()
        for change in self { try change.apply(to: &config, state: &state) }
    }
}

extension StringProtocol {
    fileprivate var trimmingBlanks: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
