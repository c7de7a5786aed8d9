internal import ArgumentParser

/// `network`: the commands about networks.
struct NetworkGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network", abstract: "Manage networks", usage: "tctl network COMMAND",
        subcommands: [
            ConnectNetwork.self, CreateNetwork.self, DisconnectNetwork.self, NetworkInspectCommand.self, ListNetworks.self,
            NetworkPrune.self, RemoveNetworks.self,
        ])
}

/// A network in a request's path.
enum NetworkPath {
    /// `/networks/NAME`.
    /// - Throws: `CommandFailure` when the name is empty.
    static func make(_ name: String) throws -> String {
        if name.isEmpty { throw CommandFailure("the name of a network is empty") }
        return "/networks/\(PercentEncoding.segment(name))"
    }
}

/// `network inspect`.
struct NetworkInspectCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print everything about networks",
        usage: "tctl network inspect [OPTIONS] NETWORK [NETWORK...]",
        discussion: """
            Examples:
              tctl network inspect bridge
              tctl network inspect -f '{{json .Containers}}' bridge
            """
    )
    static let shape = CommandShape(switches: ["v,verbose"], values: ["f,format"], arguments: .atLeast(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("json, or a template of Go's", valueName: "template"))
    var format: String?
    @Flag(name: .shortAndLong, help: "Accepted for docker's sake; everything is printed anyway")
    var verbose = false
    @Argument(help: "Names or ids of networks", completion: .networks)
    var networks: [String]

    func run(in session: Session) throws {
        let inspection = Inspection(session: session, format: format)
        try inspection.print(networks, kind: "network") { try inspection.network($0) }
    }
}
