internal import ArgumentParser

/// `commit`: an image of a container.
struct Commit: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit",
        abstract: "Create a new image from a container's changes",
        usage: "tctl commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        discussion: """
            Examples:
              tctl commit web web:patched
              tctl commit -m "with curl" -c 'CMD ["serve"]' -c 'ENV MODE=test' web
            """
    )
    static let shape = CommandShape(
        switches: ["p,pause=true"], values: ["a,author", "c,change", "m,message"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Who made it: \"Oak <oak@example.org>\"", valueName: "author"))
    var author: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Apply an instruction of a Dockerfile", valueName: "instruction"))
    var change: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("Say what was changed", valueName: "text"))
    var message: String?
    @Flag(name: .shortAndLong, inversion: .prefixedNo, help: "Pause the container meanwhile")
    var pause = true
    @Argument(help: "Name or id of a container", completion: .containers)
    var container: String
    @Argument(help: "Name of the image")
    var reference: String?

    func run(in session: Session) throws {
        let (repository, tag) = try reference.map(Tag.split) ?? ("", "")
        var query = [
            (name: "author", value: author ?? ""), (name: "comment", value: message ?? ""), (name: "container", value: container),
        ]
        query += change.map { (name: "changes", value: $0) }
        if !pause { query.append((name: "pause", value: "0")) }
        query += [(name: "repo", value: repository), (name: "tag", value: tag)]
        let answer = try session.client.json(.post("/commit", query: query, body: .json(Array("null".utf8))))
        guard let id = answer["Id"]?.text else { throw HTTPSyntaxError("an answer to commit without an id") }
        try Console.print(id + "\n")
    }
}
