internal import ArgumentParser
internal import Glibc

/// `export`: a container's files as an archive.
struct Export: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Export a container's file system as a tar archive",
        usage: "tctl export [OPTIONS] CONTAINER",
        discussion: """
            Volumes and other mounts are not in it.

            Examples:
              tctl export -o web.tar web
              tctl export web | tar tv
            """
    )
    static let shape = CommandShape(switches: [], values: ["o,output"], arguments: .exactly(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Write to a file instead of stdout", valueName: "file"), completion: .file())
    var output: String?
    @Argument(help: "Name or id of a container", completion: .containers)
    var container: String

    func run(in session: Session) throws {
        try ArchiveOutput.refuseTerminal(output)
        let exchange = try session.client.open(.get(try ContainerPath.make(container, "/export")))
        try ArchiveOutput.write(exchange, to: output, display: ProgressDisplay(isShown: Terminal.isTerminal(STDERR_FILENO)))
    }
}
