internal import ArgumentParser
internal import Glibc

/// `logs`: what a container wrote.
struct Logs: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a container wrote",
        usage: "tctl logs [OPTIONS] CONTAINER",
        discussion: """
            Examples:
              tctl logs --tail 100 web
              tctl logs -f --since 10m web
              tctl logs -t --since 2026-01-31T13:00:00 --until 2026-01-31T14:00:00 web
            """
    )
    static let shape = CommandShape(switches: ["f,follow", "t,timestamps", "details"], values: ["n,tail"], arguments: .exactly(1))

    @Flag(name: .shortAndLong, help: "Go on printing what comes")
    var follow = false
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("Lines from the end, or all (default)", valueName: "number"))
    var tail: String?
    @Option(help: ArgumentHelp("From a time, or a duration before now such as 10m", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Up to a time, or a duration before now", valueName: "time"))
    var until: String?
    @Flag(name: .shortAndLong, help: "Print the time of each line")
    var timestamps = false
    @Flag(help: "Print attributes of the log")
    var details = false
    @Argument(help: "Name or id of a container", completion: .containers)
    var container: String

    func run(in session: Session) throws {
        var query: [(name: String, value: String)] = [("stdout", "1"), ("stderr", "1")]
        if follow { query.append(("follow", "1")) }
        if timestamps { query.append(("timestamps", "1")) }
        if details { query.append(("details", "1")) }
        let tail = tail ?? "all"
        guard tail == "all" || Int(tail) != nil else {
            throw CommandFailure("invalid --tail \(Printable(tail)): give a number or all", status: 125)
        }
        query.append(("tail", tail))
        if let since { query.append(("since", try Timestamp.moment(since, flag: "--since"))) }
        if let until { query.append(("until", try Timestamp.moment(until, flag: "--until"))) }
        let exchange = try session.client.open(.get(try ContainerPath.make(container, "/logs"), query: query))
        var copier = StreamCopier(multiplexed: try isMultiplexed(exchange, session: session))
        while case .data(let bytes) = try exchange.step() { try copier.take(bytes) }
        try copier.finish()
    }

    private func isMultiplexed(_ exchange: Exchange, session: Session) throws -> Bool {
        switch try exchange.head().field("content-type") {
        case "application/vnd.docker.multiplexed-stream": true
        case "application/vnd.docker.raw-stream": false
        // A daemon before API 1.42 does not say; the container's terminal tells.
        default: try !ContainerLookup.inspect(container, session: session).config.tty
        }
    }
}
