internal import ArgumentParser
internal import DockerAPI
internal import Glibc

/// Finds the command, reads its flags, runs it, and turns errors into messages and exit statuses.
struct Dispatcher {
    private struct Globals {
        var host: String?
        var wantsVersion = false
        var wantsHelp = false
    }

    /// Where the words led in the tree of commands.
    private struct Found {
        var type: any ParsableCommand.Type
        /// Nil for a group of commands.
        var command: (any TctlCommand.Type)?
        var path: [String] = []
    }

    /// Runs a command line.
    /// - Parameter words: the arguments behind the program's name.
    /// - Returns: the exit status.
    static func run(_ words: [String]) -> Int32 {
        var rest = words[...]
        do {
            let globals = try readGlobals(&rest)
            if globals.wantsVersion {
                try Console.print("tctl version \(TimberVersion.text)\n")
                return 0
            }
            guard let first = rest.first, !globals.wantsHelp else {
                try Console.print(Tctl.helpMessage() + "\n")
                return 0
            }
            if first == "help" { return try help(Array(rest.dropFirst())) }
            // Requests of ArgumentParser's own: completion scripts and what they call, and the dump that man pages are made from.
            if first.hasPrefix("--generate-completion-script") || first == "---completion" || first == "--experimental-dump-help" {
                return try argumentParser(Array(rest))
            }
            return try dispatch(&rest, host: globals.host)
        } catch {
            return report(error, command: nil)
        }
    }

    private static func readGlobals(_ rest: inout ArraySlice<String>) throws -> Globals {
        var globals = Globals()
        while let word = rest.first, word.hasPrefix("-") {
            if word.hasPrefix("--generate-completion-script") || word == "---completion" || word == "--experimental-dump-help" { break }
            rest.removeFirst()
            switch word {
            case "-H", "--host":
                guard let value = rest.popFirst() else { throw CommandFailure.usage("flag \(word) needs a value") }
                globals.host = value
            case "-v", "--version": globals.wantsVersion = true
            case "-h", "--help": globals.wantsHelp = true
            default:
                if word.hasPrefix("--host=") {
                    globals.host = String(word.dropFirst("--host=".count))
                } else if word.hasPrefix("-H") {
                    globals.host = String(word.dropFirst(word.hasPrefix("-H=") ? 3 : 2))
                } else {
                    throw CommandFailure.usage("unknown flag \(Printable(word))")
                }
            }
        }
        return globals
    }

    private static func dispatch(_ rest: inout ArraySlice<String>, host: String?) throws -> Int32 {
        let found = find(&rest)
        guard let command = found.command else {
            if let word = rest.first, !["-h", "--help"].contains(word) {
                if word.hasPrefix("-") { throw CommandFailure.usage("unknown flag \(Printable(word))") }
                let path = ["tctl"] + found.path + [word]
                let near = Suggestion.nearest(to: word, in: names(below: found.type)).map { "; did you mean \($0)?" } ?? ""
                throw CommandFailure("unknown command \(Printable(path.joined(separator: " ")))\(near)", showsUsage: true)
            }
            try Console.print(Tctl.helpMessage(for: found.type) + "\n")
            return 0
        }
        do {
            let parsed = try parse(command, Array(rest))
            guard let parsed else {
                try Console.print(Tctl.helpMessage(for: command, columns: nil) + "\n")
                return 0
            }
            let endpoint = try Endpoint.resolve(flag: host, environment: Environment.value)
            try parsed.run(in: Session(client: Client(endpoint: endpoint)))
            return 0
        } catch {
            return report(error, command: command)
        }
    }

    /// Walks down the tree of commands.
    private static func find(_ rest: inout ArraySlice<String>) -> Found {
        // Without ArgumentParser's tree, and for most without a configuration: both take time to make.
        if let word = rest.first, let command = Tctl.frequent(word) {
            rest.removeFirst()
            return Found(type: command, command: command, path: [word])
        }
        if let word = rest.first, let command = Tctl.commands.lazy.flatMap(\.commands).first(where: { answers(word, $0) }) {
            rest.removeFirst()
            return Found(type: command, command: command, path: [word])
        }
        var found = Found(type: Tctl.self)
        while let word = rest.first, let next = found.type.configuration.subcommands.first(where: { answers(word, $0) }) {
            rest.removeFirst()
            found = Found(type: next, command: next as? any TctlCommand.Type, path: found.path + [word])
        }
        return found
    }

    private static func answers(_ word: String, _ command: any ParsableCommand.Type) -> Bool {
        command.configuration.commandName == word || command.configuration.aliases.contains(word)
    }

    private static func names(below type: any ParsableCommand.Type) -> [String] {
        type.configuration.subcommands.compactMap { $0.configuration.commandName }
    }

    /// Reads the command line of one command.
    /// - Returns: nil when help was asked for.
    static func parse(_ command: any TctlCommand.Type, _ words: [String]) throws -> (any TctlCommand)? {
        let reader = FlagReader(words, shape: command.shape)
        if reader.wantsHelp { return nil }
        do {
            if let problem = reader.problem { throw problem }
            if let complaint = command.shape.arguments.complaint(count: reader.arguments.count) {
                throw CommandFailure("tctl \(command.configuration.commandName ?? "") \(complaint)", showsUsage: true)
            }
            if let filled = FlagFiller.fill(command, from: reader) { return filled }
            return try command.parse(reader.canonical)
        } catch {
            // A flag that does not exist took the next word for its value: say that first.
            if let unknown = Suggestion.unknownFlag(of: command, given: reader.flags) { throw CommandFailure.usage(unknown) }
            if let failure = error as? CommandFailure { throw failure }
            throw CommandFailure.usage(command.message(for: error))
        }
    }

    private static func help(_ words: [String]) throws -> Int32 {
        var rest = words[...]
        let found = find(&rest)
        if let word = rest.first { throw CommandFailure("unknown command tctl \(Printable(word))", showsUsage: true) }
        try Console.print(Tctl.helpMessage(for: found.type) + "\n")
        return 0
    }

    private static func argumentParser(_ words: [String]) throws -> Int32 {
        do {
            _ = try Tctl.parseAsRoot(words)
        } catch {
            let text = Tctl.fullMessage(for: error)
            let status = Tctl.exitCode(for: error).rawValue
            if status == 0 { try Console.print(text + "\n") } else { Console.note(text) }
            return status
        }
        return 0
    }

    /// Prints an error.
    /// - Returns: the exit status.
    private static func report(_ error: any Error, command: (any TctlCommand.Type)?) -> Int32 {
        let failure = (error as? CommandFailure) ?? CommandFailure("\(Printable("\(error)"))")
        if !failure.message.isEmpty { Console.note("tctl: \(failure.message)") }
        if failure.showsUsage {
            let usage = command?.configuration.usage ?? "tctl [--host SOCKET] COMMAND"
            let name = command?.configuration.commandName.map { " \($0)" } ?? ""
            Console.note("\nUsage: \(usage)\n\nSee 'tctl\(name) --help'")
        }
        return failure.status
    }
}
