internal import ArgumentParser
internal import DockerAPI

/// `network rm`.
struct RemoveNetworks: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove one or more networks",
        usage: "tctl network rm [OPTIONS] NETWORK [NETWORK...]",
        discussion: """
            A network that running containers are in stays: disconnect them first.

            Example:
              tctl network rm backend
            """,
        aliases: ["remove"]
    )
    static let shape = CommandShape(switches: ["f,force"], arguments: .atLeast(1))

    @Flag(name: .shortAndLong, help: "A network that is not there is no error")
    var force = false
    @Argument(help: "Names or ids of networks", completion: .networks)
    var networks: [String]

    func run(in session: Session) throws {
        try session.forEach(networks) { name in
            do {
                try session.client.perform(.delete(try NetworkPath.make(name)))
                try Console.print(name + "\n")
            } catch let error as APIError where error.status == 404 && force {}
        }
    }
}

/// `network prune`.
struct NetworkPrune: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove networks that no running container is in",
        usage: "tctl network prune [OPTIONS]",
        discussion: """
            Examples:
              tctl network prune -f
              tctl network prune --filter until=24h --filter label!=keep
            """
    )
    static let shape = CommandShape(switches: ["f,force"], arguments: .none)

    @Flag(name: .shortAndLong, help: "Do not ask")
    var force = false
    @Option(help: ArgumentHelp("Remove what matches: label=, label!=, until=", valueName: "key=value"))
    var filter: [String] = []

    func run(in session: Session) throws {
        let filters = try Filters.json(filter)
        try Question.confirm("This will remove all custom networks not used by at least one container.", isForced: force)
        let answer = try session.client.json(.post("/networks/prune", query: filters.map { [("filters", $0)] } ?? []))
        let report = try JSONDecoding.read(NetworksPruneReport.self, from: answer)
        if !report.networksDeleted.isEmpty {
            try Console.print("Deleted Networks:\n" + report.networksDeleted.map { $0 + "\n" }.joined() + "\n")
        }
    }
}
