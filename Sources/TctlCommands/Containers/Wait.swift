internal import ArgumentParser

/// `wait`: waits until containers end and prints their exit statuses.
struct Wait: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until containers stop, then print their exit statuses",
        usage: "tctl wait CONTAINER [CONTAINER...]",
        discussion: """
            Example:
              tctl wait job
            """
    )
    static let shape = CommandShape(switches: [], arguments: .atLeast(1))

    @Argument(help: "Names or ids of containers", completion: .containers)
    var containers: [String]

    func run(in session: Session) throws {
        try session.forEach(containers) { container in
            let exit = try PendingExit(session.client, container: container, condition: "not-running")
            try exit.confirm()
            try Console.print("\(try exit.status())\n")
        }
    }
}
