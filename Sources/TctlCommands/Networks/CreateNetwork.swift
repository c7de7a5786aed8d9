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
              tctl network create --ipv6 --subnet fd00:9:1:2::/64 modern
            """
    )
    static let shape = CommandShape(
        switches: ["internal", "attachable", "ipv6"], values: ["d,driver", "o,opt"], arguments: .exactly(1))

    @Option(name: .shortAndLong, help: ArgumentHelp("Only bridge is there", valueName: "driver"))
    var driver: String?
    @Option(
        help: ArgumentHelp("Where its addresses are from, as 10.9.0.0/24 or fd00:9::/64; without it Timber chooses", valueName: "subnet"))
    var subnet: [String] = []
    @Option(help: ArgumentHelp("The host's address in it", valueName: "address"))
    var gateway: [String] = []
    @Option(help: ArgumentHelp("The part of the subnet that addresses are taken from", valueName: "range"))
    var ipRange: [String] = []
    @Option(help: ArgumentHelp("An address that no container gets", valueName: "name=address"))
    var auxAddress: [String] = []
    @Flag(help: "Without a way out")
    var `internal` = false
    @Flag(help: "Accepted for docker's sake; containers may always join")
    var attachable = false
    @Flag(help: "With IPv6 addresses as well")
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
        let configs = try [false, true].map(config).filter { $0 != NetworkIPAMConfig() }
        if !configs.isEmpty { request.ipam = NetworkIPAM(config: configs) }
        let answer = try session.client.json(.post("/networks/create", body: .json(request.json())))
        try Console.print(try JSONDecoding.read(NetworkCreateResponse.self, from: answer).id + "\n")
    }

    /// What is said about the addresses of one family; those of IPv6 have colons.
    private func config(isIPv6: Bool) throws -> NetworkIPAMConfig {
        func one(_ flag: String, _ values: [String]) throws -> String {
            let own = values.filter { $0.contains(":") == isIPv6 }
            guard own.count <= 1 else {
                throw CommandFailure(
                    "\(flag) is given \(own.count) times for \(isIPv6 ? "IPv6" : "IPv4"): a network has one subnet of each")
            }
            return own.first ?? ""
        }
        return NetworkIPAMConfig(
            subnet: try one("--subnet", subnet), ipRange: try one("--ip-range", ipRange), gateway: try one("--gateway", gateway),
            auxiliaryAddresses: KeyValue.map(auxAddress).filter { $0.value.contains(":") == isIPv6 })
    }
}
