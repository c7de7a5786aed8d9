internal import CTimber
internal import Glibc
internal import LinuxKernel

/// `docker-credential-NAME`: a program that keeps passwords somewhere better than in a file.
struct CredentialHelper {
    let name: String

    /// Asks for what it keeps of a registry.
    /// - Returns: nil when that is nothing.
    /// - Throws: `CommandFailure`.
    func get(_ key: String) throws -> (user: String, secret: String)? {
        let (status, output) = try run("get", Array(key.utf8))
        if status != 0 {
            if output.contains("credentials not found") { return nil }
            throw failure("get", output)
        }
        guard let answer = try? JSONValue(parsing: output), let user = answer["Username"]?.text, let secret = answer["Secret"]?.text else {
            throw CommandFailure("docker-credential-\(Printable(name)) answered with something else than credentials")
        }
        return (user, secret)
    }

    /// Keeps credentials.
    func store(_ key: String, user: String, secret: String) throws {
        let members = [("ServerURL", key), ("Username", user), ("Secret", secret)].map { JSONMember(key: $0.0, value: .string($0.1)) }
        let (status, output) = try run("store", Array(JSONValue.object(members).compact.utf8))
        if status != 0 { throw failure("store", output) }
    }

    /// Forgets credentials.
    func erase(_ key: String) throws {
        let (status, output) = try run("erase", Array(key.utf8))
        if status != 0 && !output.contains("credentials not found") { throw failure("erase", output) }
    }

    private func failure(_ verb: String, _ output: String) -> CommandFailure {
        let words = output.split(separator: "\n").first.map(String.init) ?? "it said nothing"
        return CommandFailure("docker-credential-\(Printable(name)) \(verb) failed: \(Printable(words))")
    }

    /// Runs the program with a short input, less than a pipe holds; its errors go where ours go.
    private func run(_ verb: String, _ input: [UInt8]) throws -> (status: Int32, output: String) {
        guard !name.isEmpty, !name.contains("/") else { throw CommandFailure("\(Printable(name)) is no name of a credential helper") }
        let program = "docker-credential-\(name)"
        do {
            let question = try Pipe()
            let answer = try Pipe()
            let childInput = question.readEnd
            let ourOutput = question.writeEnd
            let ourInput = answer.readEnd
            let childOutput = answer.writeEnd
            let pid = try start([program, verb], input: childInput.raw, output: childOutput.raw)
            _ = consume childInput
            _ = consume childOutput
            // One that does not want to know is told nothing.
            let before = signal(SIGPIPE, SIG_IGN)
            defer { signal(SIGPIPE, before) }
            do {
                try input.withUnsafeBytes { try Transfer.writeFully(ourOutput.raw, $0) }
            } catch let error as SystemError where error.errno == EPIPE {}
            _ = consume ourOutput
            let output = try LinuxKernel.Files.read(ourInput.raw, limit: 1 << 20, what: program)
            var status: Int32 = 0
            try retrying("waitpid", program) { waitpid(pid, &status, 0) }
            return (status, String(decoding: output, as: UTF8.self))
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(program)), which config.json names, cannot be run: \(error.reason)")
        }
    }

    private func start(_ arguments: [String], input: Int32, output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        let argv = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, arguments[0], &actions, nil, argv, environ)
        if result != 0 { throw SystemError(call: "posix_spawn", errno: result, what: arguments[0]) }
        return pid
    }
}
