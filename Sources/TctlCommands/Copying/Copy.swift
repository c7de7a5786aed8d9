internal import ArgumentParser
internal import Glibc

/// `cp`: files between a container and this machine.
struct Copy: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp",
        abstract: "Copy files between a container and the local machine",
        usage: "tctl cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n       tctl cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        discussion: """
            - stands for a tar archive on stdin or stdout. A source that ends with
            /. means the content of the directory, not the directory.

            Examples:
              tctl cp web:/etc/nginx ./nginx
              tctl cp index.html web:/srv/
              tctl cp web:/srv/. - | tar tv
              tar c . | tctl cp - web:/srv
            """
    )
    static let shape = CommandShape(switches: ["a,archive", "L,follow-link", "q,quiet"], arguments: .exactly(2))

    @Flag(name: .shortAndLong, help: "Keep owners; into a container: its user's")
    var archive = false
    @Flag(name: [.customShort("L"), .long], help: "Copy what a symbolic link means, not the link")
    var followLink = false
    @Flag(name: .shortAndLong, help: "No progress")
    var quiet = false
    @Argument(help: "CONTAINER:PATH, a local path, or -", completion: .file())
    var source: String
    @Argument(help: "CONTAINER:PATH, a local path, or -", completion: .file())
    var destination: String

    func run(in session: Session) throws {
        if source.isEmpty { throw CommandFailure("source can not be empty") }
        if destination.isEmpty { throw CommandFailure("destination can not be empty") }
        // The other end of a pipe may go away at any time; it is an error like others.
        signal(SIGPIPE, SIG_IGN)
        let display = ProgressDisplay(isShown: !quiet && Terminal.isTerminal(STDOUT_FILENO) && Terminal.isTerminal(STDERR_FILENO))
        switch (CopyEnd(source), CopyEnd(destination)) {
        case (.container(let name, let path), .local(let local)):
            try CopyFromContainer(client: session.client, container: name, keepsOwners: archive, followsLink: followLink, display: display)
                .run(path, to: local)
        case (.local(let local), .container(let name, let path)):
            try CopyToContainer(client: session.client, container: name, takesUser: archive, followsLink: followLink, display: display)
                .run(local, to: path)
        case (.container, .container): throw CommandFailure("copying between containers is not supported")
        case (.local, .local): throw CommandFailure("must specify at least one container source")
        }
    }
}
