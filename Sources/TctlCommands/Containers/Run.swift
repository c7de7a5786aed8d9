internal import ArgumentParser
internal import Glibc

/// `run`: creates a container, connects its streams, starts it and waits for its end.
struct Run: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Create and start a new container from an image",
        usage: "tctl run [OPTIONS] IMAGE [COMMAND] [ARG...]",
        discussion: """
            Examples:
              tctl run --rm busybox echo hello
              tctl run -it --rm busybox sh
              tctl run -d -p 8080:8080 --name web timber_tutorial:1
              tctl run --rm -v ./data:/data:ro -m 256m --cpus 1.5 busybox ls /data

            The exit status is the command's own; 125 when the container could
            not be made or started, 126 when the command cannot be executed, 127
            when it does not exist, 128 + n when signal n ended it.
            """,
        helpNames: .long
    )
    static let shape = CommandShape(
        switches: ContainerOptions.switches + ["d,detach", "sig-proxy=true"], values: ContainerOptions.values, arguments: .atLeast(1),
        stopsAtFirstArgument: true, hasShortHelp: false)

    @Flag(name: .shortAndLong, help: "Run in the background and print the container's id")
    var detach = false
    @Flag(inversion: .prefixedNo, help: "Forward signals to the container")
    var sigProxy = true
    @Option(help: ArgumentHelp("The keys that leave the container running", valueName: "keys"))
    var detachKeys: String?
    @OptionGroup var options: ContainerOptions
    @Argument(help: "The image", completion: .images)
    var image: String
    @Argument(help: "The command and its arguments; the image's when left out")
    var command: [String] = []

    func run(in session: Session) throws {
        let keys = try detachKeys.map(DetachKeys.init(parsing:)) ?? .standard
        let builder = CreateRequestBuilder(
            options: options, image: image, command: command, isDetached: detach, window: Terminal.size(of: STDOUT_FILENO))
        let streams = try builder.streams()
        if options.tty && streams.input && !Terminal.isTerminal(STDIN_FILENO) {
            throw CommandFailure("standard input is not a terminal, which -t with -i needs; leave -t out")
        }
        let id = try ContainerCreator(session: session, options: options, refusal: 125, connections: detach ? 0 : 2).create(builder)
        if detach {
            try ContainerStart.start(id, session: session)
            return try Console.print(id + "\n")
        }
        let attached = Attached(
            client: session.client, target: .container(id), hasTerminal: options.tty, input: streams.input, detachKeys: keys,
            forwardsSignals: sigProxy && !options.tty)
        try ContainerStart.attach(
            attached, streams: streams, detachKeys: detachKeys, condition: options.rm ? "removed" : "next-exit", session: session
        ) {
            try ContainerStart.start(id, session: session)
        }
    }
}
