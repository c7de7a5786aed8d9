internal import ArgumentParser
internal import DockerAPI

/// `history`: how an image was made.
struct History: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Print how an image was made",
        usage: "tctl history [OPTIONS] IMAGE",
        discussion: """
            Examples:
              tctl history timber_tutorial:1
              tctl history --no-trunc --format '{{.CreatedBy}}' timber_tutorial:1
            """
    )
    static let shape = CommandShape(switches: ["H,human=true", "no-trunc", "q,quiet"], arguments: .exactly(1))

    @Flag(name: [.customShort("H"), .long], inversion: .prefixedNo, help: "Print sizes and times for people")
    var human = true
    @Flag(help: "Do not cut anything")
    var noTrunc = false
    @Flag(name: .shortAndLong, help: "Print ids only")
    var quiet = false
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?
    @Argument(help: "Name or id of an image", completion: .images)
    var image: String

    private var listing: Listing {
        Listing(
            fields: [
                .init(name: "ID", heading: "IMAGE"), .init(name: "CreatedSince", heading: "CREATED"),
                .init(name: "CreatedAt", heading: "CREATED AT"),
                .init(name: "CreatedBy", heading: "CREATED BY"), .init(name: "Size", heading: "SIZE"),
                .init(name: "Comment", heading: "COMMENT"),
            ],
            table: "table {{.ID}}\t{{.Created\(human ? "Since" : "At")}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}", key: "ID")
    }

    func run(in session: Session) throws {
        let answer = try session.client.json(.get(try ImagePath.make(image, "/history")))
        let now = Timestamp.now
        let rows = try JSONDecoding.read([HistoryItem].self, from: answer).map { row($0, now: now) }
        try listing.print(rows, format: format, quiet: quiet)
    }

    private func row(_ item: HistoryItem, now: Timestamp) -> Listing.Row {
        let time = Timestamp(seconds: item.created)
        let since = item.created <= 0 ? "N/A" : Human.duration(seconds: now.seconds - item.created) + " ago"
        let command = item.createdBy.replacing("\t", with: " ")
        return Listing.Row(fields: [
            "ID": noTrunc ? item.id : Human.shortID(item.id),
            "CreatedSince": since,
            "CreatedAt": item.created <= 0 ? "" : time.rfc3339,
            "CreatedBy": noTrunc ? command : Human.ellipsis(command, 45),
            "Size": human ? Human.size(item.size) : "\(item.size)",
            "Comment": item.comment,
        ])
    }
}
