/// A container's networks and ports.
public struct NetworkSettings: WireObject {
    /// Unused.
    public var bridge: String = ""
    /// Id of its network namespace.
    public var sandboxID: String = ""
    /// Path of its network namespace.
    public var sandboxKey: String = ""
    /// Published ports; an empty list: exposed only.
    public var ports: PortMap = [:]
    /// Unused.
    public var hairpinMode: Bool = false
    /// Unused.
    public var linkLocalIPv6Address: String = ""
    /// Unused.
    public var linkLocalIPv6PrefixLen: Int = 0
    /// Unused.
    public var secondaryIPAddresses: [NetworkAddress] = []
    /// Unused.
    public var secondaryIPv6Addresses: [NetworkAddress] = []
    /// Of the default bridge.
    public var endpointID: String = ""
    /// Of the default bridge.
    public var gateway: String = ""
    /// On the default bridge.
    public var globalIPv6Address: String = ""
    /// On the default bridge.
    public var globalIPv6PrefixLen: Int = 0
    /// On the default bridge.
    public var ipAddress: String = ""
    /// On the default bridge.
    public var ipPrefixLen: Int = 0
    /// Of the default bridge.
    public var ipv6Gateway: String = ""
    /// On the default bridge.
    public var macAddress: String = ""
    /// Endpoints by network name.
    public var networks: [String: EndpointSettings] = [:]

    /// Makes one; what is left out has its zero value.
    public init(
        bridge: String = "", sandboxID: String = "", sandboxKey: String = "", ports: PortMap = [:], hairpinMode: Bool = false,
        linkLocalIPv6Address: String = "", linkLocalIPv6PrefixLen: Int = 0, secondaryIPAddresses: [NetworkAddress] = [],
        secondaryIPv6Addresses: [NetworkAddress] = [], endpointID: String = "", gateway: String = "", globalIPv6Address: String = "",
        globalIPv6PrefixLen: Int = 0, ipAddress: String = "", ipPrefixLen: Int = 0, ipv6Gateway: String = "", macAddress: String = "",
        networks: [String: EndpointSettings] = [:]
    ) {
        self.bridge = bridge
        self.sandboxID = sandboxID
        self.sandboxKey = sandboxKey
        self.ports = ports
        self.hairpinMode = hairpinMode
        self.linkLocalIPv6Address = linkLocalIPv6Address
        self.linkLocalIPv6PrefixLen = linkLocalIPv6PrefixLen
        self.secondaryIPAddresses = secondaryIPAddresses
        self.secondaryIPv6Addresses = secondaryIPv6Addresses
        self.endpointID = endpointID
        self.gateway = gateway
        self.globalIPv6Address = globalIPv6Address
        self.globalIPv6PrefixLen = globalIPv6PrefixLen
        self.ipAddress = ipAddress
        self.ipPrefixLen = ipPrefixLen
        self.ipv6Gateway = ipv6Gateway
        self.macAddress = macAddress
        self.networks = networks
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Bridge", &bridge)
        try coder.field("SandboxID", &sandboxID)
        try coder.field("SandboxKey", &sandboxKey)
        try coder.ports("Ports", &ports)
        try coder.field("HairpinMode", &hairpinMode)
        try coder.field("LinkLocalIPv6Address", &linkLocalIPv6Address)
        try coder.field("LinkLocalIPv6PrefixLen", &linkLocalIPv6PrefixLen)
        try coder.field("SecondaryIPAddresses", &secondaryIPAddresses, empty: .null)
        try coder.field("SecondaryIPv6Addresses", &secondaryIPv6Addresses, empty: .null)
        try coder.field("EndpointID", &endpointID)
        try coder.field("Gateway", &gateway)
        try coder.field("GlobalIPv6Address", &globalIPv6Address)
        try coder.field("GlobalIPv6PrefixLen", &globalIPv6PrefixLen)
        try coder.field("IPAddress", &ipAddress)
        try coder.field("IPPrefixLen", &ipPrefixLen)
        try coder.field("IPv6Gateway", &ipv6Gateway)
        try coder.field("MacAddress", &macAddress)
        try coder.field("Networks", &networks)
    }
}

/// An address with its prefix.
public struct NetworkAddress: WireObject {
    /// The address.
    public var addr: String = ""
    /// Bits of the prefix.
    public var prefixLen: Int = 0

