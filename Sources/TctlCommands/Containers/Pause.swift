internal import ArgumentParser

/// `pause`: pauses containers: their processes get no CPU.
struct Pause: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Pause all processes of one or more containers",
        usage: "tctl pause CONTAINER [CONTAINER...]",
        discussion: """
            Example:
              tctl pause web
            """
    )
    static let shape = CommandShape(switches: [], arguments: .atLeast(1))

    @Argument(help: "Names or ids of containers", completion: .runningContainers)
    var containers: [String]

    func run(in session: Session) throws {
        try session.forEach(containers) { container in
            try session.client.perform(.post(try ContainerPath.make(container, "/pause")))
            try Console.print(container + "\n")
        }
    }
}
