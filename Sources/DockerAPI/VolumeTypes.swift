/// A volume.
public struct Volume: WireObject {
    /// The unique name.
    public var name: String = ""
    /// `local`.
    public var driver: String = "local"
    /// Where its content lies on the host.
    public var mountpoint: String = ""
    /// RFC 3339.
    public var createdAt: String = ""
    /// The user's.
    public var labels: [String: String] = [:]
    /// `local`.
    public var scope: String = "local"
    /// Of the driver.
    public var options: [String: String] = [:]
    /// What it takes; in `GET /system/df` only.
    public var usageData: VolumeUsageData?

    /// Makes one; what is left out has its zero value.
    public init(
        name: String = "", driver: String = "local", mountpoint: String = "", createdAt: String = "", labels: [String: String] = [:],
        scope: String = "local", options: [String: String] = [:], usageData: VolumeUsageData? = nil
    ) {
        self.name = name
        self.driver = driver
        self.mountpoint = mountpoint
        self.createdAt = createdAt
        self.labels = labels
        self.scope = scope
        self.options = options
        self.usageData = usageData
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("CreatedAt", &createdAt, empty: .omitted)
        try coder.field("Driver", &driver)
        try coder.nullMap("Labels", &labels)
        try coder.field("Mountpoint", &mountpoint)
        try coder.field("Name", &name)
        try coder.nullMap("Options", &options)
        try coder.field("Scope", &scope)
        try coder.field("UsageData", &usageData, empty: .omitted)
    }
}

/// What a volume takes.
public struct VolumeUsageData: WireObject {
    /// How many containers have it; -1: not known.
    public var refCount: Int64 = -1
    /// Bytes of the files in it; -1: not known.
    public var size: Int64 = -1

    /// Makes one; what is left out is not known.
    public init(refCount: Int64 = -1, size: Int64 = -1) {
        self.refCount = refCount
        self.size = size
    }

    /// Everything unknown.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("RefCount", &refCount)
        try coder.field("Size", &size)
    }
}

/// Body of `POST /volumes/create`.
public struct VolumeCreateRequest: WireObject {
    /// The name asked for; empty: the volume is anonymous.
    public var name: String = ""
    /// Empty: `local`.
    public var driver: String = ""
    /// Options of the driver.
    public var driverOpts: [String: String] = [:]
    /// The user's.
    public var labels: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(name: String = "", driver: String = "", driverOpts: [String: String] = [:], labels: [String: String] = [:]) {
        self.name = name
        self.driver = driver
        self.driverOpts = driverOpts
        self.labels = labels
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name, empty: .omitted)
        try coder.field("Driver", &driver, empty: .omitted)
        try coder.field("DriverOpts", &driverOpts, empty: .omitted)
        try coder.field("Labels", &labels, empty: .omitted)
    }
}

/// Answer to `GET /volumes`.
public struct VolumeList: WireObject {
    /// By name.
    public var volumes: [Volume] = []
    /// What the client should know.
    public var warnings: [String] = []

    /// Makes one.
    public init(volumes: [Volume]) {
        self.volumes = volumes
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Volumes", &volumes)
        try coder.field("Warnings", &warnings, empty: .null)
    }
}

/// Answer to `POST /volumes/prune`.
public struct VolumesPruneReport: WireObject {
    /// Names of what is gone.
    public var volumesDeleted: [String] = []
    /// Bytes.
    public var spaceReclaimed: UInt64 = 0

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("VolumesDeleted", &volumesDeleted, empty: .null)
        try coder.field("SpaceReclaimed", &spaceReclaimed)
    }
}
