internal import ArgumentParser
internal import DockerAPI

/// `network create`.
struct CreateNetwork: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a network",
        usage: "tctl network create [OPTIONS] NETWORK",
        discussion: """
            Containers in it find each other by name, and are not reached from others.

            Examples:
              tctl network create backend
              tctl network create --internal --subnet 10.9.0.0/24 vault
            """
    )
    static let shape = CommandShape(
        switches: ["internal", "attachable", "ipv6"], values: ["d,driver", "o,opt"], arguments: .exactly(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Only bridge is there", valueName: "driver"))
    var driver: String?
    @Option(help: ArgumentHelp("Where its addresses are from, as 10.9.0.0/24; without it Timber chooses", valueName: "subnet"))
    var subnet: String?
    @Option(help: ArgumentHelp("The host's address in it", valueName: "address"))
    var gateway: String?
    @Option(help: ArgumentHelp("The part of the subnet that addresses are taken from", valueName: "range"))
    var ipRange: String?
    @Option(help: ArgumentHelp("An address that no container gets", valueName: "name=address"))
    var auxAddress: [String] = []
    @Flag(help: "Without a way out")
    var `internal` = false
    @Flag(help: "Accepted for docker's sake; containers may always join")
    var attachable = false
    @Flag(help: "Refused: there is no IPv6 yet")
    var ipv6 = false
    @Option(help: ArgumentHelp("A label", valueName: "key=value"))
    var label: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("An option of the driver", valueName: "key=value"))
    var opt: [String] = []
    @Argument(help: "The name")
    var name: String

    func run(in session: Session) throws {
        var request = NetworkCreateRequest()
        request.name = name
        request.driver = driver ?? "bridge"
        request.isInternal = `internal`
        request.attachable = attachable
        request.enableIPv6 = ipv6 ? true : nil
        request.options = KeyValue.map(opt)
        request.labels = KeyValue.map(label)
        let config = NetworkIPAMConfig(
            subnet: subnet ?? "", ipRange: ipRange ?? "", gateway: gateway ?? "", auxiliaryAddresses: KeyValue.map(auxAddress))
        if config != NetworkIPAMConfig() { request.ipam = NetworkIPAM(config: [config]) }
        let answer = try session.client.json(.post("/networks/create", body: .json(request.json())))
        try Console.print(try JSONDecoding.read(NetworkCreateResponse.self, from: answer).id + "\n")
    }
}
