internal import ArgumentParser

/// `image`: the grouped form of the commands about images.
struct ImageGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Manage images",
        usage: "tctl image COMMAND",
        subcommands: [
            History.self, Import.self, ImageInspectCommand.self, Load.self, ImageList.self, ImagePrune.self, ImageRemove.self, Pull.self,
            Push.self, Save.self,
            Tag.self,
        ]
    )
}
