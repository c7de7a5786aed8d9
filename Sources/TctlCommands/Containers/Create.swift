internal import ArgumentParser
internal import Glibc

/// `create`: a container that is not started.
struct Create: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a new container without starting it",
        usage: "tctl create [OPTIONS] IMAGE [COMMAND] [ARG...]",
        discussion: """
            Examples:
              tctl create --name web -p 8080:8080 timber_tutorial:1
              tctl start web
            """,
        helpNames: .long
    )
    static let shape = CommandShape(
        switches: ContainerOptions.switches, values: ContainerOptions.values, arguments: .atLeast(1), stopsAtFirstArgument: true,
        hasShortHelp: false)

    @OptionGroup var options: ContainerOptions
    @Argument(help: "The image", completion: .images)
    var image: String
    @Argument(help: "The command and its arguments; the image's when left out")
    var command: [String] = []

    func run(in session: Session) throws {
        let builder = CreateRequestBuilder(
            options: options, image: image, command: command, isDetached: false, window: Terminal.size(of: STDOUT_FILENO))
        try Console.print(try ContainerCreator(session: session, options: options, refusal: 1).create(builder) + "\n")
    }
}
