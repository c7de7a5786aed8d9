import ArgumentParser
import Testing

@testable import TctlCommands

/// Every command of the tree.
private func leaves(of type: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
    let below = type.configuration.subcommands
    return below.isEmpty ? [type] : below.flatMap { leaves(of: $0) }
}

@Suite struct CommandTests {
    /// The flag reader knows which flags take no value from `shape`, ArgumentParser from the declaration: they must agree.
    @Test func switchesAgreeWithTheDeclarations() throws {
        for leaf in leaves(of: Tctl.self) {
            let command = try #require(leaf as? any TctlCommand.Type, "\(leaf) is no TctlCommand")
            let help = try JSONValue(parsing: command._dumpHelp())
            var declared: Set<String> = []
            for argument in help["command"]?["arguments"]?.elements ?? [] where argument["kind"]?.text == "flag" {
                for name in argument["names"]?.elements ?? [] {
                    let text = try #require(name["name"]?.text)
                    if text != "help" && text != "h" && !text.hasPrefix("no-sig-proxy") && !["no-human", "no-pause"].contains(text) {
                        declared.insert(text)
                    }
                }
            }
            let shape = Set(command.shape.switches.flatMap { $0.split(separator: "=")[0].split(separator: ",").map(String.init) })
            #expect(declared == shape, "\(command)")
        }
    }

