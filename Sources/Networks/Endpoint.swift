/// A container's place on the bridge: what `connect` made, and what the daemon stores to find it again.
public struct Endpoint: Sendable, Hashable, Codable {
    /// The container's id.
    public let id: String
    /// The host's end of the veth pair; another one for every start.
    public let interface: String
    /// The container's address.
    public let address: IPv4Address
    /// Bits of the subnet's prefix.
    public let prefixLength: UInt8
    /// The bridge's address: the container's default route.
    public let gateway: IPv4Address
    /// The container's Ethernet address.
    public let mac: MACAddress
}
