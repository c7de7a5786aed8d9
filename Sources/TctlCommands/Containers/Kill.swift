internal import ArgumentParser

/// `kill`: sends a signal.
struct Kill: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Kill one or more running containers",
        usage: "tctl kill [OPTIONS] CONTAINER [CONTAINER...]",
        discussion: """
            Examples:
              tctl kill web
              tctl kill -s HUP web
            """
    )
    static let shape = CommandShape(switches: [], values: ["s,signal"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Signal to send, by name or number; KILL when left out", valueName: "signal"))
    var signal: String?
    @Argument(help: "Names or ids of containers", completion: .runningContainers)
    var containers: [String]

    func run(in session: Session) throws {
        let query = signal.map { [(name: "signal", value: $0)] } ?? []
        try session.forEach(containers) { container in
            try session.client.perform(.post(try ContainerPath.make(container, "/kill"), query: query))
            try Console.print(container + "\n")
        }
    }
}
