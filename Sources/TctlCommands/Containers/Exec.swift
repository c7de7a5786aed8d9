internal import ArgumentParser
internal import DockerAPI
internal import Glibc

/// `exec`: runs another command in a running container.
struct Exec: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in a running container",
        usage: "tctl exec [OPTIONS] CONTAINER COMMAND [ARG...]",
        discussion: """
            Examples:
              tctl exec web ls /app
              tctl exec -it web sh
              tctl exec -d -e LEVEL=debug -w /app web ./reload
            """
    )
    static let shape = CommandShape(
        switches: ["d,detach", "i,interactive", "t,tty", "privileged"], values: ["e,env", "w,workdir", "u,user"], arguments: .atLeast(2),
        stopsAtFirstArgument: true)

    @Flag(name: .shortAndLong, help: "Run in the background")
    var detach = false
    @Flag(name: .shortAndLong, help: "Keep stdin open")
    var interactive = false
    @Flag(name: .shortAndLong, help: "Give the process a terminal")
    var tty = false
    @Option(name: .shortAndLong, help: ArgumentHelp("Set an environment variable", valueName: "key=value"))
    var env: [String] = []
    @Option(help: ArgumentHelp("Read environment variables from a file", valueName: "file"), completion: .file())
    var envFile: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("Working directory", valueName: "path"))
    var workdir: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("User and group", valueName: "user[:group]"))
    var user: String?
    @Flag(help: "Give the process all capabilities")
    var privileged = false
    @Option(help: ArgumentHelp("The keys that leave the process running", valueName: "keys"))
    var detachKeys: String?
    @Argument(help: "Name or id of a container", completion: .runningContainers)
    var container: String
    @Argument(help: "The command and its arguments")
    var command: [String]

    func run(in session: Session) throws {
        let keys = try detachKeys.map(DetachKeys.init(parsing:)) ?? .standard
        let input = interactive && !detach
        if tty && input && !Terminal.isTerminal(STDIN_FILENO) {
            throw CommandFailure("standard input is not a terminal, which -t with -i needs; leave -t out")
        }
        let size = tty ? Terminal.size(of: STDOUT_FILENO).map { [$0.height, $0.width] } : nil
        let create = ExecCreateRequest(
            user: user ?? "", privileged: privileged, tty: tty, consoleSize: size, attachStdin: input, attachStderr: !detach,
            attachStdout: !detach, detach: detach, detachKeys: detachKeys ?? "",
            env: try KeyValueFile.environment(files: envFile, items: env), workingDir: workdir ?? "", cmd: command)
        let answer = try session.client.json(.post(try ContainerPath.make(container, "/exec"), body: .json(create.json())))
        let id = try JSONDecoding.read(IDResponse.self, from: answer).id
        let path = "/exec/\(PercentEncoding.segment(id))"
        var start = Request.post("\(path)/start", body: .json(ExecStartRequest(detach: detach, tty: tty, consoleSize: size).json()))
        do {
            if detach {
                try session.client.perform(start)
                return
            }
            start.upgrades = true
            let exchange = try session.client.open(start)
            let attached = Attached(
                client: session.client, target: .exec(id), hasTerminal: tty, input: input, detachKeys: keys, forwardsSignals: false)
            switch try attached.run(exchange, exit: nil) {
            case .finished: break
            case .detached: return Console.note("\ntctl: detached; the process goes on running")
            case .signal(let number): SignalQueue.die(of: number)
            }
        } catch let error as APIError {
            let failure = ContainerStart.failure(error)
            throw failure.status == 125 ? CommandFailure(failure.message) : failure
        }
        let inspect = try JSONDecoding.read(ExecInspect.self, from: try session.client.json(.get("\(path)/json")))
        if let status = inspect.exitCode, status != 0 { throw CommandFailure.exit(Int32(truncatingIfNeeded: status)) }
    }
}
