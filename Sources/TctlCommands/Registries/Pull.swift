internal import ArgumentParser
internal import Glibc

/// `pull`: an image from its registry.
struct Pull: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetch an image from a registry",
        usage: "tctl pull [OPTIONS] NAME[:TAG|@DIGEST]",
        discussion: """
            Examples:
              tctl pull python:3
              tctl pull registry.example.com:5000/web:1
            """
    )
    static let shape = CommandShape(switches: ["a,all-tags", "q,quiet"], values: ["platform"], arguments: .exactly(1))

    @Flag(name: .shortAndLong, help: "Fetch every tag of the repository")
    var allTags = false
    @Flag(name: .shortAndLong, help: "No progress")
    var quiet = false
    @Option(help: ArgumentHelp("For another platform, as os[/arch[/variant]]", valueName: "platform"))
    var platform: String?
    @Argument(help: "Name of the image")
    var image: String

    func run(in session: Session) throws {
        try Pull.fetch(image, allTags: allTags, platform: platform, quiet: quiet, in: session)
        try Console.print((allTags ? image : ImageMissing.familiar(image)) + "\n")
    }

    /// Fetches an image and shows the progress on the terminal.
    /// - Throws: `CommandFailure`.
    static func fetch(_ image: String, allTags: Bool = false, platform: String?, quiet: Bool, in session: Session) throws {
        var query = [(name: "fromImage", value: image)]
        if allTags {
            let last = image.split(separator: "/").last ?? ""
            if last.contains(":") || last.contains("@") {
                throw CommandFailure("--all-tags goes with a name alone, without a tag or a digest")
            }
        } else {
            query[0].value = ImageMissing.familiar(image)
        }
        if let platform { query.append((name: "platform", value: platform)) }
        var request = Request.post("/images/create", query: query)
        request.registryAuth = try CredentialFile.header(image: image)
        try session.client.show(request, quiet: quiet)
    }
}
