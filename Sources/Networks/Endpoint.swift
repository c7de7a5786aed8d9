/// A container's place in a network: what `connect` made, and what the daemon stores to find it again.
public struct Endpoint: Sendable, Hashable, Codable {
    /// The container's id.
    public let id: String
    /// The network's id.
    public let network: String
    /// The endpoint's own id: 64 hexadecimal characters.
    public let endpointID: String
    /// The host's end of the veth pair; another one for every start.
    public let interface: String
    /// The container's end: `eth0`, `eth1`, …
    public let device: String
    /// The container's address.
    public let address: IPv4Address
    /// Bits of the subnet's prefix.
    public let prefixLength: UInt8
    /// The bridge's address; nil in an internal network, which has no way out.
    public let gateway: IPv4Address?
    /// What it has of IPv6; nil in a network without.
    public var ipv6: IPv6Place?
    /// The container's Ethernet address.
    public let mac: MACAddress

    /// Its addresses as text.
    public var addresses: [String] { ["\(address)"] + [ipv6].compactMap { $0.map { "\($0.address)" } } }

    /// Ports with its address of the family that they are published on.
    func targets(_ ports: [PublishedPort]) -> [(PublishedPort, HostAddress)] {
        ports.compactMap { port in
            let address: HostAddress? = port.hostAddress.family == .ipv4 ? .ipv4(address) : ipv6.map { .ipv6($0.address) }
            return address.map { (port, $0) }
        }
    }

    /// Whether there is a way out by a family of addresses.
    public func hasGateway(_ family: IPFamily) -> Bool { family == .ipv4 ? gateway != nil : ipv6?.gateway != nil }
}

/// A container's place in a network's IPv6.
public struct IPv6Place: Sendable, Hashable, Codable {
    /// The container's address.
    public let address: IPv6Address
    /// Bits of the subnet's prefix.
    public let prefixLength: UInt8
    /// The bridge's address; nil in an internal network, which has no way out.
    public let gateway: IPv6Address?
}

/// What a container asks of a network.
public struct EndpointRequest: Sendable, Hashable {
    /// The network's id; nil: the daemon's own bridge.
    public var network: String?
    /// The number of the interface inside: 0 is `eth0`.
    public var device: Int
    /// Of which families the container's default route goes this way.
    public var defaultRoutes: Set<IPFamily>
    /// A certain address; nil for the next free one.
    public var address: IPv4Address?
    /// A certain IPv6 address; nil for the next free one, where the network has any.
    public var ipv6Address: IPv6Address?
    /// A certain Ethernet address; nil for one that follows from the address.
    public var mac: MACAddress?

    /// Makes a request; without arguments the one for `eth0` on the daemon's bridge.
    public init(
        network: String? = nil, device: Int = 0, defaultRoutes: Set<IPFamily> = [.ipv4, .ipv6], address: IPv4Address? = nil,
        ipv6Address: IPv6Address? = nil, mac: MACAddress? = nil
    ) {
        self.network = network
        self.device = device
        self.defaultRoutes = defaultRoutes
        self.address = address
        self.ipv6Address = ipv6Address
        self.mac = mac
    }
}
