internal import ArgumentParser

/// `rm`: removes containers.
struct Remove: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove one or more containers",
        usage: "tctl rm [OPTIONS] CONTAINER [CONTAINER...]",
        discussion: """
            Examples:
              tctl rm web
              tctl rm -f $(tctl ps -aq)
            """,
        aliases: ["remove"]
    )
    static let shape = CommandShape(switches: ["f,force", "v,volumes"], arguments: .atLeast(1))

    @Flag(name: .shortAndLong, help: "Kill it first when it is running")
    var force = false
    @Flag(name: .shortAndLong, help: "Remove its anonymous volumes")
    var volumes = false
    @Argument(help: "Names or ids of containers", completion: .containers)
    var containers: [String]

    func run(in session: Session) throws {
        var query: [(name: String, value: String)] = []
        if force { query.append(("force", "1")) }
        if volumes { query.append(("v", "1")) }
        try session.forEach(containers) { container in
            do {
                try session.client.perform(.delete(try ContainerPath.make(container), query: query))
                try Console.print(container + "\n")
            } catch let error as APIError where error.status == 404 && force {
                // rm -f asks for a state, not for an act: it is gone.
                Console.note("tctl: \(Printable(error.message))")
            }
        }
    }
}
