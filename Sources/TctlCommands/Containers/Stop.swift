internal import ArgumentParser

/// `stop`: asks containers to end, and kills those that do not.
struct Stop: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stop one or more running containers",
        usage: "tctl stop [OPTIONS] CONTAINER [CONTAINER...]",
        discussion: """
            Sends the container's stop signal (SIGTERM), waits, and then kills it.

            Examples:
              tctl stop web
              tctl stop -t 30 database
            """
    )
    static let shape = CommandShape(switches: [], values: ["t,timeout,time", "s,signal"], arguments: .atLeast(1))

    @OptionGroup var stop: StopOptions
    @Argument(help: "Names or ids of containers", completion: .runningContainers)
    var containers: [String]

    func run(in session: Session) throws {
        let query = try stop.query()
        try session.forEach(containers) { container in
            try session.client.perform(.post(try ContainerPath.make(container, "/stop"), query: query))
            try Console.print(container + "\n")
        }
    }
}

/// The flags that `stop` and `restart` share.
struct StopOptions: ParsableArguments {
    @Option(
        name: [.customShort("t"), .customLong("timeout"), .customLong("time")],
        help: ArgumentHelp("Seconds to wait before killing; -1 waits for ever", valueName: "seconds"))
    var timeout: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Signal that asks it to stop", valueName: "signal"))
    var signal: String?

    func query() throws -> [(name: String, value: String)] {
        var query: [(name: String, value: String)] = []
        if let signal { query.append(("signal", signal)) }
        if let timeout {
            let seconds: Int = try Numbers.whole(flag: "--timeout", timeout)
            query.append(("t", "\(seconds)"))
        }
        return query
    }
}
