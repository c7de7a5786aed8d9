internal import ArgumentParser
internal import DockerAPI

/// `container prune`: removes all stopped containers.
struct ContainerPrune: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove all stopped containers",
        usage: "tctl container prune [OPTIONS]",
        discussion: """
            Examples:
              tctl container prune -f
              tctl container prune --filter until=24h
            """
    )
    static let shape = CommandShape(switches: ["f,force"], arguments: .none)

    @Flag(name: .shortAndLong, help: "Do not ask")
    var force = false
    @Option(help: ArgumentHelp("Remove what matches: until=, label=", valueName: "key=value"))
    var filter: [String] = []

    func run(in session: Session) throws {
        let filters = try Filters.json(filter)
        try Question.confirm("This will remove all stopped containers.", isForced: force)
        let answer = try session.client.json(.post("/containers/prune", query: filters.map { [("filters", $0)] } ?? []))
        let report = try JSONDecoding.read(ContainersPruneReport.self, from: answer)
        if !report.containersDeleted.isEmpty {
            try Console.print("Deleted Containers:\n" + report.containersDeleted.map { $0 + "\n" }.joined() + "\n")
        }
        try Console.print("Total reclaimed space: \(Human.size(Int64(clamping: report.spaceReclaimed), digits: 4))\n")
    }
}
