internal import ArgumentParser
internal import DockerAPI

/// `volume rm`.
struct RemoveVolumes: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove one or more volumes",
        usage: "tctl volume rm [OPTIONS] VOLUME [VOLUME...]",
        discussion: """
            A volume that a container has is not removed: remove the container first.

            Example:
              tctl volume rm data
            """,
        aliases: ["remove"]
    )
    static let shape = CommandShape(switches: ["f,force"], arguments: .atLeast(1))

    @Flag(name: .shortAndLong, help: "A volume that is not there is no error")
    var force = false
    @Argument(help: "Names of volumes", completion: .volumes)
    var volumes: [String]

    func run(in session: Session) throws {
        try session.forEach(volumes) { name in
            try session.client.perform(.delete(try VolumePath.make(name), query: force ? [("force", "1")] : []))
            try Console.print(name + "\n")
        }
    }
}

/// `volume prune`.
struct VolumePrune: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove volumes that no container has",
        usage: "tctl volume prune [OPTIONS]",
        discussion: """
            Examples:
              tctl volume prune -f
              tctl volume prune -a --filter label!=keep
            """
    )
    static let shape = CommandShape(switches: ["a,all", "f,force"], arguments: .none)

    @Flag(name: .shortAndLong, help: "Also volumes with names, not only anonymous ones")
    var all = false
    @Flag(name: .shortAndLong, help: "Do not ask")
    var force = false
    @Option(help: ArgumentHelp("Remove what matches: label=, label!=", valueName: "key=value"))
    var filter: [String] = []

    func run(in session: Session) throws {
        let filters = try Filters.json(filter + (all ? ["all=true"] : []))
        try Question.confirm(
            all
                ? "This will remove all local volumes not used by at least one container."
                : "This will remove anonymous local volumes not used by at least one container.",
            isForced: force)
        let answer = try session.client.json(.post("/volumes/prune", query: filters.map { [("filters", $0)] } ?? []))
        let report = try JSONDecoding.read(VolumesPruneReport.self, from: answer)
        if !report.volumesDeleted.isEmpty {
            try Console.print("Deleted Volumes:\n" + report.volumesDeleted.map { $0 + "\n" }.joined() + "\n")
        }
        try Console.print("Total reclaimed space: \(Human.size(Int64(clamping: report.spaceReclaimed), digits: 4))\n")
    }
}
