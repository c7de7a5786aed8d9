internal import ArgumentParser
internal import Glibc

/// `push`: an image to its registry.
struct Push: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Send an image to a registry",
        usage: "tctl push [OPTIONS] NAME[:TAG]",
        discussion: """
            The name says which registry it goes to; tctl tag gives it such a name.

            Example:
              tctl tag timber_tutorial:1 127.0.0.1:5000/timber_tutorial:v1
              tctl push 127.0.0.1:5000/timber_tutorial:v1
            """
    )
    static let shape = CommandShape(switches: ["a,all-tags", "q,quiet"], arguments: .exactly(1))

    @Flag(name: .shortAndLong, help: "Send every tag of the repository")
    var allTags = false
    @Flag(name: .shortAndLong, help: "No progress")
    var quiet = false
    @Argument(help: "Name of the image", completion: .images)
    var image: String

    func run(in session: Session) throws {
        let (repository, tag) = try Tag.split(image)
        if allTags && image != repository { throw CommandFailure("--all-tags goes with a name alone, without a tag") }
        var request = Request.post(try ImagePath.make(repository, "/push"), query: allTags ? [] : [("tag", tag)])
        request.registryAuth = try CredentialFile.header(image: image)
        try session.client.show(request, quiet: quiet)
    }
}
