internal import ArgumentParser

/// `rename`: gives a container another name.
struct Rename: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename",
        abstract: "Rename a container",
        usage: "tctl rename CONTAINER NEW_NAME",
        discussion: """
            Example:
              tctl rename web web-old
            """
    )
    static let shape = CommandShape(switches: [], arguments: .exactly(2))

    @Argument(help: "Name or id of a container", completion: .containers)
    var container: String
    @Argument(help: "Its new name")
    var name: String

    func run(in session: Session) throws {
        if name.isEmpty { throw CommandFailure("the new name of \(Printable(container)) is empty") }
        try session.client.perform(.post(try ContainerPath.make(container, "/rename"), query: [("name", name)]))
    }
}
