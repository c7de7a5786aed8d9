internal import ArgumentParser
internal import Glibc

/// The root of the commands, for ArgumentParser: help, completion and the tree.
struct Tctl: ParsableCommand {
    /// The commands that are no groups.
    static let commands: [(group: String, commands: [any TctlCommand.Type])] = [
        (
            "Container",
            [
                Run.self, Create.self, Start.self, Stop.self, Restart.self, Kill.self, Pause.self, Unpause.self, Wait.self, Remove.self,
                Rename.self, Update.self, Copy.self, Export.self, Commit.self,
            ]
        ),
        (
            "Inspection",
            [ListContainers.self, Logs.self, Exec.self, Attach.self, Top.self, Stats.self, PortCommand.self, Diff.self, Inspect.self]
        ),
        ("Image", [Pull.self, Push.self, Load.self, Images.self, Save.self, Import.self, Tag.self, RemoveImages.self, History.self]),
        ("Registry", [Login.self, Logout.self]),
        ("Daemon", [Version.self, Info.self, Events.self]),
    ]

    /// The commands that are called most, found without making any configuration.
    static func frequent(_ word: String) -> (any TctlCommand.Type)? {
        switch word {
        case "run": Run.self
        case "exec": Exec.self
        case "ps": ListContainers.self
        default: nil
        }
    }

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
        groupedSubcommands: commands.map { CommandGroup(name: $0.group, subcommands: $0.commands) } + [
            CommandGroup(
                name: "Grouped", subcommands: [ContainerGroup.self, ImageGroup.self, NetworkGroup.self, SystemGroup.self, VolumeGroup.self])
        ],
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
