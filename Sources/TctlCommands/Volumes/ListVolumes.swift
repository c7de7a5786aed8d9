internal import ArgumentParser
internal import DockerAPI

/// `volume ls`.
struct ListVolumes: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List volumes",
        usage: "tctl volume ls [OPTIONS]",
        discussion: """
            Examples:
              tctl volume ls
              tctl volume ls -q --filter dangling=true
            """,
        aliases: ["list"]
    )
    static let shape = CommandShape(switches: ["q,quiet"], values: ["f,filter"], arguments: .none)

    @Option(name: .shortAndLong, help: ArgumentHelp("Show what matches: name=, label=, dangling=, driver=", valueName: "key=value"))
    var filter: [String] = []
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(name: .shortAndLong, help: "Print names only")
    var quiet = false

    private static let listing = Listing(
        fields: [
            .init(name: "Driver", heading: "DRIVER"), .init(name: "Name", heading: "VOLUME NAME"), .init(name: "Scope", heading: "SCOPE"),
            .init(name: "Mountpoint", heading: "MOUNTPOINT"), .init(name: "Labels", heading: "LABELS"),
            .init(name: "Links", heading: "LINKS"), .init(name: "Size", heading: "SIZE"), .init(name: "Group", heading: "GROUP"),
            .init(name: "Availability", heading: "AVAILABILITY"), .init(name: "Status", heading: "STATUS"),
        ],
        table: "table {{.Driver}}\t{{.Name}}", key: "Name")

    func run(in session: Session) throws {
        let query = try Filters.json(filter).map { [(name: "filters", value: $0)] } ?? []
        let list = try JSONDecoding.read(VolumeList.self, from: try session.client.json(.get("/volumes", query: query)))
        try Self.listing.print(list.volumes.sorted { $0.name < $1.name }.map(row), format: format, quiet: quiet)
    }

    private func row(_ volume: Volume) -> Listing.Row {
        Listing.Row(
            fields: [
                "Driver": volume.driver, "Name": volume.name, "Scope": volume.scope, "Mountpoint": volume.mountpoint,
                "Labels": volume.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","),
                "Links": volume.usageData.map { "\($0.refCount)" } ?? "N/A",
                "Size": volume.usageData.map { Human.size($0.size) } ?? "N/A",
                // Of volumes of a cluster.
                "Group": "N/A", "Availability": "N/A", "Status": "N/A",
            ], labels: volume.labels)
    }
}
