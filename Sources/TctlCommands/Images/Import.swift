internal import ArgumentParser
internal import Glibc
internal import LinuxKernel

/// `import`: an image of an archive of files.
struct Import: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Create an image from a tar archive of a file system",
        usage: "tctl import [OPTIONS] FILE|- [REPOSITORY[:TAG]]",
        discussion: """
            Examples:
              tctl import rootfs.tar.gz base:1
              tctl export web | tctl import -c 'CMD ["sh"]' - web:flat
            """
    )
    static let shape = CommandShape(switches: [], values: ["c,change", "m,message"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Apply an instruction of a Dockerfile", valueName: "instruction"))
    var change: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("Say where it comes from", valueName: "text"))
    var message: String?
    @Option(help: ArgumentHelp("For which platform it is, as os[/arch[/variant]]", valueName: "platform"))
    var platform: String?
    @Argument(help: "A file, or - for stdin", completion: .file())
    var source: String
    @Argument(help: "Name of the image")
    var reference: String?

    func run(in session: Session) throws {
        if source.hasPrefix("http://") || source.hasPrefix("https://") {
            throw CommandFailure("\(Printable(source)) is not fetched: download it, and give the file or its content on stdin")
        }
        if source == "-" && Terminal.isTerminal(STDIN_FILENO) {
            throw CommandFailure("standard input is a terminal: give an archive with < FILE")
        }
        let archive =
            source == "-" ? FileSource(Descriptor(owning: dup(STDIN_FILENO)), name: "standard input") : try ArchiveSource.openFile(source)
        let (repository, tag) = try reference.map(Tag.split) ?? ("", "")
        var query = [(name: "fromSrc", value: "-"), (name: "message", value: message ?? ""), (name: "repo", value: repository)]
        query += [(name: "tag", value: tag)] + change.map { (name: "changes", value: $0) }
        if let platform { query.append((name: "platform", value: platform)) }
        let request = Request.post("/images/create", query: query, body: .stream(archive))
        let display = ProgressDisplay(isShown: Terminal.isTerminal(STDERR_FILENO))
        let exchange = try session.client.begin(request) { sent in display.sent(sent, of: archive.length) }
        display.clear()
        try session.client.check(exchange)
        var messages = ProgressMessages(display: display, printsStatus: true)
        while case .data(let bytes) = try exchange.step() { try messages.take(bytes) }
        try messages.finish()
    }
}
