internal import ArgumentParser
internal import DockerAPI

/// The flags of `ps` and `container ls`.
struct ListContainersOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Show all containers, not only running ones")
    var all = false
    @Flag(name: .shortAndLong, help: "Print ids only")
    var quiet = false
    @Option(
        name: [.customShort("n"), .customLong("last")],
        help: ArgumentHelp("Show the last created containers, of all states", valueName: "number"))
    var last: String?
    @Flag(name: .shortAndLong, help: "Show the last created container, of all states")
    var latest = false
    @Flag(name: .shortAndLong, help: "Show sizes")
    var size = false
    @Option(name: .shortAndLong, help: ArgumentHelp("Show what matches: status=, name=, label=, ancestor=, …", valueName: "key=value"))
    var filter: [String] = []
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(help: "Do not cut ids and commands")
    var noTrunc = false

    static let shape = CommandShape(
        switches: ["a,all", "q,quiet", "l,latest", "s,size", "no-trunc"], values: ["n,last", "f,filter"], arguments: .none)

    func run(in session: Session) throws {
        var query: [(name: String, value: String)] = []
        if all { query.append(("all", "1")) }
        if let limit = try last.map({ try Numbers.whole(flag: "--last", $0) as Int }) ?? (latest ? 1 : nil), limit > 0 {
            query.append(("limit", "\(limit)"))
        }
        let needsSize = size || (format.map { $0.contains(".Size") } ?? false)
        if needsSize { query.append(("size", "1")) }
        if let filters = try Filters.json(filter) { query.append(("filters", filters)) }
        let answer = try session.client.json(.get("/containers/json", query: query))
        let containers = try JSONDecoding.read([ContainerSummary].self, from: answer)
        let now = Timestamp.now
        let rows = containers.map { ContainerRow.make($0, now: now, truncates: !noTrunc) }
        try ContainerRow.listing(showsSize: size).print(rows, format: format, quiet: quiet)
    }
}

/// `ps`.
struct ListContainers: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List containers",
        usage: "tctl ps [OPTIONS]",
        discussion: """
            Examples:
              tctl ps
              tctl ps -a --filter status=exited
              tctl ps --format 'table {{.Names}}\\t{{.Status}}'
            """
    )
    static let shape = ListContainersOptions.shape

    @OptionGroup var options: ListContainersOptions

    func run(in session: Session) throws { try options.run(in: session) }
}

/// `container ls`.
struct ContainerList: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List containers", usage: "tctl container ls [OPTIONS]", aliases: ["list", "ps"])
    static let shape = ListContainersOptions.shape

    @OptionGroup var options: ListContainersOptions

    func run(in session: Session) throws { try options.run(in: session) }
}
