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
    /// The container's Ethernet address.
    public let mac: MACAddress
}

/// What a container asks of a network.
public struct EndpointRequest: Sendable, Hashable {
    /// The network's id; nil: the daemon's own bridge.
    public var network: String?
    /// The number of the interface inside: 0 is `eth0`.
    public var device: Int
    /// The container's default route goes this way.
    public var isDefaultRoute: Bool
    /// A certain address; nil for the next free one.
    public var address: IPv4Address?
    /// A certain Ethernet address; nil for one that follows from the address.
    public var mac: MACAddress?

    /// Makes a request; without arguments the one for `eth0` on the daemon's bridge.
    public init(
        network: String? = nil, device: Int = 0, isDefaultRoute: Bool = true, address: IPv4Address? = nil, mac: MACAddress? = nil
    ) {
        self.network = network
        self.device = device
        self.isDefaultRoute = isDefaultRoute
        self.address = address
        self.mac = mac
    }
}
