internal import ArgumentParser
internal import DockerAPI

/// The flags of `images` and `image ls`.
struct ListImagesOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Show intermediate images too")
    var all = false
    @Flag(name: .shortAndLong, help: "Print ids only")
    var quiet = false
    @Flag(help: "Show digests")
    var digests = false
    @Flag(help: "Do not cut ids")
    var noTrunc = false
    @Option(
        name: .shortAndLong, help: ArgumentHelp("Show what matches: reference=, label=, dangling=, before=, since=", valueName: "key=value")
    )
    var filter: [String] = []
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?
    @Argument(help: "Show this name only")
    var repository: String?

    static let shape = CommandShape(switches: ["a,all", "q,quiet", "digests", "no-trunc"], values: ["f,filter"], arguments: .atMost(1))

    func run(in session: Session) throws {
        var query: [(name: String, value: String)] = []
        if all { query.append(("all", "1")) }
        if let filters = try Filters.json(filter + (repository.map { ["reference=\($0)"] } ?? [])) { query.append(("filters", filters)) }
        let images = try JSONDecoding.read([ImageSummary].self, from: try session.client.json(.get("/images/json", query: query)))
        let now = Timestamp.now
        let rows = images.flatMap {
            ImageRow.make($0, now: now, truncates: !noTrunc, showsDigests: digests || (format?.contains(".Digest") ?? false))
        }
        try ImageRow.listing(showsDigests: digests).print(rows, format: format, quiet: quiet)
    }
}

/// `images`.
struct Images: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "images",
        abstract: "List images",
        usage: "tctl images [OPTIONS] [REPOSITORY[:TAG]]",
        discussion: """
            Examples:
              tctl images
              tctl images --digests --no-trunc
              tctl images --format '{{.Repository}}:{{.Tag}} {{.Size}}'
            """
    )
    static let shape = ListImagesOptions.shape

    @OptionGroup var options: ListImagesOptions

    func run(in session: Session) throws { try options.run(in: session) }
}

/// `image ls`.
struct ImageList: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List images", usage: "tctl image ls [OPTIONS] [REPOSITORY[:TAG]]", aliases: ["list"])
    static let shape = ListImagesOptions.shape

    @OptionGroup var options: ListImagesOptions

    func run(in session: Session) throws { try options.run(in: session) }
}
