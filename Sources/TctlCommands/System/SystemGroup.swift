internal import ArgumentParser

/// `system`: the grouped form of the commands about the daemon.
struct SystemGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Manage Timber", usage: "tctl system COMMAND",
        subcommands: [DiskUsageCommand.self, Events.self, Info.self, SystemPrune.self])
}
