internal import ArgumentParser

/// `restart`: stops and starts again.
struct Restart: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Restart one or more containers",
        usage: "tctl restart [OPTIONS] CONTAINER [CONTAINER...]",
        discussion: """
            Example:
              tctl restart -t 3 web
            """
    )
    static let shape = CommandShape(switches: [], values: ["t,timeout,time", "s,signal"], arguments: .atLeast(1))

    @OptionGroup var stop: StopOptions
    @Argument(help: "Names or ids of containers", completion: .runningContainers)
    var containers: [String]

    func run(in session: Session) throws {
        let query = try stop.query()
        try session.forEach(containers) { container in
            try session.client.perform(.post(try ContainerPath.make(container, "/restart"), query: query))
            try Console.print(container + "\n")
        }
    }
}
