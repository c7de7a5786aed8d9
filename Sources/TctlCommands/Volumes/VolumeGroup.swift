internal import ArgumentParser

/// `volume`: the commands about volumes.
struct VolumeGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume", abstract: "Manage volumes", usage: "tctl volume COMMAND",
        subcommands: [
            CreateVolume.self, VolumeInspectCommand.self, ListVolumes.self, VolumePrune.self, RemoveVolumes.self,
        ])
}

/// A volume in a request's path.
enum VolumePath {
    /// `/volumes/NAME`.
    /// - Throws: `CommandFailure` when the name is empty.
    static func make(_ name: String) throws -> String {
        if name.isEmpty { throw CommandFailure("the name of a volume is empty") }
        return "/volumes/\(PercentEncoding.segment(name))"
    }
}

/// `volume inspect`.
struct VolumeInspectCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print everything about volumes",
        usage: "tctl volume inspect [OPTIONS] VOLUME [VOLUME...]",
        discussion: """
            Examples:
              tctl volume inspect data
              tctl volume inspect -f '{{.Mountpoint}}' data
            """
    )
    static let shape = CommandShape(switches: [], values: ["f,format"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Argument(help: "Names of volumes", completion: .volumes)
    var volumes: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        try inspection.print(volumes, kind: "volume") { try inspection.volume($0) }
    }
}
