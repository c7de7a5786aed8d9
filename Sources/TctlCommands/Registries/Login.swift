internal import ArgumentParser
internal import DockerAPI
internal import Glibc
internal import LinuxKernel

/// `login`: keeps a name and a password that a registry takes.
struct Login: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Log in to a registry",
        usage: "tctl login [OPTIONS] [REGISTRY]",
        discussion: """
            Without REGISTRY it is Docker Hub. The password is kept where docker
            keeps it: with the helper that ~/.docker/config.json names, otherwise
            in that file.

            Example:
              tctl login -u me --password-stdin registry.example.com:5000 < password
            """
    )
    static let shape = CommandShape(switches: ["password-stdin"], values: ["p,password", "u,username"], arguments: .atMost(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Who you are there", valueName: "name"))
    var username: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("The password; others can see it in the list of processes", valueName: "password"))
    var password: String?
    @Flag(help: "Read the password from stdin")
    var passwordStdin = false
    @Argument(help: "The registry, as image names begin")
    var registry: String?

    func run(in session: Session) throws {
        let key = RegistryKey.of(registry: registry)
        var credentials = AuthConfig()
        credentials.serveraddress = key
        credentials.username = try name()
        credentials.password = try secret(of: credentials.username)
        _ = try session.client.json(.post("/auth", body: .json(credentials.json())))
        var file = try CredentialFile()
        try file.store(key, user: credentials.username, password: credentials.password)
        if file.helper(key) == nil {
            Console.note("tctl: the password is kept unencrypted in config.json: a credential helper keeps it better")
        }
        try Console.print("Login Succeeded\n")
    }

    private func name() throws -> String {
        if let username { return username }
        if passwordStdin { throw CommandFailure("--password-stdin needs --username") }
        guard Terminal.isTerminal(STDIN_FILENO) else {
            throw CommandFailure("standard input is no terminal: give --username and --password-stdin")
        }
        Console.ask("Username: ")
        return readLine() ?? ""
    }

    private func secret(of name: String) throws -> String {
        if let password {
            if passwordStdin { throw CommandFailure("--password and --password-stdin are mutually exclusive") }
            Console.note("tctl: warning: a password on the command line is seen by others: use --password-stdin")
            return password
        }
        if passwordStdin {
            let bytes = try LinuxKernel.Files.read(STDIN_FILENO, limit: 64 << 10, what: "standard input")
            return String(decoding: bytes.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed(), as: UTF8.self)
        }
        guard Terminal.isTerminal(STDIN_FILENO) else { throw CommandFailure("standard input is no terminal: use --password-stdin") }
        return try Terminal.withoutEcho {
            Console.ask("Password: ")
            defer { Console.note("") }
            return readLine() ?? ""
        }
    }
}

/// `logout`: forgets a password.
struct Logout: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout",
        abstract: "Forget the password of a registry",
        usage: "tctl logout [REGISTRY]"
    )
    static let shape = CommandShape(switches: [], arguments: .atMost(1))

    @Argument(help: "The registry, as image names begin")
    var registry: String?

    func run(in session: Session) throws {
        let key = RegistryKey.of(registry: registry)
        var file = try CredentialFile()
        let what = key == RegistryKey.dockerHub ? "Docker Hub" : key
        guard try file.erase(key) else { throw CommandFailure("nobody is logged in to \(Printable(what))") }
        try Console.print("Removing login credentials for \(what)\n")
    }
}
