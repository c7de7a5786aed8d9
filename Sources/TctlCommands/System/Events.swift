internal import ArgumentParser
internal import DockerAPI

/// `events`: what happens to containers, images, volumes and networks.
struct Events: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Print what happens to containers, images, volumes and networks",
        usage: "tctl events [OPTIONS]",
        discussion: """
            Goes on until --until, or until it is interrupted. The daemon keeps the
            last 32,768 events of 30 days for --since, also over its restarts.

            Examples:
              tctl events
              tctl events --since 10m --until 0s --filter event=die
              tctl events --until -30s
              tctl events --format '{{.Action}} {{.Actor.Attributes.name}}'
            """
    )
    static let shape = CommandShape(switches: [], values: ["f,filter"], arguments: .none)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Show what matches: container=, image=, volume=, network=, type=, event=, scope=, label=", valueName: "key=value"))
    var filter: [String] = []
    @Option(help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Option(help: ArgumentHelp("From a time, or a duration before now such as 10m", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Up to a time, a duration before now, or with a minus after it", valueName: "time"))
    var until: String?

    func run(in session: Session) throws {
        var query: [(name: String, value: String)] = []
        if let since { query.append(("since", try Timestamp.moment(since, flag: "--since"))) }
        if let until { query.append(("until", try Timestamp.moment(until, flag: "--until"))) }
        if let filters = try Filters.json(filter) { query.append(("filters", filters)) }
        let template = try format.map { try Template(parsing: $0 == "json" ? "{{json .}}" : Listing.unescape($0)) }
        let exchange = try session.client.open(.get("/events", query: query))
        var lines = JSONLines()
        while case .data(let bytes) = try exchange.step() {
            for value in try lines.take(bytes) {
                if let template {
                    try Console.print(try template.render(.json(value)) + "\n")
                } else {
                    try Console.print(Self.line(try JSONDecoding.read(EventMessage.self, from: value)))
                }
            }
        }
    }

    /// `2026-01-31T13:00:00.000000000Z container start ID (image=busybox, name=web)`.
    static func line(_ event: EventMessage) -> String {
        let (seconds, nanoseconds) = event.timeNano.quotientAndRemainder(dividingBy: 1_000_000_000)
        let time = Timestamp(seconds: seconds, nanoseconds: Int32(nanoseconds)).rfc3339Nanoseconds
        let attributes = event.actor.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        let text = "\(time) \(event.type) \(event.action) \(event.actor.id)" + (attributes.isEmpty ? "" : " (\(attributes))")
        return TabWriter.cell(text) + "\n"
    }
}
