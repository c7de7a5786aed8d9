internal import ArgumentParser
internal import DockerAPI
internal import Glibc

/// `stats`: a live table of what containers use.
struct Stats: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show what containers use, every second",
        usage: "tctl stats [OPTIONS] [CONTAINER...]",
        discussion: """
            Without names it shows the containers that run, those that begin
            meanwhile too.

            Examples:
              tctl stats
              tctl stats --no-stream web db
              tctl stats --format '{{.Name}}: {{.CPUPerc}} {{.MemUsage}}'
            """
    )
    static let shape = CommandShape(switches: ["a,all", "no-stream", "no-trunc"], arguments: .atLeast(0))

    @Flag(name: .shortAndLong, help: "Show all containers, not only running ones")
    var all = false
    @Flag(help: "Show it once")
    var noStream = false
    @Flag(help: "Do not cut ids")
    var noTrunc = false
    @Option(help: ArgumentHelp("table, json, or a template of Go's", valueName: "template"))
    var format: String?
    @Argument(help: "Names or ids of containers; those that run when left out", completion: .containers)
    var containers: [String] = []

    func run(in session: Session) throws {
        let isLive = !noStream && Terminal.isTerminal(STDOUT_FILENO)
        var before = try samples(session)
        while true {
            sleep(1)
            let now = try samples(session)
            let rows = now.map { sample in
                StatsRow.make(sample, before: before.first { $0.id == sample.id }, truncates: !noTrunc)
            }
            let text = try StatsRow.listing.render(rows, format: format, quiet: false)
            // To the corner, over what was there, and what is left below goes.
            try Console.print(isLive ? "\u{1B}[H" + text.split(separator: "\n").map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J" : text)
            if noStream { return }
            before = now
        }
    }

    /// One sample of each container; one that has just been removed has none.
    private func samples(_ session: Session) throws -> [ContainerStats] {
        try ids(session).compactMap { id in
            do {
                let query = [(name: "stream", value: "false"), (name: "one-shot", value: "true")]
                let answer = try session.client.json(.get(try ContainerPath.make(id, "/stats"), query: query))
                return try JSONDecoding.read(ContainerStats.self, from: answer)
            } catch let error as APIError where error.status == 404 && containers.isEmpty {
                return nil
            }
        }
    }

    private func ids(_ session: Session) throws -> [String] {
        guard containers.isEmpty else { return containers }
        let answer = try session.client.json(.get("/containers/json", query: all ? [("all", "1")] : []))
        return answer.elements.compactMap { $0["Id"]?.text }
    }
}

/// A container as a row of `stats`.
enum StatsRow {
    static let listing = Listing(
        fields: [
            .init(name: "Container", heading: "CONTAINER"), .init(name: "ID", heading: "CONTAINER ID"),
            .init(name: "Name", heading: "NAME"),
            .init(name: "CPUPerc", heading: "CPU %"), .init(name: "MemUsage", heading: "MEM USAGE / LIMIT"),
            .init(name: "MemPerc", heading: "MEM %"), .init(name: "NetIO", heading: "NET I/O"),
            .init(name: "BlockIO", heading: "BLOCK I/O"),
            .init(name: "PIDs", heading: "PIDS"),
        ],
        table:
            "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
        key: "ID")

    /// - Parameter before: an older sample of the same container.
    static func make(_ sample: ContainerStats, before: ContainerStats?, truncates: Bool) -> Listing.Row {
        let name = sample.name.hasPrefix("/") ? String(sample.name.dropFirst()) : sample.name
        let id = truncates ? Human.shortID(sample.id) : sample.id
        let memory = memory(sample.memoryStats)
        let limit = sample.memoryStats.limit
        func total(_ value: (NetworkStats) -> UInt64) -> Int64 { Int64(clamping: sample.networks.values.reduce(0) { $0 &+ value($1) }) }
        func moved(_ operation: String) -> Int64 {
            Int64(
                clamping: sample.blkioStats.ioServiceBytesRecursive.filter { $0.op.lowercased() == operation }.reduce(0) { $0 &+ $1.value })
        }
        return Listing.Row(fields: [
            "Container": id, "ID": id, "Name": name,
            "CPUPerc": percent(processor(sample.cpuStats, before?.cpuStats)),
            "MemUsage": "\(Human.binarySize(Int64(clamping: memory))) / \(Human.binarySize(Int64(clamping: limit)))",
            "MemPerc": percent(limit == 0 ? 0 : Double(memory) / Double(limit) * 100),
            "NetIO": "\(Human.size(total(\.rxBytes))) / \(Human.size(total(\.txBytes)))",
            "BlockIO": "\(Human.size(moved("read"))) / \(Human.size(moved("write")))",
            "PIDs": "\(sample.pidsStats.current)",
        ])
    }

    /// What is used less the page cache that could go at once, as docker shows it.
    static func memory(_ memory: MemoryStats) -> UInt64 {
        let cache = memory.stats["total_inactive_file"] ?? memory.stats["inactive_file"] ?? 0
        return cache < memory.usage ? memory.usage - cache : memory.usage
    }

    /// Of one processor: two busy ones are 200.
    static func processor(_ now: CPUStats, _ before: CPUStats?) -> Double {
        guard let before, now.cpuUsage.totalUsage > before.cpuUsage.totalUsage, now.systemCPUUsage > before.systemCPUUsage else { return 0 }
        let used = Double(now.cpuUsage.totalUsage - before.cpuUsage.totalUsage)
        return used / Double(now.systemCPUUsage - before.systemCPUUsage) * Double(now.onlineCPUs) * 100
    }

    private static func percent(_ value: Double) -> String {
        let hundredths = Int64((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)%"
    }
}