    /// What is read without ArgumentParser is what ArgumentParser would have read, whichever name of a flag is used.
    @Test func bothWaysOfReadingAgree() throws {
        var seen: Set<ObjectIdentifier> = []
        for leaf in leaves(of: Tctl.self) where seen.insert(ObjectIdentifier(leaf)).inserted {
            let command = try #require(leaf as? any TctlCommand.Type)
            let help = try JSONValue(parsing: command._dumpHelp())
            let arguments =
                switch command.shape.arguments {
                case .none: [String]()
                case .exactly(let count), .atLeast(let count), .atMost(let count): (0..<count).map { "argument\($0)" }
                }
            // Every flag by its first name, then by its second, and so on; twice, so that the last value counts, or both.
            for choice in 0..<3 {
                var words: [String] = []
                for argument in help["command"]?["arguments"]?.elements ?? [] {
                    let names = (argument["names"]?.elements ?? []).compactMap { $0["name"]?.text }
                    guard choice < names.count, names[0] != "help", !names[choice].hasPrefix("no-sig-proxy"), names[choice] != "no-human"
                    else { continue }
                    let flag = names[choice].count == 1 ? "-\(names[choice])" : "--\(names[choice])"
                    words += argument["kind"]?.text == "flag" ? [flag] : [flag, "a=\(words.count)", flag, "-b"]
                }
                let reader = FlagReader(words + arguments, shape: command.shape)
                guard let filled = FlagFiller.fill(command, from: reader) else {
                    // ArgumentParser reads it then; those that somebody may wait for are not to be slow.
                    #expect(
                        !["run", "create", "exec", "ps", "logs", "start", "stop", "rm", "images"].contains(
                            command.configuration.commandName))
                    continue
                }
                #expect("\(filled)" == "\(try command.parse(reader.canonical))", "\(command) \(words)")
            }
        }
    }

    /// What is found by its word alone is what the tree has under that word.
    @Test func frequentCommandsAreThoseOfTheTree() {
        var found = 0
        for command in Tctl.commands.flatMap(\.commands) {
            let configuration = command.configuration
            for word in [configuration.commandName].compactMap(\.self) + configuration.aliases {
                guard let frequent = Tctl.frequent(word) else { continue }
                #expect(ObjectIdentifier(frequent) == ObjectIdentifier(command), "\(word)")
                found += 1
            }
        }
        #expect(found == 3)
    }

    /// Nothing that ArgumentParser would refuse is taken.
    @Test func whatNoPropertyTakesIsLeftToArgumentParser() {
        func filled(_ words: String...) -> (any TctlCommand)? { FlagFiller.fill(Run.self, from: FlagReader(words, shape: Run.shape)) }
        #expect(filled("busybox") != nil)
        #expect(filled("--foo", "1", "busybox") == nil)
        #expect(filled("--options", "1", "busybox") == nil)
        #expect(filled("--image", "1", "busybox") == nil)
        #expect(filled("--detachKeys", "1", "busybox") == nil)
        #expect(filled() == nil)
    }

    @Test func everyCommandHasWordsForPeople() {
        for leaf in leaves(of: Tctl.self) {
            let configuration = leaf.configuration
            #expect(!configuration.abstract.isEmpty, "\(leaf)")
            #expect(configuration.usage?.hasPrefix("tctl ") ?? false, "\(leaf)")
            // A terminal has eighty columns, and ArgumentParser wraps what is longer where it likes.
            for line in configuration.discussion.split(separator: "\n") { #expect(line.count <= 78, "\(leaf): \(line)") }
        }
    }

    private func parse(_ words: String...) throws -> Run {
        try #require(try Dispatcher.parse(Run.self, words) as? Run)
    }

    private func failure(_ words: String...) -> CommandFailure? {
        #expect(throws: CommandFailure.self) { try Dispatcher.parse(Run.self, words) }
    }

    @Test func runIsReadAsDockerReadsIt() throws {
        let run = try parse(
            "-itd", "--rm", "--name=web", "-p", "80:80", "-p8081:81", "-e", "A=-x", "--entrypoint", "", "busybox", "ls", "-l", "--", "--rm")
        #expect(run.options.interactive && run.options.tty && run.detach && run.options.rm)
        #expect(run.options.name == "web")
        #expect(run.options.network.publish == ["80:80", "8081:81"])
        #expect(run.options.process.env == ["A=-x"])
        #expect(run.options.process.entrypoint == "")
        #expect(run.image == "busybox")
        #expect(run.command == ["ls", "-l", "--", "--rm"])
        #expect(run.sigProxy)
        #expect(try !parse("--sig-proxy=false", "x").sigProxy)
        #expect(try parse("--name", "a", "--name", "b", "x").options.name == "b")
    }

    @Test func mistakesAreNamed() {
        #expect(failure()?.status == 1)
        #expect(failure()?.message == "tctl run requires at least 1 argument")
        #expect(failure("--foo", "x")?.message == "unknown flag --foo")
        #expect(failure("--foo", "x")?.status == 125)
        #expect(failure("--foo")?.message == "unknown flag --foo")
        #expect(failure("--nme", "web", "x")?.message == "unknown flag --nme; did you mean --name?")
        #expect(failure("-Z", "x")?.message == "unknown flag -Z")
        #expect(failure("--name")?.message == "flag --name needs a value")
        #expect(failure("-d=maybe", "x")?.status == 125)
    }

    private func request(_ words: String...) throws -> JSONValue {
        let run = try #require(try Dispatcher.parse(Run.self, words) as? Run)
        let builder = CreateRequestBuilder(
            options: run.options, image: run.image, command: run.command, isDetached: run.detach, window: nil)
        return try JSONValue(parsing: try builder.build().json())
    }

    @Test func requestsSayWhatTheFlagsSay() throws {
        let request = try request(
            "-i", "-m", "64m", "--cpus", ".5", "-v", "/a:/b", "-v", "/c", "--security-opt", "no-new-privileges:true", "x", "true")
        #expect(request["Image"] == .string("x"))
        #expect(request["Cmd"] == .array([.string("true")]))
        #expect(request["OpenStdin"] == .bool(true))
        #expect(request["StdinOnce"] == .bool(true))
        #expect(request["HostConfig"]?["Memory"] == .number("67108864"))
        #expect(request["HostConfig"]?["NanoCpus"] == .number("500000000"))
        #expect(request["HostConfig"]?["Binds"] == .array([.string("/a:/b")]))
        #expect(request["Volumes"] == .object([JSONMember(key: "/c", value: .object([]))]))
        #expect(request["HostConfig"]?["SecurityOpt"] == .array([.string("no-new-privileges=true")]))
    }

    @Test(arguments: [
        ["-d", "-a", "stdout", "x"], ["-a", "foo", "x"], ["--network", "", "x"], ["--network", "name=a,alias", "x"],
        ["--network", "alias=b", "x"], ["--network", "host", "--network", "a", "x"],
        ["--tmpfs", "run", "x"], ["--sysctl", "a", "x"],
        ["--oom-score-adj", "1001", "x"], ["--dns", "x", "x"], ["--security-opt", "foo", "x"], ["--stop-timeout", "x", "x"],
        ["--env-file", "/nonexistent", "x"],
    ])
    func badValuesAreRefusedBeforeAnythingHappens(words: [String]) throws {
        let run = try #require(try Dispatcher.parse(Run.self, words) as? Run)
        let builder = CreateRequestBuilder(
            options: run.options, image: run.image, command: run.command, isDetached: run.detach, window: nil)
        let failure = #expect(throws: CommandFailure.self) { try builder.build() }
        #expect(failure?.status == 125)
    }

    @Test func helpIsFound() throws {
        #expect(try Dispatcher.parse(Run.self, ["--help"]) == nil)
        #expect(try Dispatcher.parse(ListContainers.self, ["-h"]) == nil)
    }

    @Test func tarHeadersAreUstar() throws {
        let header = try UstarHeader.make(name: "blobs/sha256/x", size: 0o1234567)
        #expect(header.count == 512)
        #expect(Array(header[124..<136]) == Array("00001234567\u{0}".utf8))
        #expect(Array(header[257..<265]) == Array("ustar\u{0}00".utf8))
        var blank = header
        blank.replaceSubrange(148..<156, with: Array("        ".utf8))
        let sum = blank.reduce(0) { $0 + Int($1) }
        #expect(Int(String(decoding: header[148..<154], as: UTF8.self), radix: 8) == sum)
        let large = try UstarHeader.make(name: "x", size: 1 << 40)
        #expect(Array(large[124..<136]) == [0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0])
        #expect(throws: CommandFailure.self) { try UstarHeader.make(name: String(repeating: "x", count: 101), size: 0) }
    }
}