    /// Makes one; what is left out has its zero value.
    public init(addr: String = "", prefixLen: Int = 0) {
        self.addr = addr
        self.prefixLen = prefixLen
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Addr", &addr)
        try coder.field("PrefixLen", &prefixLen)
    }
}

/// Networks to join at creation.
public struct NetworkingConfig: WireObject {
    /// Endpoints by network name.
    public var endpointsConfig: [String: EndpointSettings] = [:]

    /// Makes one; what is left out has its zero value.
    public init(endpointsConfig: [String: EndpointSettings] = [:]) {
        self.endpointsConfig = endpointsConfig
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("EndpointsConfig", &endpointsConfig)
    }
}

/// A container's place in one network.
public struct EndpointSettings: WireObject {
    /// Addresses asked for.
    public var ipamConfig: EndpointIPAMConfig?
    /// Legacy links.
    public var links: [String] = []
    /// More names in this network.
    public var aliases: [String] = []
    /// Options of the network's driver.
    public var driverOpts: [String: String] = [:]
    /// The endpoint with the highest has the default route.
    public var gwPriority: Int64 = 0
    /// The network's id.
    public var networkID: String = ""
    /// The endpoint's id.
    public var endpointID: String = ""
    /// IPv4 gateway.
    public var gateway: String = ""
    /// IPv4 address.
    public var ipAddress: String = ""
    /// MAC address.
    public var macAddress: String = ""
    /// Bits of the IPv4 prefix.
    public var ipPrefixLen: Int = 0
    /// IPv6 gateway.
    public var ipv6Gateway: String = ""
    /// IPv6 address.
    public var globalIPv6Address: String = ""
    /// Bits of the IPv6 prefix.
    public var globalIPv6PrefixLen: Int64 = 0
    /// Names other containers resolve.
    public var dnsNames: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(
        ipamConfig: EndpointIPAMConfig? = nil, links: [String] = [], aliases: [String] = [], driverOpts: [String: String] = [:],
        gwPriority: Int64 = 0, networkID: String = "", endpointID: String = "", gateway: String = "", ipAddress: String = "",
        macAddress: String = "", ipPrefixLen: Int = 0, ipv6Gateway: String = "", globalIPv6Address: String = "",
        globalIPv6PrefixLen: Int64 = 0, dnsNames: [String] = []
    ) {
        self.ipamConfig = ipamConfig
        self.links = links
        self.aliases = aliases
        self.driverOpts = driverOpts
        self.gwPriority = gwPriority
        self.networkID = networkID
        self.endpointID = endpointID
        self.gateway = gateway
        self.ipAddress = ipAddress
        self.macAddress = macAddress
        self.ipPrefixLen = ipPrefixLen
        self.ipv6Gateway = ipv6Gateway
        self.globalIPv6Address = globalIPv6Address
        self.globalIPv6PrefixLen = globalIPv6PrefixLen
        self.dnsNames = dnsNames
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("IPAMConfig", &ipamConfig)
        try coder.field("Links", &links, empty: .null)
        try coder.field("Aliases", &aliases, empty: .null)
        try coder.nullMap("DriverOpts", &driverOpts)
        try coder.field("GwPriority", &gwPriority)
        try coder.field("NetworkID", &networkID)
        try coder.field("EndpointID", &endpointID)
        try coder.field("Gateway", &gateway)
        try coder.field("IPAddress", &ipAddress)
        try coder.field("MacAddress", &macAddress)
        try coder.field("IPPrefixLen", &ipPrefixLen)
        try coder.field("IPv6Gateway", &ipv6Gateway)
        try coder.field("GlobalIPv6Address", &globalIPv6Address)
        try coder.field("GlobalIPv6PrefixLen", &globalIPv6PrefixLen)
        try coder.field("DNSNames", &dnsNames, empty: .null)
    }
}

/// Addresses asked for.
public struct EndpointIPAMConfig: WireObject {
    /// IPv4.
    public var ipv4Address: String = ""
    /// IPv6.
    public var ipv6Address: String = ""
    /// Link-local.
    public var linkLocalIPs: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(ipv4Address: String = "", ipv6Address: String = "", linkLocalIPs: [String] = []) {
        self.ipv4Address = ipv4Address
        self.ipv6Address = ipv6Address
        self.linkLocalIPs = linkLocalIPs
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("IPv4Address", &ipv4Address, empty: .omitted)
        try coder.field("IPv6Address", &ipv6Address, empty: .omitted)
        try coder.field("LinkLocalIPs", &linkLocalIPs, empty: .omitted)
    }
}
