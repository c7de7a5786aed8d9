internal import ArgumentParser
internal import DockerAPI

/// The flags of `rmi` and `image rm`.
struct RemoveImagesOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Remove it even when containers that do not run use it, and under all its names")
    var force = false
    @Flag(help: "Keep images below it that have no name")
    var noPrune = false
    @Argument(help: "Names or ids of images", completion: .images)
    var images: [String]

    static let shape = CommandShape(switches: ["f,force", "no-prune"], arguments: .atLeast(1))

    func run(in session: Session) throws {
        var query: [(name: String, value: String)] = []
        if force { query.append(("force", "1")) }
        if noPrune { query.append(("noprune", "1")) }
        try session.forEach(images) { image in
            do {
                let answer = try session.client.json(.delete(try ImagePath.make(image), query: query))
                for item in try JSONDecoding.read([ImageDeleteItem].self, from: answer) {
                    try Console.print(ImageDeleteLine.text(item, lower: false))
                }
            } catch let error as APIError where error.status == 404 && force {
                // rmi -f asks for a state, not for an act: it is gone.
                Console.note("tctl: \(Printable(error.message))")
            }
        }
    }
}

/// A line about what was removed.
enum ImageDeleteLine {
    static func text(_ item: ImageDeleteItem, lower: Bool) -> String {
        let (word, name) = item.deleted.isEmpty ? ("Untagged", item.untagged) : ("Deleted", item.deleted)
        return "\(lower ? word.lowercased() : word): \(name)\n"
    }
}

/// `rmi`.
struct RemoveImages: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rmi",
        abstract: "Remove one or more images",
        usage: "tctl rmi [OPTIONS] IMAGE [IMAGE...]",
        discussion: """
            Examples:
              tctl rmi timber_tutorial:1
              tctl rmi -f $(tctl images -q)
            """
    )
    static let shape = RemoveImagesOptions.shape

    @OptionGroup var options: RemoveImagesOptions

    func run(in session: Session) throws { try options.run(in: session) }
}

/// `image rm`.
struct ImageRemove: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove one or more images", usage: "tctl image rm [OPTIONS] IMAGE [IMAGE...]", aliases: ["remove"])
    static let shape = RemoveImagesOptions.shape

    @OptionGroup var options: RemoveImagesOptions

    func run(in session: Session) throws { try options.run(in: session) }
}
