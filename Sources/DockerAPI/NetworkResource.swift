/// A network, as `GET /networks` and `GET /networks/{id}` show it.
public struct NetworkResource: WireObject {
    /// The unique name.
    public var name: String = ""
    /// 64 hexadecimal characters.
    public var id: String = ""
    /// RFC 3339.
    public var created: String = ""
    /// `local`.
    public var scope: String = "local"
    /// `bridge`, `host`, `null`.
    public var driver: String = ""
    /// Its containers have IPv4.
    public var enableIPv4: Bool = false
    /// Its containers have IPv6.
    public var enableIPv6: Bool = false
    /// How addresses are given out.
    public var ipam: NetworkIPAM = NetworkIPAM()
    /// Without a way out.
    public var isInternal: Bool = false
    /// Swarm only.
    public var attachable: Bool = false
    /// Swarm only.
    public var ingress: Bool = false
    /// Another network that this one takes its configuration from.
    public var configFrom: ConfigReference = ConfigReference()
    /// Only a configuration for other networks.
    public var configOnly: Bool = false
    /// The running containers in it, by id; left empty in lists.
    public var containers: [String: NetworkContainer] = [:]
    /// Of the driver.
    public var options: [String: String] = [:]
    /// The user's.
    public var labels: [String: String] = [:]

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
        try coder.field("Id", &id)
        try coder.field("Created", &created)
        try coder.field("Scope", &scope)
        try coder.field("Driver", &driver)
        try coder.field("EnableIPv4", &enableIPv4)
        try coder.field("EnableIPv6", &enableIPv6)
        try coder.field("IPAM", &ipam)
        try coder.field("Internal", &isInternal)
        try coder.field("Attachable", &attachable)
        try coder.field("Ingress", &ingress)
        try coder.field("ConfigFrom", &configFrom)
        try coder.field("ConfigOnly", &configOnly)
        try coder.field("Containers", &containers)
        try coder.field("Options", &options)
        try coder.field("Labels", &labels)
    }
}

/// How a network gives out addresses.
public struct NetworkIPAM: WireObject {
    /// `default`.
    public var driver: String = "default"
    /// Of the driver.
    public var options: [String: String] = [:]
    /// Its subnets.
    public var config: [NetworkIPAMConfig] = []

    /// Makes one; what is left out has its zero value.
    public init(driver: String = "default", options: [String: String] = [:], config: [NetworkIPAMConfig] = []) {
        self.driver = driver
        self.options = options
        self.config = config
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Driver", &driver)
        try coder.nullMap("Options", &options)
        try coder.field("Config", &config, empty: .null)
    }
}

/// A subnet of a network.
public struct NetworkIPAMConfig: WireObject {
    /// As `172.30.0.0/16`.
    public var subnet: String = ""
    /// The part of the subnet that addresses are taken from.
    public var ipRange: String = ""
    /// The host's address in it.
    public var gateway: String = ""
    /// Addresses that no container gets, by name.
    public var auxiliaryAddresses: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(subnet: String = "", ipRange: String = "", gateway: String = "", auxiliaryAddresses: [String: String] = [:]) {
        self.subnet = subnet
        self.ipRange = ipRange
        self.gateway = gateway
        self.auxiliaryAddresses = auxiliaryAddresses
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Subnet", &subnet, empty: .omitted)
        try coder.field("IPRange", &ipRange, empty: .omitted)
        try coder.field("Gateway", &gateway, empty: .omitted)
        try coder.field("AuxiliaryAddresses", &auxiliaryAddresses, empty: .omitted)
    }
}

/// A network by name.
public struct ConfigReference: WireObject {
    /// Its name.
    public var network: String = ""

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Network", &network)
    }
}

/// A container's place in a network.
public struct NetworkContainer: WireObject {
    /// The container's name.
    public var name: String = ""
    /// The endpoint's id.
    public var endpointID: String = ""
    /// Its Ethernet address.
    public var macAddress: String = ""
    /// With the prefix, as `172.30.0.2/16`.
    public var ipv4Address: String = ""
    /// With the prefix.
    public var ipv6Address: String = ""

    /// Makes one; what is left out has its zero value.
    public init(name: String = "", endpointID: String = "", macAddress: String = "", ipv4Address: String = "", ipv6Address: String = "") {
        self.name = name
        self.endpointID = endpointID
        self.macAddress = macAddress
        self.ipv4Address = ipv4Address
        self.ipv6Address = ipv6Address
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
        try coder.field("EndpointID", &endpointID)
        try coder.field("MacAddress", &macAddress)
        try coder.field("IPv4Address", &ipv4Address)
        try coder.field("IPv6Address", &ipv6Address)
    }
}

/// Body of `POST /networks/create`.
public struct NetworkCreateRequest: WireObject {
    /// The name asked for.
    public var name: String = ""
    /// `bridge`.
    public var driver: String = ""
    /// `local`.
    public var scope: String = ""
    /// Without a way out.
    public var isInternal: Bool = false
    /// Swarm only.
    public var attachable: Bool = false
    /// Swarm only.
    public var ingress: Bool = false
    /// Only a configuration for other networks.
    public var configOnly: Bool = false
    /// Another network to take the configuration from.
    public var configFrom: ConfigReference?
    /// Its subnets.
    public var ipam: NetworkIPAM?
    /// Its containers have IPv4; nil: they have.
    public var enableIPv4: Bool?
    /// Its containers have IPv6; nil: they have not.
    public var enableIPv6: Bool?
    /// Of the driver.
    public var options: [String: String] = [:]
    /// The user's.
    public var labels: [String: String] = [:]

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
        try coder.field("Driver", &driver)
        try coder.field("Scope", &scope)
        try coder.field("Internal", &isInternal)
        try coder.field("Attachable", &attachable)
        try coder.field("Ingress", &ingress)
        try coder.field("ConfigOnly", &configOnly)
        try coder.field("ConfigFrom", &configFrom)
        try coder.field("IPAM", &ipam)
        try coder.field("EnableIPv4", &enableIPv4)
        try coder.field("EnableIPv6", &enableIPv6)
        try coder.field("Options", &options)
        try coder.field("Labels", &labels)
    }
}

/// Answer to `POST /networks/create`.
public struct NetworkCreateResponse: WireObject {
    /// The new network's id.
    public var id: String = ""
    /// Empty: what is not supported is refused.
    public var warning: String = ""

    /// Makes one.
    public init(id: String) {
        self.id = id
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
        try coder.field("Warning", &warning)
    }
}

/// Body of `POST /networks/{id}/connect`.
public struct NetworkConnectRequest: WireObject {
    /// The container's name or id.
    public var container: String = ""
    /// What it asks of the network.
    public var endpointConfig: EndpointSettings?

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Container", &container)
        try coder.field("EndpointConfig", &endpointConfig)
    }
}

/// Body of `POST /networks/{id}/disconnect`.
public struct NetworkDisconnectRequest: WireObject {
    /// The container's name or id.
    public var container: String = ""
    /// Also a container that is not there any more.
    public var force: Bool = false

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Container", &container)
        try coder.field("Force", &force)
    }
}

/// Answer to `POST /networks/prune`.
public struct NetworksPruneReport: WireObject {
    /// Their names.
    public var networksDeleted: [String] = []

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("NetworksDeleted", &networksDeleted, empty: .null)
    }
}
