internal import ArgumentParser
internal import DockerAPI

/// `top`: the processes of a container.
struct Top: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Print the running processes of a container",
        usage: "tctl top CONTAINER [PS OPTIONS]",
        discussion: """
            Examples:
              tctl top web
              tctl top web -ef
            """
    )
    static let shape = CommandShape(switches: [], arguments: .atLeast(1), stopsAtFirstArgument: true)

    @Argument(help: "Name or id of a container", completion: .runningContainers)
    var container: String
    @Argument(help: "Options of ps")
    var options: [String] = []

    func run(in session: Session) throws {
        let query = options.isEmpty ? [] : [(name: "ps_args", value: options.joined(separator: " "))]
        let top = try JSONDecoding.read(
            ContainerTop.self, from: try session.client.json(.get(try ContainerPath.make(container, "/top"), query: query)))
        let lines = ([top.titles] + top.processes).map { $0.map(TabWriter.cell).joined(separator: "\t") + "\n" }
        try Console.print(TabWriter.align(lines.joined(), minimumWidth: 20))
    }
}
