/// Limits of a container (`Resources` of the contract); 0 and nil mean no limit.
public struct Resources: WireObject {
    /// Weight relative to other containers; 0: 1024.
    public var cpuShares: Int64 = 0
    /// Bytes.
    public var memory: Int64 = 0
    /// Billionths of a processor.
    public var nanoCPUs: Int64 = 0
    /// Cgroup under which the container's is made.
    public var cgroupParent: String = ""
    /// Block I/O weight, 10…1000.
    public var blkioWeight: Int = 0
    /// Weights by device.
    public var blkioWeightDevice: [WeightDevice] = []
    /// Bytes a second read, by device.
    public var blkioDeviceReadBps: [ThrottleDevice] = []
    /// Bytes a second written, by device.
    public var blkioDeviceWriteBps: [ThrottleDevice] = []
    /// Reads a second, by device.
    public var blkioDeviceReadIOps: [ThrottleDevice] = []
    /// Writes a second, by device.
    public var blkioDeviceWriteIOps: [ThrottleDevice] = []
    /// Microseconds of a CFS period.
    public var cpuPeriod: Int64 = 0
    /// Microseconds of processor time in a period.
    public var cpuQuota: Int64 = 0
    /// Microseconds.
    public var cpuRealtimePeriod: Int64 = 0
    /// Microseconds.
    public var cpuRealtimeRuntime: Int64 = 0
    /// Processors, as `0-2,7`.
    public var cpusetCPUs: String = ""
    /// Memory nodes, as `0-1`.
    public var cpusetMems: String = ""
    /// Devices of the host to add.
    public var devices: [DeviceMapping] = []
    /// Rules for the device controller, as `c 13:* rwm`.
    public var deviceCgroupRules: [String] = []
    /// Devices asked of drivers (`--gpus`).
    public var deviceRequests: [DeviceRequest] = []
    /// Bytes; gone since 1.42.
    public var kernelMemory: Int64 = 0
    /// Bytes of TCP buffers; deprecated.
    public var kernelMemoryTCP: Int64 = 0
    /// Bytes of the soft limit.
    public var memoryReservation: Int64 = 0
    /// Bytes of memory and swap together; -1: no limit of swap.
    public var memorySwap: Int64 = 0
    /// 0…100; nil: the host's.
    public var memorySwappiness: Int64?
    /// Not killed when out of memory.
    public var oomKillDisable: Bool?
    /// Processes; nil, 0 and -1: no limit.
    public var pidsLimit: Int64?
    /// Resource limits of its processes.
    public var ulimits: [Ulimit] = []
    /// Windows only.
    public var cpuCount: Int64 = 0
    /// Windows only.
    public var cpuPercent: Int64 = 0
    /// Windows only.
    public var ioMaximumIOps: UInt64 = 0
    /// Windows only.
    public var ioMaximumBandwidth: UInt64 = 0

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("CpuShares", &cpuShares)
        try coder.field("Memory", &memory)
        try coder.field("NanoCpus", &nanoCPUs)
        try coder.field("CgroupParent", &cgroupParent)
        try coder.field("BlkioWeight", &blkioWeight)
        try coder.field("BlkioWeightDevice", &blkioWeightDevice, empty: .null)
        try coder.field("BlkioDeviceReadBps", &blkioDeviceReadBps, empty: .null)
        try coder.field("BlkioDeviceWriteBps", &blkioDeviceWriteBps, empty: .null)
        try coder.field("BlkioDeviceReadIOps", &blkioDeviceReadIOps, empty: .null)
        try coder.field("BlkioDeviceWriteIOps", &blkioDeviceWriteIOps, empty: .null)
        try coder.field("CpuPeriod", &cpuPeriod)
        try coder.field("CpuQuota", &cpuQuota)
        try coder.field("CpuRealtimePeriod", &cpuRealtimePeriod)
        try coder.field("CpuRealtimeRuntime", &cpuRealtimeRuntime)
        try coder.field("CpusetCpus", &cpusetCPUs)
        try coder.field("CpusetMems", &cpusetMems)
        try coder.field("Devices", &devices, empty: .null)
        try coder.field("DeviceCgroupRules", &deviceCgroupRules, empty: .null)
        try coder.field("DeviceRequests", &deviceRequests, empty: .null)
        try coder.field("KernelMemory", &kernelMemory, empty: .omitted)
        try coder.field("KernelMemoryTCP", &kernelMemoryTCP, empty: .omitted)
        try coder.field("MemoryReservation", &memoryReservation)
        try coder.field("MemorySwap", &memorySwap)
        try coder.field("MemorySwappiness", &memorySwappiness)
        try coder.field("OomKillDisable", &oomKillDisable)
        try coder.field("PidsLimit", &pidsLimit)
        try coder.field("Ulimits", &ulimits, empty: .null)
        try coder.field("CpuCount", &cpuCount)
        try coder.field("CpuPercent", &cpuPercent)
        try coder.field("IOMaximumIOps", &ioMaximumIOps)
        try coder.field("IOMaximumBandwidth", &ioMaximumBandwidth)
    }
}

