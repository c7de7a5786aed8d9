internal import ArgumentParser

/// `container`: the grouped form of the commands about containers.
struct ContainerGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "container",
        abstract: "Manage containers",
        usage: "tctl container COMMAND",
        subcommands: [
            Attach.self, Commit.self, Copy.self, Create.self, Diff.self, Exec.self, Export.self, ContainerInspectCommand.self, Kill.self,
            Logs.self, ContainerList.self, Pause.self, PortCommand.self, ContainerPrune.self, Rename.self, Restart.self, Remove.self,
            Run.self, Start.self, Stats.self, Stop.self, Top.self,
            Unpause.self, Update.self, Wait.self,
        ]
    )
}
