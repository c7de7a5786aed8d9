internal import ArgumentParser
internal import DockerAPI

/// `image prune`: removes images that nothing uses.
struct ImagePrune: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove unused images",
        usage: "tctl image prune [OPTIONS]",
        discussion: """
            Examples:
              tctl image prune -f
              tctl image prune -a --filter until=48h
            """
    )
    static let shape = CommandShape(switches: ["a,all", "f,force"], arguments: .none)

    @Flag(name: .shortAndLong, help: "All images that no container uses, not only those without a name")
    var all = false
    @Flag(name: .shortAndLong, help: "Do not ask")
    var force = false
    @Option(help: ArgumentHelp("Remove what matches: until=, label=", valueName: "key=value"))
    var filter: [String] = []

    func run(in session: Session) throws {
        let filters = try Filters.json(filter + ["dangling=\(!all)"]) ?? ""
        try Question.confirm(
            all
                ? "This will remove all images without at least one container associated to them."
                : "This will remove all dangling images.",
            isForced: force)
        let answer = try session.client.json(.post("/images/prune", query: [("filters", filters)]))
        let report = try JSONDecoding.read(ImagesPruneReport.self, from: answer)
        if !report.imagesDeleted.isEmpty {
            try Console.print("Deleted Images:\n" + report.imagesDeleted.map { ImageDeleteLine.text($0, lower: true) }.joined() + "\n")
        }
        try Console.print("Total reclaimed space: \(Human.size(Int64(clamping: report.spaceReclaimed), digits: 4))\n")
    }
}
