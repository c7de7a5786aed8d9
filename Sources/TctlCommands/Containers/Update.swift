internal import ArgumentParser
internal import DockerAPI

/// `update`: changes limits and restart policy of containers.
struct Update: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Change limits and restart policy of one or more containers",
        usage: "tctl update [OPTIONS] CONTAINER [CONTAINER...]",
        discussion: """
            Examples:
              tctl update -m 512m --memory-swap 1g --cpus 1.5 web
              tctl update --restart unless-stopped web
            """
    )
    static let shape = CommandShape(switches: [], values: LimitOptions.values, arguments: .atLeast(1))

    @OptionGroup var limits: LimitOptions
    @Option(
        help: ArgumentHelp("When to start it again: no, on-failure[:retries], always or unless-stopped", valueName: "policy"),
        completion: .list(RestartSpec.words))
    var restart: String?
    @Argument(help: "Names or ids of containers", completion: .containers)
    var containers: [String]

    func run(in session: Session) throws {
        let request = ContainerUpdateRequest(
            resources: try limits.resources(), restartPolicy: try restart.map(RestartSpec.parse))
        if request == ContainerUpdateRequest() {
            throw CommandFailure.usage("there is nothing to update: give a limit or --restart")
        }
        var warnings: [String] = []
        defer { for warning in warnings { Console.note("tctl: warning: \(Printable(warning))") } }
        try session.forEach(containers) { container in
            let answer = try session.client.json(.post(try ContainerPath.make(container, "/update"), body: .json(request.json())))
            warnings += (answer["Warnings"]?.elements ?? []).compactMap(\.text)
            try Console.print(container + "\n")
        }
    }
}
