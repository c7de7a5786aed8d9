internal import Errors

/// A network of a user's own: its bridge, its addresses and what its containers may do.
public struct NetworkConfiguration: Sendable, Hashable, Codable {
    /// 64 hexadecimal characters.
    public let id: String
    /// The unique name.
    public let name: String
    /// The bridge's name.
    public let bridge: String
    /// Where its addresses are from.
    public let subnet: IPv4Subnet
    /// The bridge's address.
    public let gateway: IPv4Address
    /// What containers get that ask for no address; nil: any of the subnet.
    public let range: AddressRange<IPv4Address>?
    /// Addresses that no container gets.
    public let kept: [IPv4Address]
    /// The same of IPv6; nil: it has none.
    public var ipv6: AddressPlan<IPv6Address>?
    /// How its containers are treated.
    public let rules: NetworkRules
    /// Of its interfaces; nil: the default route's.
    public let mtu: UInt32?

    /// Its containers have a way out by IPv6.
    var forwardsIPv6: Bool { ipv6 != nil && !rules.isInternal }
}

/// Where addresses of a network are from.
public struct AddressPlan<Address: IPAddress>: Sendable, Hashable, Codable {
    /// All of them.
    public let subnet: Subnet<Address>
    /// The bridge's address.
    public let gateway: Address
    /// What containers get that ask for no address; nil: any of the subnet.
    public let range: AddressRange<Address>?
    /// Addresses that no container gets.
    public let kept: [Address]

    /// Makes a plan.
    public init(subnet: Subnet<Address>, gateway: Address, range: AddressRange<Address>?, kept: [Address]) {
        self.subnet = subnet
        self.gateway = gateway
        self.range = range
        self.kept = kept
    }
}

/// What containers of a network may do.
public struct NetworkRules: Sendable, Hashable, Codable {
    /// There is no way out, and none in.
    public var isInternal: Bool
    /// Its containers do not reach each other.
    public var isolatesContainers: Bool
    /// What goes out does so with the host's address.
    public var masquerades: Bool

    /// Makes rules; those of a plain network without arguments.
    public init(isInternal: Bool = false, isolatesContainers: Bool = false, masquerades: Bool = true) {
        self.isInternal = isInternal
        self.isolatesContainers = isolatesContainers
        self.masquerades = masquerades
    }
}

/// A network that somebody asks for.
public struct NetworkRequest: Sendable {
    /// 64 hexadecimal characters.
    public var id: String
    /// The unique name.
    public var name: String
    /// The bridge's name; nil: one that follows from the id.
    public var bridge: String?
    /// Its addresses.
    public var ipv4 = AddressRequest<IPv4Address>()
    /// Its IPv6 addresses; nil: it has none.
    public var ipv6: AddressRequest<IPv6Address>?
    /// How its containers are treated.
    public var rules = NetworkRules()
    /// Of its interfaces; nil: the default route's.
    public var mtu: UInt32?

    /// Makes a request for a network with a subnet of Timber's choice.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }

    /// The network with its addresses.
    func configuration(_ ipv4: AddressPlan<IPv4Address>, _ ipv6: AddressPlan<IPv6Address>?) -> NetworkConfiguration {
        NetworkConfiguration(
            id: id, name: name, bridge: bridge ?? Self.bridge(of: id), subnet: ipv4.subnet, gateway: ipv4.gateway, range: ipv4.range,
            kept: ipv4.kept, ipv6: ipv6, rules: rules, mtu: mtu)
    }

    /// `tn-` and the beginning of the id: as long as an interface's name may be.
    public static func bridge(of id: String) -> String { "tn-" + id.prefix(12) }
}

/// Addresses that somebody asks for.
public struct AddressRequest<Address: IPAddress>: Sendable {
    /// nil: the next that collides with nothing.
    public var subnet: Subnet<Address>?
    /// nil: the first address of the subnet.
    public var gateway: Address?
    /// What containers get that ask for no address; nil: any of the subnet.
    public var range: AddressRange<Address>?
    /// Addresses that no container gets.
    public var kept: [Address] = []

    /// Makes a request for a subnet of Timber's choice.
    public init() {}

    /// What is asked for, in a subnet.
    /// - Throws: `TimberError.invalidArgument` when an address is outside of it.
    func plan(in subnet: Subnet<Address>) throws -> AddressPlan<Address> {
        for address in [gateway].compactMap(\.self) + kept where !subnet.canHave(address) {
            throw TimberError(
                .invalidArgument, "address \(address) is not one that a host in subnet \(subnet) can have, choose another one")
        }
        return AddressPlan(subnet: subnet, gateway: gateway ?? subnet.gateway, range: range, kept: kept)
    }
}
