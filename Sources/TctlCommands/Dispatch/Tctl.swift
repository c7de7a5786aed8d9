internal import ArgumentParser
internal import Glibc

/// The root of the commands, for ArgumentParser: help, completion and the tree.
struct Tctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tctl",
        abstract: "Run containers with Timber",
        usage: "tctl [--host SOCKET] COMMAND",
        discussion: """
            Examples:
              tctl load -i timber_tutorial.tar
              tctl run -d -p 8080:8080 --name web timber_tutorial:1
              tctl logs -f web
              tctl exec -it web sh
              tctl rm -f web
            """,
        subcommands: [
            Run.self, Exec.self, ListContainers.self, Load.self, Images.self, Create.self, Start.self, Stop.self, Remove.self, Logs.self,
        ],
        groupedSubcommands: [],
        helpNames: [.short, .long]
    )

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("The daemon's socket; otherwise TIMBER_HOST, then DOCKER_HOST", valueName: "unix:///path"))
    var host: String?
    @Flag(name: .shortAndLong, help: "Print the version and exit")
    var version = false
}

/// The program.
public enum TctlProgram {
    /// Runs the process's command line and ends the process with its exit status.
    public static func runAndExit() -> Never {
        exit(Dispatcher.run(Array(CommandLine.arguments.dropFirst())))
    }
}