/// A block I/O weight.
public struct WeightDevice: WireObject {
    /// The device.
    public var path: String = ""
    /// 10…1000.
    public var weight: Int = 0

    /// Makes one; what is left out has its zero value.
    public init(path: String = "", weight: Int = 0) {
        self.path = path
        self.weight = weight
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Path", &path)
        try coder.field("Weight", &weight)
    }
}

/// A rate limit of a block device.
public struct ThrottleDevice: WireObject {
    /// The device.
    public var path: String = ""
    /// Bytes or operations a second.
    public var rate: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(path: String = "", rate: UInt64 = 0) {
        self.path = path
        self.rate = rate
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Path", &path)
        try coder.field("Rate", &rate)
    }
}

/// A device of the host in the container.
public struct DeviceMapping: WireObject {
    /// Its path on the host.
    public var pathOnHost: String = ""
    /// Its path inside.
    public var pathInContainer: String = ""
    /// Of `r`, `w`, `m`.
    public var cgroupPermissions: String = ""

    /// Makes one; what is left out has its zero value.
    public init(pathOnHost: String = "", pathInContainer: String = "", cgroupPermissions: String = "") {
        self.pathOnHost = pathOnHost
        self.pathInContainer = pathInContainer
        self.cgroupPermissions = cgroupPermissions
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("PathOnHost", &pathOnHost)
        try coder.field("PathInContainer", &pathInContainer)
        try coder.field("CgroupPermissions", &cgroupPermissions)
    }
}

/// Devices asked of a driver.
public struct DeviceRequest: WireObject {
    /// The driver's name.
    public var driver: String = ""
    /// How many; -1: all.
    public var count: Int = 0
    /// Which.
    public var deviceIDs: [String] = []
    /// Alternatives of capabilities, as `[["gpu"]]`.
    public var capabilities: [[String]] = []
    /// The driver's options.
    public var options: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(
        driver: String = "", count: Int = 0, deviceIDs: [String] = [], capabilities: [[String]] = [], options: [String: String] = [:]
    ) {
        self.driver = driver
        self.count = count
        self.deviceIDs = deviceIDs
        self.capabilities = capabilities
        self.options = options
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Driver", &driver)
        try coder.field("Count", &count)
        try coder.field("DeviceIDs", &deviceIDs, empty: .null)
        try coder.field("Capabilities", &capabilities, empty: .null)
        try coder.field("Options", &options)
    }
}

/// A resource limit (setrlimit(2)).
public struct Ulimit: WireObject {
    /// Without `RLIMIT_`, in lower case: `nofile`.
    public var name: String = ""
    /// Hard limit; -1: none.
    public var hard: Int64 = 0
    /// Soft limit; -1: none.
    public var soft: Int64 = 0

    /// Makes one; what is left out has its zero value.
    public init(name: String = "", hard: Int64 = 0, soft: Int64 = 0) {
        self.name = name
        self.hard = hard
        self.soft = soft
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
        try coder.field("Hard", &hard)
        try coder.field("Soft", &soft)
    }
}

/// Body of `POST /containers/{id}/update`.
public struct ContainerUpdateRequest: WireObject {
    /// New limits; 0 and nil leave a limit as it is.
    public var resources: Resources = Resources()
    /// New restart policy; nil leaves it.
    public var restartPolicy: RestartPolicy?

    /// Makes one; what is left out has its zero value.
    public init(resources: Resources = Resources(), restartPolicy: RestartPolicy? = nil) {
        self.resources = resources
        self.restartPolicy = restartPolicy
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try resources.fields(&coder)
        try coder.field("RestartPolicy", &restartPolicy, empty: .omitted)
    }
}

/// Answer to `POST /containers/{id}/update`.
public struct ContainerUpdateResponse: WireObject {
    /// What was accepted but has no effect.
    public var warnings: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(warnings: [String] = []) {
        self.warnings = warnings
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Warnings", &warnings, empty: .null)
    }
}
