internal import ArgumentParser
internal import DockerAPI

/// `network ls`.
struct ListNetworks: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List networks",
        usage: "tctl network ls [OPTIONS]",
        discussion: """
            Examples:
              tctl network ls
              tctl network ls --filter driver=bridge --format '{{.Name}} {{.ID}}'
            """,
        aliases: ["list"]
    )
    static let shape = CommandShape(switches: ["q,quiet", "no-trunc"], values: ["f,filter"], arguments: .none)

    @Option(name: .shortAndLong, help: ArgumentHelp("Show what matches: driver=, name=, id=, …", valueName: "key=value"))
    var filter: [String] = []
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(help: "Do not cut ids")
    var noTrunc = false
    @Flag(name: .shortAndLong, help: "Print ids only")
    var quiet = false

    private static let listing = Listing(
        fields: [
            .init(name: "ID", heading: "NETWORK ID"), .init(name: "Name", heading: "NAME"), .init(name: "Driver", heading: "DRIVER"),
            .init(name: "Scope", heading: "SCOPE"), .init(name: "IPv4", heading: "IPV4"), .init(name: "IPv6", heading: "IPV6"),
            .init(name: "Internal", heading: "INTERNAL"), .init(name: "Labels", heading: "LABELS"),
            .init(name: "CreatedAt", heading: "CREATED AT"),
        ],
        table: "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}", key: "ID")

    func run(in session: Session) throws {
        let query = try Filters.json(filter).map { [(name: "filters", value: $0)] } ?? []
        let networks = try JSONDecoding.read([NetworkResource].self, from: try session.client.json(.get("/networks", query: query)))
        try Self.listing.print(networks.sorted { $0.name < $1.name }.map(row), format: format, quiet: quiet)
    }

    private func row(_ network: NetworkResource) -> Listing.Row {
        Listing.Row(
            fields: [
                "ID": noTrunc ? network.id : Human.shortID(network.id), "Name": network.name, "Driver": network.driver,
                "Scope": network.scope, "IPv4": "\(network.enableIPv4)", "IPv6": "\(network.enableIPv6)",
                "Internal": "\(network.isInternal)",
                "Labels": network.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","),
                "CreatedAt": Self.goTime(network.created),
            ], labels: network.labels)
    }

    /// `2026-01-31T13:00:00.5Z` as Go prints a time: `2026-01-31 13:00:00.5 +0000 UTC`.
    static func goTime(_ text: String) -> String {
        guard let mark = text.firstIndex(of: "T") else { return text }
        let (day, rest) = (text[..<mark], text[text.index(after: mark)...])
        if rest.hasSuffix("Z") { return "\(day) \(rest.dropLast()) +0000 UTC" }
        guard let sign = rest.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return "\(day) \(rest)" }
        let offset = rest[sign...].filter { $0 != ":" }
        return "\(day) \(rest[..<sign]) \(offset) \(offset)"
    }
}
