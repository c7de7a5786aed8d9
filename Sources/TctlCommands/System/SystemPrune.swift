internal import ArgumentParser
internal import DockerAPI

/// `system prune`: removes what nothing uses.
struct SystemPrune: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove stopped containers, and networks, images and volumes that nothing uses",
        usage: "tctl system prune [OPTIONS]",
        discussion: """
            Examples:
              tctl system prune -f
              tctl system prune -a --volumes
              tctl system prune -f --filter until=24h
            """
    )
    static let shape = CommandShape(switches: ["a,all", "f,force", "volumes"], arguments: .none)

    @Flag(name: .shortAndLong, help: "All images that no container uses, not only those without a name")
    var all = false
    @Flag(help: "Also anonymous volumes")
    var volumes = false
    @Flag(name: .shortAndLong, help: "Do not ask")
    var force = false
    @Option(help: ArgumentHelp("Remove what matches: until=, label=, label!=", valueName: "key=value"))
    var filter: [String] = []

    func run(in session: Session) throws {
        if volumes, filter.contains(where: { $0.hasPrefix("until=") }) {
            throw CommandFailure("the filter until= and --volumes exclude each other: volumes have no age")
        }
        try Question.confirm(
            "This will remove:\n" + (subjects.map { "  - \($0)\n" }).joined(), isForced: force)
        var reclaimed: UInt64 = 0
        let containers = try prune("containers", as: ContainersPruneReport.self, in: session)
        try list("Deleted Containers", containers.containersDeleted.map { $0 + "\n" })
        reclaimed &+= containers.spaceReclaimed
        let networks = try prune("networks", as: NetworksPruneReport.self, in: session)
        try list("Deleted Networks", networks.networksDeleted.map { $0 + "\n" })
        if volumes {
            let volumes = try prune("volumes", as: VolumesPruneReport.self, in: session)
            try list("Deleted Volumes", volumes.volumesDeleted.map { $0 + "\n" })
            reclaimed &+= volumes.spaceReclaimed
        }
        let images = try prune("images", as: ImagesPruneReport.self, more: ["dangling=\(!all)"], in: session)
        try list("Deleted Images", images.imagesDeleted.map { ImageDeleteLine.text($0, lower: true) })
        reclaimed &+= images.spaceReclaimed
        try Console.print("Total reclaimed space: \(Human.size(Int64(clamping: reclaimed), digits: 4))\n")
    }

    private var subjects: [String] {
        ["all stopped containers", "all networks not used by at least one container"]
            + (volumes ? ["all anonymous volumes not used by at least one container"] : [])
            + [all ? "all images without at least one container associated to them" : "all dangling images"]
    }

    private func prune<Report: Decodable>(
        _ kind: String, as type: Report.Type, more: [String] = [], in session: Session
    ) throws -> Report {
        let filters = try Filters.json(filter + more)
        return try JSONDecoding.read(
            type, from: try session.client.json(.post("/\(kind)/prune", query: filters.map { [("filters", $0)] } ?? [])))
    }

    private func list(_ title: String, _ lines: [String]) throws {
        if !lines.isEmpty { try Console.print("\(title):\n" + lines.joined() + "\n") }
    }
}
