internal import ArgumentParser
internal import DockerAPI

/// `start`: starts created or ended containers.
struct Start: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start one or more stopped containers",
        usage: "tctl start [OPTIONS] CONTAINER [CONTAINER...]",
        discussion: """
            Examples:
              tctl start web
              tctl start -ai shell
            """
    )
    static let shape = CommandShape(switches: ["a,attach", "i,interactive", "sig-proxy=true"], arguments: .atLeast(1))

    @Flag(name: .shortAndLong, help: "Attach to its output and forward signals")
    var attach = false
    @Flag(name: .shortAndLong, help: "Attach to its stdin")
    var interactive = false
    @Flag(inversion: .prefixedNo, help: "Forward signals to the container")
    var sigProxy = true
    @Option(help: ArgumentHelp("The keys that leave the container running", valueName: "keys"))
    var detachKeys: String?
    @Argument(help: "Names or ids of containers", completion: .containers)
    var containers: [String]

    func run(in session: Session) throws {
        guard attach || interactive else {
            return try session.forEach(containers) { container in
                try session.client.perform(.post(try ContainerPath.make(container, "/start")))
                try Console.print(container + "\n")
            }
        }
        guard containers.count == 1, let container = containers.first else {
            throw CommandFailure("only one container can be started with -a or -i: its streams are this terminal's")
        }
        let keys = try detachKeys.map(DetachKeys.init(parsing:)) ?? .standard
        let inspect = try ContainerLookup.inspect(container, session: session)
        let input = interactive && inspect.config.openStdin
        let attached = Attached(
            client: session.client, target: .container(inspect.id), hasTerminal: inspect.config.tty, input: input, detachKeys: keys,
            forwardsSignals: sigProxy && !inspect.config.tty)
        try ContainerStart.attach(
            attached, streams: (input, true, true), detachKeys: detachKeys,
            condition: inspect.hostConfig.autoRemove ? "removed" : "next-exit", session: session
        ) {
            try ContainerStart.start(inspect.id, session: session)
        }
    }
}

/// Looks a container up.
enum ContainerLookup {
    static func inspect(_ container: String, session: Session) throws -> ContainerInspect {
        try JSONDecoding.read(ContainerInspect.self, from: try session.client.json(.get(try ContainerPath.make(container, "/json"))))
    }
}
