internal import DockerAPI

/// `--network NAME` and `--network name=NAME,alias=…,ip=…`.
struct NetworkSpec: Equatable {
    /// The network, or a mode such as `host`.
    var name: String
    var settings = EndpointSettings()

    /// - Throws: `CommandFailure` (125) that names the part.
    init(parsing text: String) throws {
        func fail(_ reason: String) -> CommandFailure { CommandFailure("invalid --network \(Printable(text)): \(reason)", status: 125) }
        guard text.contains("=") else {
            if text.isEmpty || text == "container:" || text.contains(",") {
                throw fail("give bridge, none, host, container:NAME or a network")
            }
            name = text
            return
        }
        name = ""
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let (key, value) = KeyValue.split(String(part))
            guard let value, !value.isEmpty else { throw fail("\(Printable(String(part))) is not a key and its value") }
            switch key.lowercased() {
            case "name": name = value
            case "alias": settings.aliases.append(value)
            case "ip": ipam { $0.ipv4Address = value }
            case "ip6": ipam { $0.ipv6Address = value }
            case "link-local-ip": ipam { $0.linkLocalIPs.append(value) }
            case "mac-address": settings.macAddress = value
            case "driver-opt":
                let option = KeyValue.split(value)
                settings.driverOpts[option.key] = option.value ?? ""
            case "gw-priority":
                guard let priority = Int64(value) else { throw fail("gw-priority is a whole number") }
                settings.gwPriority = priority
            default:
                throw fail(
                    "there is no \(Printable(key)); there are name, alias, ip, ip6, link-local-ip, mac-address, driver-opt, gw-priority")
            }
        }
        if name.isEmpty { throw fail("it has no name=") }
    }

    /// Changes the addresses asked for.
    mutating func ipam(_ change: (inout EndpointIPAMConfig) -> Void) {
        var config = settings.ipamConfig ?? EndpointIPAMConfig()
        change(&config)
        settings.ipamConfig = config
    }

    /// Users make it: it is neither a mode nor the default bridge.
    var isUsers: Bool { !["default", "bridge", "host", "none"].contains(name) && !name.hasPrefix("container:") }

    /// All `--network`, with what the flags for the first one say.
    /// - Throws: `CommandFailure` (125).
    static func all(_ options: NetworkOptions) throws -> [NetworkSpec] {
        var specs = try options.network.map(NetworkSpec.init(parsing:))
        if specs.isEmpty { specs = [try NetworkSpec(parsing: "default")] }
        if specs.count > 1, let mode = specs.first(where: { !$0.isUsers && $0.name != "bridge" }) {
            throw CommandFailure("--network \(Printable(mode.name)) cannot be combined with other networks", status: 125)
        }
        specs[0].settings.aliases += options.networkAlias
        if let address = options.ip { specs[0].ipam { $0.ipv4Address = address } }
        if let address = options.ip6 { specs[0].ipam { $0.ipv6Address = address } }
        for address in options.linkLocalIp { specs[0].ipam { $0.linkLocalIPs.append(address) } }
        if let address = options.macAddress { specs[0].settings.macAddress = address }
        if specs[0].isUsers { specs[0].settings.links = options.link }
        return specs
    }
}
