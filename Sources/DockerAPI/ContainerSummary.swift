/// One line of `GET /containers/json`.
public struct ContainerSummary: WireObject {
    /// 64 hexadecimal digits.
    public var id: String = ""
    /// With leading slashes.
    public var names: [String] = []
    /// As it was asked for.
    public var image: String = ""
    /// `sha256:…`.
    public var imageID: String = ""
    /// Program and arguments in one line.
    public var command: String = ""
    /// Seconds since 1970.
    public var created: Int64 = 0
    /// Exposed and published ports.
    public var ports: [Port] = []
    /// Bytes of its own layer; only on request.
    public var sizeRw: Int64 = 0
    /// Bytes of all layers; only on request.
    public var sizeRootFs: Int64 = 0
    /// User's metadata.
    public var labels: [String: String] = [:]
    /// As `ContainerState.status`.
    public var state: String = ""
    /// For people: `Up 3 minutes`.
    public var status: String = ""
    /// Its network mode.
    public var hostConfig: HostConfigSummary = HostConfigSummary()
    /// Its networks.
    public var networkSettings: NetworkSettingsSummary = NetworkSettingsSummary()
    /// Its mounts.
    public var mounts: [MountPoint] = []

    /// Makes one; what is left out has its zero value.
    public init(
        id: String = "", names: [String] = [], image: String = "", imageID: String = "", command: String = "", created: Int64 = 0,
        ports: [Port] = [], sizeRw: Int64 = 0, sizeRootFs: Int64 = 0, labels: [String: String] = [:], state: String = "",
        status: String = "", hostConfig: HostConfigSummary = HostConfigSummary(),
        networkSettings: NetworkSettingsSummary = NetworkSettingsSummary(), mounts: [MountPoint] = []
    ) {
        self.id = id
        self.names = names
        self.image = image
        self.imageID = imageID
        self.command = command
        self.created = created
        self.ports = ports
        self.sizeRw = sizeRw
        self.sizeRootFs = sizeRootFs
        self.labels = labels
        self.state = state
        self.status = status
        self.hostConfig = hostConfig
        self.networkSettings = networkSettings
        self.mounts = mounts
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
        try coder.field("Names", &names)
        try coder.field("Image", &image)
        try coder.field("ImageID", &imageID)
        try coder.field("Command", &command)
        try coder.field("Created", &created)
        try coder.field("Ports", &ports)
        try coder.field("SizeRw", &sizeRw, empty: .omitted)
        try coder.field("SizeRootFs", &sizeRootFs, empty: .omitted)
        try coder.field("Labels", &labels)
        try coder.field("State", &state)
        try coder.field("Status", &status)
        try coder.field("HostConfig", &hostConfig)
        try coder.field("NetworkSettings", &networkSettings)
        try coder.field("Mounts", &mounts)
    }
}

/// The part of `HostConfig` that a list shows.
public struct HostConfigSummary: WireObject {
    /// As in `HostConfig`.
    public var networkMode: String = ""
    /// As in `HostConfig`.
    public var annotations: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(networkMode: String = "", annotations: [String: String] = [:]) {
        self.networkMode = networkMode
        self.annotations = annotations
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("NetworkMode", &networkMode, empty: .omitted)
        try coder.field("Annotations", &annotations, empty: .omitted)
    }
}

/// The part of `NetworkSettings` that a list shows.
public struct NetworkSettingsSummary: WireObject {
    /// Endpoints by network name.
    public var networks: [String: EndpointSettings] = [:]

    /// Makes one; what is left out has its zero value.
    public init(networks: [String: EndpointSettings] = [:]) {
        self.networks = networks
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Networks", &networks)
    }
}

/// A port as a list shows it.
public struct Port: WireObject {
    /// Address of the host.
    public var ip: String = ""
    /// Inside.
    public var privatePort: UInt16 = 0
    /// On the host; 0: not published.
    public var publicPort: UInt16 = 0
    /// `tcp`, `udp` or `sctp`.
    public var type: String = "tcp"

    /// Makes one; what is left out has its zero value.
    public init(ip: String = "", privatePort: UInt16 = 0, publicPort: UInt16 = 0, type: String = "tcp") {
        self.ip = ip
        self.privatePort = privatePort
        self.publicPort = publicPort
        self.type = type
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("IP", &ip, empty: .omitted)
        try coder.field("PrivatePort", &privatePort)
        try coder.field("PublicPort", &publicPort, empty: .omitted)
        try coder.field("Type", &type)
    }
}
