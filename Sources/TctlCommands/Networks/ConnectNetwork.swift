internal import ArgumentParser
internal import DockerAPI

/// `network connect`.
struct ConnectNetwork: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Put a container into a network",
        usage: "tctl network connect [OPTIONS] NETWORK CONTAINER",
        discussion: """
            At once when the container runs, else when it starts.

            Examples:
              tctl network connect backend web
              tctl network connect --alias db --ip 10.9.0.5 backend postgres
            """
    )
    static let shape = CommandShape(switches: [], arguments: .exactly(2))

    @Option(help: ArgumentHelp("Another name of the container in this network", valueName: "name"))
    var alias: [String] = []
    @Option(help: ArgumentHelp("A certain address", valueName: "address"))
    var ip: String?
    @Option(help: ArgumentHelp("A certain IPv6 address", valueName: "address"))
    var ip6: String?
    @Option(help: ArgumentHelp("Find another container by a name that only this one has for it", valueName: "container:alias"))
    var link: [String] = []
    @Option(help: ArgumentHelp("Refused: there are none", valueName: "address"))
    var linkLocalIp: [String] = []
    @Option(help: ArgumentHelp("An option of the driver; bridge has none", valueName: "key=value"))
    var driverOpt: [String] = []
    @Option(help: ArgumentHelp("The network with the highest has the default route", valueName: "number"))
    var gwPriority: String?
    @Argument(help: "The name or id of a network", completion: .networks)
    var network: String
    @Argument(help: "The name or id of a container", completion: .containers)
    var container: String

    func run(in session: Session) throws {
        var settings = EndpointSettings(
            links: link, aliases: alias, driverOpts: KeyValue.map(driverOpt),
            gwPriority: try gwPriority.map { try Numbers.whole(flag: "--gw-priority", $0) } ?? 0)
        let ipam = EndpointIPAMConfig(ipv4Address: ip ?? "", ipv6Address: ip6 ?? "", linkLocalIPs: linkLocalIp)
        if ipam != EndpointIPAMConfig() { settings.ipamConfig = ipam }
        var request = NetworkConnectRequest()
        request.container = container
        request.endpointConfig = settings
        try session.client.perform(.post(try NetworkPath.make(network) + "/connect", body: .json(request.json())))
    }
}

/// `network disconnect`.
struct DisconnectNetwork: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "disconnect",
        abstract: "Take a container out of a network",
        usage: "tctl network disconnect [OPTIONS] NETWORK CONTAINER",
        discussion: """
            Example:
              tctl network disconnect backend web
            """
    )
    static let shape = CommandShape(switches: ["f,force"], arguments: .exactly(2))

    @Flag(name: .shortAndLong, help: "Accepted for docker's sake; a container is always taken out")
    var force = false
    @Argument(help: "The name or id of a network", completion: .networks)
    var network: String
    @Argument(help: "The name or id of a container", completion: .containers)
    var container: String

    func run(in session: Session) throws {
        var request = NetworkDisconnectRequest()
        request.container = container
        request.force = force
        try session.client.perform(.post(try NetworkPath.make(network) + "/disconnect", body: .json(request.json())))
    }
}
