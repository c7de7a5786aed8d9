internal import ArgumentParser
internal import CTimber
internal import DockerAPI
internal import Glibc
internal import LinuxKernel

/// `load`: images from an archive, a layout directory or standard input.
struct Load: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Load images from an archive, a directory or stdin",
        usage: "tctl load [OPTIONS]",
        discussion: """
            Takes what docker save, skopeo, podman and buildah write: a docker
            archive or an OCI layout as a tar file, also compressed, and an OCI
            layout as a directory.

            Examples:
              tctl load -i timber_tutorial.tar
              tctl load < timber_tutorial.tar.gz
              tctl load -i ./oci-layout/
            """
    )
    static let shape = CommandShape(switches: ["q,quiet"], values: ["i,input"], arguments: .none)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Read from a file or directory instead of stdin", valueName: "file"), completion: .file())
    var input: String?
    @Flag(name: .shortAndLong, help: "No progress")
    var quiet = false
    @Option(help: ArgumentHelp("Load one platform only, as os[/arch[/variant]]", valueName: "platform"))
    var platform: String?

    func run(in session: Session) throws {
        if input == nil && Terminal.isTerminal(STDIN_FILENO) {
            throw CommandFailure("standard input is a terminal: give an archive with -i FILE or < FILE")
        }
        let source = try input.map(ArchiveSource.open) ?? FileSource(Descriptor(owning: dup(STDIN_FILENO)), name: "standard input")
        var query: [(name: String, value: String)] = [("quiet", quiet ? "1" : "0")]
        if let platform { query.append(("platform", try Platform.json(platform))) }
        let request = Request.post("/images/load", query: query, body: .stream(source))
        let display = ProgressDisplay(isShown: !quiet && Terminal.isTerminal(STDERR_FILENO))
        let exchange = try session.client.begin(request) { sent in display.sent(sent, of: source.length) }
        display.clear()
        try session.client.check(exchange)
        var messages = ProgressMessages(display: display)
        while case .data(let bytes) = try exchange.step() { try messages.take(bytes) }
        try messages.finish()
    }
}

/// `os[/arch[/variant]]`.
enum Platform {
    /// The JSON form that the API takes.
    static func json(_ text: String) throws -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), !parts.contains("") else {
            throw CommandFailure("invalid platform \(Printable(text)): give os[/arch[/variant]], as linux/amd64", status: 125)
        }
        let names = ["os", "architecture", "variant"]
        return JSONValue.object(zip(names, parts).map { JSONMember(key: $0, value: .string($1)) }).compact
    }
}
