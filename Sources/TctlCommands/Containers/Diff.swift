internal import ArgumentParser
internal import DockerAPI

/// `diff`: what a container changed of its image.
struct Diff: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Print what a container changed of its image's files",
        usage: "tctl diff CONTAINER",
        discussion: """
            A: added, C: changed, D: deleted.

            Examples:
              tctl diff web
            """
    )
    static let shape = CommandShape(switches: [], arguments: .exactly(1))

    @Argument(help: "Name or id of a container", completion: .containers)
    var container: String

    func run(in session: Session) throws {
        let answer = try session.client.json(.get(try ContainerPath.make(container, "/changes")))
        if answer == .null { return }
        let changes = try JSONDecoding.read([FilesystemChange].self, from: answer)
        let letters = ["C", "A", "D"]
        try Console.print(
            changes.map { "\(letters.indices.contains($0.kind) ? letters[$0.kind] : "?") \(Printable($0.path))\n" }.joined())
    }
}
