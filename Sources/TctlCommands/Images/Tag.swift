internal import ArgumentParser

/// `tag`: another name for an image.
struct Tag: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Give an image another name",
        usage: "tctl tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        discussion: """
            Example:
              tctl tag timber_tutorial:1 timber_tutorial:stable
            """
    )
    static let shape = CommandShape(switches: [], arguments: .exactly(2))

    @Argument(help: "Name or id of an image", completion: .images)
    var source: String
    @Argument(help: "The new name")
    var target: String

    func run(in session: Session) throws {
        let (repository, tag) = try Tag.split(target)
        try session.client.perform(.post(try ImagePath.make(source, "/tag"), query: [("repo", repository), ("tag", tag)]))
    }

    /// Name and tag; `latest` when there is none.
    static func split(_ reference: String) throws -> (repository: String, tag: String) {
        if reference.contains("@") { throw CommandFailure("\(Printable(reference)) has a digest: a name for an image is NAME[:TAG]") }
        let slash = reference.lastIndex(of: "/") ?? reference.startIndex
        guard let colon = reference[slash...].lastIndex(of: ":") else { return (reference, "latest") }
        return (String(reference[..<colon]), String(reference[reference.index(after: colon)...]))
    }
}
