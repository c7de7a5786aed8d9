/// A mount in the long form (`--mount`).
public struct Mount: WireObject {
    /// `bind`, `volume`, `tmpfs`, `image`, `npipe` or `cluster`.
    public var type: String = ""
    /// Path of the host, volume's name or image.
    public var source: String = ""
    /// Path inside.
    public var target: String = ""
    /// Mounted read-only.
    public var readOnly: Bool = false
    /// Accepted and ignored, as Docker does on Linux.
    public var consistency: String = ""
    /// Of a bind.
    public var bindOptions: BindOptions?
    /// Of a volume.
    public var volumeOptions: VolumeOptions?
    /// Of an image.
    public var imageOptions: ImageOptions?
    /// Of a tmpfs.
    public var tmpfsOptions: TmpfsOptions?

    /// Makes one; what is left out has its zero value.
    public init(
        type: String = "", source: String = "", target: String = "", readOnly: Bool = false, consistency: String = "",
        bindOptions: BindOptions? = nil, volumeOptions: VolumeOptions? = nil, imageOptions: ImageOptions? = nil,
        tmpfsOptions: TmpfsOptions? = nil
    ) {
        self.type = type
        self.source = source
        self.target = target
        self.readOnly = readOnly
        self.consistency = consistency
        self.bindOptions = bindOptions
        self.volumeOptions = volumeOptions
        self.imageOptions = imageOptions
        self.tmpfsOptions = tmpfsOptions
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Type", &type, empty: .omitted)
        try coder.field("Source", &source, empty: .omitted)
        try coder.field("Target", &target, empty: .omitted)
        try coder.field("ReadOnly", &readOnly, empty: .omitted)
        try coder.field("Consistency", &consistency, empty: .omitted)
        try coder.field("BindOptions", &bindOptions, empty: .omitted)
        try coder.field("VolumeOptions", &volumeOptions, empty: .omitted)
        try coder.field("ImageOptions", &imageOptions, empty: .omitted)
        try coder.field("TmpfsOptions", &tmpfsOptions, empty: .omitted)
    }
}

/// Options of a bind mount.
public struct BindOptions: WireObject {
    /// `rprivate` (default), `private`, `rshared`, `shared`, `rslave`, `slave`.
    public var propagation: String = ""
    /// Without the mounts below the source.
    public var nonRecursive: Bool = false
    /// Make the source when it is missing.
    public var createMountpoint: Bool = false
    /// Read-only at the top only.
    public var readOnlyNonRecursive: Bool = false
    /// Fail where recursive read-only is not possible.
    public var readOnlyForceRecursive: Bool = false

    /// Makes one; what is left out has its zero value.
    public init(
        propagation: String = "", nonRecursive: Bool = false, createMountpoint: Bool = false, readOnlyNonRecursive: Bool = false,
        readOnlyForceRecursive: Bool = false
    ) {
        self.propagation = propagation
        self.nonRecursive = nonRecursive
        self.createMountpoint = createMountpoint
        self.readOnlyNonRecursive = readOnlyNonRecursive
        self.readOnlyForceRecursive = readOnlyForceRecursive
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Propagation", &propagation, empty: .omitted)
        try coder.field("NonRecursive", &nonRecursive, empty: .omitted)
        try coder.field("CreateMountpoint", &createMountpoint, empty: .omitted)
        try coder.field("ReadOnlyNonRecursive", &readOnlyNonRecursive, empty: .omitted)
        try coder.field("ReadOnlyForceRecursive", &readOnlyForceRecursive, empty: .omitted)
    }
}

/// Options of a volume mount.
public struct VolumeOptions: WireObject {
    /// Do not fill a new volume from the image.
    public var noCopy: Bool = false
    /// Labels of a new volume.
    public var labels: [String: String] = [:]
    /// Path inside the volume.
    public var subpath: String = ""
    /// Driver of a new volume.
    public var driverConfig: VolumeDriverConfig?

    /// Makes one; what is left out has its zero value.
    public init(
        noCopy: Bool = false, labels: [String: String] = [:], subpath: String = "", driverConfig: VolumeDriverConfig? = nil
    ) {
        self.noCopy = noCopy
        self.labels = labels
        self.subpath = subpath
        self.driverConfig = driverConfig
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("NoCopy", &noCopy, empty: .omitted)
        try coder.field("Labels", &labels, empty: .omitted)
        try coder.field("Subpath", &subpath, empty: .omitted)
        try coder.field("DriverConfig", &driverConfig, empty: .omitted)
    }
}

/// Driver of a volume.
public struct VolumeDriverConfig: WireObject {
    /// Its name; empty: `local`.
    public var name: String = ""
    /// Its options.
    public var options: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(name: String = "", options: [String: String] = [:]) {
        self.name = name
        self.options = options
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name, empty: .omitted)
        try coder.field("Options", &options, empty: .omitted)
    }
}

/// Options of an image mount.
public struct ImageOptions: WireObject {
    /// Path inside the image.
    public var subpath: String = ""

    /// Makes one; what is left out has its zero value.
    public init(subpath: String = "") {
        self.subpath = subpath
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Subpath", &subpath, empty: .omitted)
    }
}

/// Options of a tmpfs mount.
public struct TmpfsOptions: WireObject {
    /// Size; 0: no limit.
    public var sizeBytes: Int64 = 0
    /// Permission bits of its root; 0: 1777.
    public var mode: UInt32 = 0
    /// More options, `[name]` or `[name, value]`.
    public var options: [[String]] = []

    /// Makes one; what is left out has its zero value.
    public init(sizeBytes: Int64 = 0, mode: UInt32 = 0, options: [[String]] = []) {
        self.sizeBytes = sizeBytes
        self.mode = mode
        self.options = options
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("SizeBytes", &sizeBytes, empty: .omitted)
        try coder.field("Mode", &mode, empty: .omitted)
        try coder.field("Options", &options, empty: .omitted)
    }
}

/// A mount as inspect and list show it.
public struct MountPoint: WireObject {
    /// `bind`, `volume`, `tmpfs`.
    public var type: String = ""
    /// The volume's name.
    public var name: String = ""
    /// Path on the host.
    public var source: String = ""
    /// Path inside.
    public var destination: String = ""
    /// The volume's driver.
    public var driver: String = ""
    /// Options as given.
    public var mode: String = ""
    /// Writable.
    public var rw: Bool = false
    /// Mount propagation.
    public var propagation: String = ""

    /// Makes one; what is left out has its zero value.
    public init(
        type: String = "", name: String = "", source: String = "", destination: String = "", driver: String = "", mode: String = "",
        rw: Bool = false, propagation: String = ""
    ) {
        self.type = type
        self.name = name
        self.source = source
        self.destination = destination
        self.driver = driver
        self.mode = mode
        self.rw = rw
        self.propagation = propagation
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Type", &type, empty: .omitted)
        try coder.field("Name", &name, empty: .omitted)
        try coder.field("Source", &source)
        try coder.field("Destination", &destination)
        try coder.field("Driver", &driver, empty: .omitted)
        try coder.field("Mode", &mode)
        try coder.field("RW", &rw)
        try coder.field("Propagation", &propagation)
    }
}
