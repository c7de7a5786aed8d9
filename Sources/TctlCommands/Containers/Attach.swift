internal import ArgumentParser
internal import Glibc

/// `attach`: this terminal's streams to a running container.
struct Attach: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Attach stdin, stdout and stderr to a running container",
        usage: "tctl attach [OPTIONS] CONTAINER",
        discussion: """
            Ctrl-P Ctrl-Q leaves a container with a terminal running.

            Examples:
              tctl attach shell
              tctl attach --no-stdin --sig-proxy=false web
            """
    )
    static let shape = CommandShape(switches: ["no-stdin", "sig-proxy=true"], arguments: .exactly(1))

    @Flag(help: "Do not attach stdin")
    var noStdin = false
    @Flag(inversion: .prefixedNo, help: "Forward signals to the container")
    var sigProxy = true
    @Option(help: ArgumentHelp("The keys that leave the container running", valueName: "keys"))
    var detachKeys: String?
    @Argument(help: "Name or id of a container", completion: .runningContainers)
    var container: String

    func run(in session: Session) throws {
        let keys = try detachKeys.map(DetachKeys.init(parsing:)) ?? .standard
        let inspect = try ContainerLookup.inspect(container, session: session)
        guard inspect.state.running else {
            throw CommandFailure("container \(Printable(container)) is not running; start it with tctl start -a \(Printable(container))")
        }
        if inspect.state.paused {
            throw CommandFailure("container \(Printable(container)) is paused; let it go on with tctl unpause \(Printable(container))")
        }
        let input = !noStdin && inspect.config.openStdin
        if inspect.config.tty && input && !Terminal.isTerminal(STDIN_FILENO) {
            throw CommandFailure("standard input is not a terminal, but the container has one; use --no-stdin")
        }
        let attached = Attached(
            client: session.client, target: .container(inspect.id), hasTerminal: inspect.config.tty, input: input, detachKeys: keys,
            forwardsSignals: sigProxy && !inspect.config.tty)
        try ContainerStart.attach(
            attached, streams: (input, true, true), detachKeys: detachKeys, condition: "not-running", session: session
        ) {
            // A screen that does not change its size does not redraw itself: make it one line larger for a moment.
            if inspect.config.tty { attached.resize(extraLines: 1) }
        }
    }
}
