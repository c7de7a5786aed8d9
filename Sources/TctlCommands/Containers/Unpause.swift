internal import ArgumentParser

/// `unpause`: lets paused containers go on.
struct Unpause: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpause",
        abstract: "Let the processes of paused containers go on",
        usage: "tctl unpause CONTAINER [CONTAINER...]",
        discussion: """
            Example:
              tctl unpause web
            """
    )
    static let shape = CommandShape(switches: [], arguments: .atLeast(1))

    @Argument(help: "Names or ids of containers", completion: .containers)
    var containers: [String]

    func run(in session: Session) throws {
        try session.forEach(containers) { container in
            try session.client.perform(.post(try ContainerPath.make(container, "/unpause")))
            try Console.print(container + "\n")
        }
    }
}
