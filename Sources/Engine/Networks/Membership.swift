internal import DockerAPI
internal import Errors
internal import Networks

/// A network that a container is in whether it runs or not, and what it asks of it.
struct Membership: Sendable, Codable, Equatable {
    /// The network's id.
    var network: String
    /// The network's name, which never changes.
    var name: String
    /// More names of the container in this network.
    var aliases: [String] = []
    /// Other containers under names of the container's own: `NAME:ALIAS`.
    var links: [String] = []
    /// A certain address; nil: any.
    var address: IPv4Address?
    /// A certain IPv6 address; nil: any, where the network has IPv6.
    var ipv6Address: IPv6Address?
    /// A certain Ethernet address; nil: one that follows from the address.
    var mac: MACAddress?
    /// The network with the highest has the default route.
    var gatewayPriority: Int64 = 0
}

extension Membership {
    /// What somebody asks of a network.
    /// - Throws: `TimberError` that names what is wrong or not supported.
    init(_ network: JoinableNetwork, _ settings: EndpointSettings) throws {
        self.network = network.id
        name = network.name
        gatewayPriority = settings.gwPriority
        let ipam = settings.ipamConfig ?? EndpointIPAMConfig()
        if let address = ipam.linkLocalIPs.first(where: { !$0.isEmpty }) {
            throw TimberError(.unsupported, "the link-local address \(address.prefix(50)) on network \(name) is not supported by Timber")
        }
        if let option = settings.driverOpts.keys.sorted().first {
            throw TimberError(.unsupported, "driver option \"\(option)\" of network \(name) is not supported by Timber")
        }
        if !settings.macAddress.isEmpty { mac = try Self.mac(settings.macAddress) }
        if !ipam.ipv4Address.isEmpty { address = try Self.address(ipam.ipv4Address, in: network) { ($0.ipv4, $0.hasOwnSubnet) } }
        if !ipam.ipv6Address.isEmpty {
            ipv6Address = try Self.address(ipam.ipv6Address, in: network) { ($0.configuration.ipv6, $0.hasOwnIPv6Subnet ?? false) }
        }
        aliases = try settings.aliases.map { try Self.name($0, "alias") }
        if case .bridge = network, !aliases.isEmpty {
            throw TimberError(.invalidArgument, "network-scoped aliases are only supported for user-defined networks, not for bridge")
        }
        links = try settings.links.map(Self.link)
    }

    /// The default bridge as a container gets it that asks for nothing.
    static func bridge() throws -> Membership { try Membership(.bridge, EndpointSettings()) }

    /// Questions of containers in networks of users are asked from the host: a loopback address would be the host's.
    /// - Parameter nameServers: those that the container is to use.
    /// - Throws: `TimberError.invalidArgument`.
    func check(nameServers: [String]) throws {
        guard network != BuiltInNetwork.bridge.id, let server = nameServers.first(where: ContainerDNS.isLoopback) else { return }
        throw TimberError(
            .invalidArgument,
            "name server \(server) is on a loopback, which containers in network \(name) cannot ask: give --dns another address, or leave it out for the host's name servers"
        )
    }

    /// - Throws: `TimberError.invalidArgument`.
    static func mac(_ text: String) throws -> MACAddress {
        guard let mac = MACAddress(text) else {
            throw TimberError(
                .invalidArgument, "\"\(text.prefix(50))\" is not an Ethernet address of one interface, such as 02:42:ac:12:05:02")
        }
        return mac
    }

    /// - Parameter plan: where the network's addresses are from, and whether its user chose that.
    private static func address<Address: IPAddress>(
        _ text: String, in network: JoinableNetwork, _ plan: (UserNetwork) -> (AddressPlan<Address>?, Bool)
    ) throws -> Address {
        let family = Address.family.rawValue
        guard let address = Address(text) else {
            throw TimberError(.invalidArgument, "invalid \(family) address: \(text.prefix(50))")
        }
        guard case .user(let user) = network else {
            throw TimberError(.invalidArgument, "user specified IP address is supported on user-defined networks only, not on bridge")
        }
        guard case (let plan?, let isOwn) = plan(user) else {
            throw TimberError(
                .invalidArgument, "address \(address) cannot be had in network \(user.name): it has no \(family), make it with --ipv6")
        }
        guard isOwn else {
            throw TimberError(
                .invalidArgument,
                "user specified IP address is supported only on networks with a subnet of the user's: create network \(user.name) with --subnet"
            )
        }
        guard plan.subnet.canHave(address), address != plan.gateway else {
            throw TimberError(.invalidArgument, "address \(address) is not one that a container in \(plan.subnet) of \(user.name) can have")
        }
        return address
    }

    /// `NAME` or `NAME:ALIAS`, which may begin with slashes.
    static func link(_ text: String) throws -> String {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
            String(part.split(separator: "/").last ?? "")
        }
        guard (1...2).contains(parts.count), let target = parts.first, let alias = parts.last else {
            throw TimberError(.invalidArgument, "bad format for link: \"\(text.prefix(200))\": expected CONTAINER:ALIAS")
        }
        return "\(try name(target, "link")):\(try name(alias, "link"))"
    }

    /// Names end up in answers of the DNS and in /etc/hosts.
    private static func name(_ text: String, _ what: String) throws -> String {
        guard (1...253).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }) else {
            throw TimberError(.invalidArgument, "\(what) \"\(text.prefix(100))\" is not a name")
        }
        return text
    }
}

/// Which way the default route goes: of several networks the one with the highest priority, of those the first by name.
enum DefaultRoute {
    /// - Parameter memberships: networks with a way out.
    static func first(_ memberships: [Membership]) -> Membership? {
        memberships.min { ($1.gatewayPriority, $0.name) < ($0.gatewayPriority, $1.name) }
    }

    static func choose(_ family: IPFamily, _ endpoints: [Endpoint], _ memberships: [Membership]) -> Endpoint? {
        let open = memberships.filter { membership in
            endpoints.contains { $0.network == membership.network && $0.hasGateway(family) }
        }
        let first = first(open)
        return endpoints.first { $0.network == first?.network }
    }
}
