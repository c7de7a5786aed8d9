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
    public internal(set) var subnet: IPv4Subnet
    /// The bridge's address.
    public internal(set) var gateway: IPv4Address
    /// What containers get that ask for no address; nil: any of the subnet.
    public let range: AddressRange?
    /// Addresses that no container gets.
    public let kept: [IPv4Address]
    /// How its containers are treated.
    public let rules: NetworkRules
    /// Of its interfaces; nil: the default route's.
    public let mtu: UInt32?
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
    /// nil: the next that collides with nothing.
    public var subnet: IPv4Subnet?
    /// nil: the first address of the subnet.
    public var gateway: IPv4Address?
    /// What containers get that ask for no address; nil: any of the subnet.
    public var range: AddressRange?
    /// Addresses that no container gets.
    public var kept: [IPv4Address] = []
    /// How its containers are treated.
    public var rules = NetworkRules()
    /// Of its interfaces; nil: the default route's.
    public var mtu: UInt32?

    /// Makes a request for a network with a subnet of Timber's choice.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }

    /// The network with a subnet.
    /// - Throws: `TimberError.invalidArgument` when an address is outside of it.
    func configuration(subnet: IPv4Subnet) throws -> NetworkConfiguration {
        for address in [gateway].compactMap(\.self) + kept {
            guard subnet.contains(address), address != subnet.network, address != subnet.broadcast else {
                throw TimberError(
                    .invalidArgument, "address \(address) is not one that a host in subnet \(subnet) can have, choose another one")
            }
        }
        return NetworkConfiguration(
            id: id, name: name, bridge: bridge ?? Self.bridge(of: id), subnet: subnet, gateway: gateway ?? subnet.gateway, range: range,
            kept: kept, rules: rules, mtu: mtu)
    }

    /// `tn-` and the beginning of the id: as long as an interface's name may be.
    public static func bridge(of id: String) -> String { "tn-" + id.prefix(12) }
}
