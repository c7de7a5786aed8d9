/// One sample of `GET /containers/{id}/stats`.
public struct ContainerStats: WireObject {
    /// With a leading slash.
    public var name: String = ""
    /// The container's id.
    public var id: String = ""
    /// When it was taken, RFC 3339.
    public var read: String = "0001-01-01T00:00:00Z"
    /// When the sample before it was taken.
    public var preread: String = "0001-01-01T00:00:00Z"
    /// Processes.
    public var pidsStats: PidsStats = PidsStats()
    /// Block I/O.
    public var blkioStats: BlkioStats = BlkioStats()
    /// Windows only.
    public var numProcs: UInt32 = 0
    /// Windows only.
    public var storageStats: StorageStats = StorageStats()
    /// Processor time now.
    public var cpuStats: CPUStats = CPUStats()
    /// Processor time at the sample before.
    public var precpuStats: CPUStats = CPUStats()
    /// Memory.
    public var memoryStats: MemoryStats = MemoryStats()
    /// Traffic by interface.
    public var networks: [String: NetworkStats] = [:]

    /// Makes one; what is left out has its zero value.
    public init(
        name: String = "", id: String = "", read: String = "0001-01-01T00:00:00Z", preread: String = "0001-01-01T00:00:00Z",
        pidsStats: PidsStats = PidsStats(), blkioStats: BlkioStats = BlkioStats(), numProcs: UInt32 = 0,
        storageStats: StorageStats = StorageStats(), cpuStats: CPUStats = CPUStats(), precpuStats: CPUStats = CPUStats(),
        memoryStats: MemoryStats = MemoryStats(), networks: [String: NetworkStats] = [:]
    ) {
        self.name = name
        self.id = id
        self.read = read
        self.preread = preread
        self.pidsStats = pidsStats
        self.blkioStats = blkioStats
        self.numProcs = numProcs
        self.storageStats = storageStats
        self.cpuStats = cpuStats
        self.precpuStats = precpuStats
        self.memoryStats = memoryStats
        self.networks = networks
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("name", &name, empty: .omitted)
        try coder.field("id", &id, empty: .omitted)
        try coder.field("read", &read)
        try coder.field("preread", &preread)
        try coder.field("pids_stats", &pidsStats)
        try coder.field("blkio_stats", &blkioStats)
        try coder.field("num_procs", &numProcs)
        try coder.field("storage_stats", &storageStats)
        try coder.field("cpu_stats", &cpuStats)
        try coder.field("precpu_stats", &precpuStats)
        try coder.field("memory_stats", &memoryStats)
        try coder.field("networks", &networks, empty: .omitted)
    }
}

/// Number of processes.
public struct PidsStats: WireObject {
    /// Now.
    public var current: UInt64 = 0
    /// At the most.
    public var limit: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(current: UInt64 = 0, limit: UInt64 = 0) {
        self.current = current
        self.limit = limit
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("current", &current, empty: .omitted)
        try coder.field("limit", &limit, empty: .omitted)
    }
}

/// Block I/O by device.
public struct BlkioStats: WireObject {
    /// Bytes.
    public var ioServiceBytesRecursive: [BlkioEntry] = []
    /// Operations.
    public var ioServicedRecursive: [BlkioEntry] = []
    /// cgroup v1 only.
    public var ioQueueRecursive: [BlkioEntry] = []
    /// cgroup v1 only.
    public var ioServiceTimeRecursive: [BlkioEntry] = []
    /// cgroup v1 only.
    public var ioWaitTimeRecursive: [BlkioEntry] = []
    /// cgroup v1 only.
    public var ioMergedRecursive: [BlkioEntry] = []
    /// cgroup v1 only.
    public var ioTimeRecursive: [BlkioEntry] = []
    /// cgroup v1 only.
    public var sectorsRecursive: [BlkioEntry] = []

    /// Makes one; what is left out has its zero value.
    public init(
        ioServiceBytesRecursive: [BlkioEntry] = [], ioServicedRecursive: [BlkioEntry] = [], ioQueueRecursive: [BlkioEntry] = [],
        ioServiceTimeRecursive: [BlkioEntry] = [], ioWaitTimeRecursive: [BlkioEntry] = [], ioMergedRecursive: [BlkioEntry] = [],
        ioTimeRecursive: [BlkioEntry] = [], sectorsRecursive: [BlkioEntry] = []
    ) {
        self.ioServiceBytesRecursive = ioServiceBytesRecursive
        self.ioServicedRecursive = ioServicedRecursive
        self.ioQueueRecursive = ioQueueRecursive
        self.ioServiceTimeRecursive = ioServiceTimeRecursive
        self.ioWaitTimeRecursive = ioWaitTimeRecursive
        self.ioMergedRecursive = ioMergedRecursive
        self.ioTimeRecursive = ioTimeRecursive
        self.sectorsRecursive = sectorsRecursive
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("io_service_bytes_recursive", &ioServiceBytesRecursive, empty: .null)
        try coder.field("io_serviced_recursive", &ioServicedRecursive, empty: .null)
        try coder.field("io_queue_recursive", &ioQueueRecursive, empty: .null)
        try coder.field("io_service_time_recursive", &ioServiceTimeRecursive, empty: .null)
        try coder.field("io_wait_time_recursive", &ioWaitTimeRecursive, empty: .null)
        try coder.field("io_merged_recursive", &ioMergedRecursive, empty: .null)
        try coder.field("io_time_recursive", &ioTimeRecursive, empty: .null)
        try coder.field("sectors_recursive", &sectorsRecursive, empty: .null)
    }
}

/// One number of one device.
public struct BlkioEntry: WireObject {
    /// Device number.
    public var major: UInt64 = 0
    /// Device number.
    public var minor: UInt64 = 0
    /// `read`, `write`, …
    public var op: String = ""
    /// Bytes or operations.
    public var value: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(major: UInt64 = 0, minor: UInt64 = 0, op: String = "", value: UInt64 = 0) {
        self.major = major
        self.minor = minor
        self.op = op
        self.value = value
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("major", &major)
        try coder.field("minor", &minor)
        try coder.field("op", &op)
        try coder.field("value", &value)
    }
}

/// Windows only.
public struct StorageStats: WireObject {
    /// Windows only.
    public var readCountNormalized: UInt64 = 0
    /// Windows only.
    public var readSizeBytes: UInt64 = 0
    /// Windows only.
    public var writeCountNormalized: UInt64 = 0
    /// Windows only.
    public var writeSizeBytes: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(
        readCountNormalized: UInt64 = 0, readSizeBytes: UInt64 = 0, writeCountNormalized: UInt64 = 0, writeSizeBytes: UInt64 = 0
    ) {
        self.readCountNormalized = readCountNormalized
        self.readSizeBytes = readSizeBytes
        self.writeCountNormalized = writeCountNormalized
        self.writeSizeBytes = writeSizeBytes
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("read_count_normalized", &readCountNormalized, empty: .omitted)
        try coder.field("read_size_bytes", &readSizeBytes, empty: .omitted)
        try coder.field("write_count_normalized", &writeCountNormalized, empty: .omitted)
        try coder.field("write_size_bytes", &writeSizeBytes, empty: .omitted)
    }
}

/// Processor time.
public struct CPUStats: WireObject {
    /// The container's.
    public var cpuUsage: CPUUsage = CPUUsage()
    /// The host's, nanoseconds of all processors.
    public var systemCPUUsage: UInt64 = 0
    /// Processors.
    public var onlineCPUs: UInt32 = 0
    /// How often it was held back.
    public var throttlingData: ThrottlingData = ThrottlingData()

    /// Makes one; what is left out has its zero value.
    public init(
        cpuUsage: CPUUsage = CPUUsage(), systemCPUUsage: UInt64 = 0, onlineCPUs: UInt32 = 0,
        throttlingData: ThrottlingData = ThrottlingData()
    ) {
        self.cpuUsage = cpuUsage
        self.systemCPUUsage = systemCPUUsage
        self.onlineCPUs = onlineCPUs
        self.throttlingData = throttlingData
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("cpu_usage", &cpuUsage)
        try coder.field("system_cpu_usage", &systemCPUUsage, empty: .omitted)
        try coder.field("online_cpus", &onlineCPUs, empty: .omitted)
        try coder.field("throttling_data", &throttlingData)
    }
}

/// A container's processor time, in nanoseconds.
public struct CPUUsage: WireObject {
    /// Together.
    public var totalUsage: UInt64 = 0
    /// By processor; cgroup v1 only.
    public var percpuUsage: [UInt64] = []
    /// In the kernel.
    public var usageInKernelmode: UInt64 = 0
    /// In user space.
    public var usageInUsermode: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(totalUsage: UInt64 = 0, percpuUsage: [UInt64] = [], usageInKernelmode: UInt64 = 0, usageInUsermode: UInt64 = 0) {
        self.totalUsage = totalUsage
        self.percpuUsage = percpuUsage
        self.usageInKernelmode = usageInKernelmode
        self.usageInUsermode = usageInUsermode
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("total_usage", &totalUsage)
        try coder.field("percpu_usage", &percpuUsage, empty: .omitted)
        try coder.field("usage_in_kernelmode", &usageInKernelmode)
        try coder.field("usage_in_usermode", &usageInUsermode)
    }
}

/// How often a quota held a container back.
public struct ThrottlingData: WireObject {
    /// Periods so far.
    public var periods: UInt64 = 0
    /// Periods with throttling.
    public var throttledPeriods: UInt64 = 0
    /// Nanoseconds of throttling.
    public var throttledTime: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(periods: UInt64 = 0, throttledPeriods: UInt64 = 0, throttledTime: UInt64 = 0) {
        self.periods = periods
        self.throttledPeriods = throttledPeriods
        self.throttledTime = throttledTime
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("periods", &periods)
        try coder.field("throttled_periods", &throttledPeriods)
        try coder.field("throttled_time", &throttledTime)
    }
}

/// Memory, in bytes.
public struct MemoryStats: WireObject {
    /// With the page cache.
    public var usage: UInt64 = 0
    /// cgroup v1 only.
    public var maxUsage: UInt64 = 0
    /// memory.stat.
    public var stats: [String: UInt64] = [:]
    /// cgroup v1 only.
    public var failcnt: UInt64 = 0
    /// The limit, or the host's memory.
    public var limit: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(usage: UInt64 = 0, maxUsage: UInt64 = 0, stats: [String: UInt64] = [:], failcnt: UInt64 = 0, limit: UInt64 = 0) {
        self.usage = usage
        self.maxUsage = maxUsage
        self.stats = stats
        self.failcnt = failcnt
        self.limit = limit
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("usage", &usage, empty: .omitted)
        try coder.field("max_usage", &maxUsage, empty: .omitted)
        try coder.field("stats", &stats, empty: .omitted)
        try coder.field("failcnt", &failcnt, empty: .omitted)
        try coder.field("limit", &limit, empty: .omitted)
    }
}

/// Traffic of one interface.
public struct NetworkStats: WireObject {
    /// Bytes in.
    public var rxBytes: UInt64 = 0
    /// Packets in.
    public var rxPackets: UInt64 = 0
    /// Errors in.
    public var rxErrors: UInt64 = 0
    /// Dropped in.
    public var rxDropped: UInt64 = 0
    /// Bytes out.
    public var txBytes: UInt64 = 0
    /// Packets out.
    public var txPackets: UInt64 = 0
    /// Errors out.
    public var txErrors: UInt64 = 0
    /// Dropped out.
    public var txDropped: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(
        rxBytes: UInt64 = 0, rxPackets: UInt64 = 0, rxErrors: UInt64 = 0, rxDropped: UInt64 = 0, txBytes: UInt64 = 0,
        txPackets: UInt64 = 0, txErrors: UInt64 = 0, txDropped: UInt64 = 0
    ) {
        self.rxBytes = rxBytes
        self.rxPackets = rxPackets
        self.rxErrors = rxErrors
        self.rxDropped = rxDropped
        self.txBytes = txBytes
        self.txPackets = txPackets
        self.txErrors = txErrors
        self.txDropped = txDropped
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("rx_bytes", &rxBytes)
        try coder.field("rx_packets", &rxPackets)
        try coder.field("rx_errors", &rxErrors)
        try coder.field("rx_dropped", &rxDropped)
        try coder.field("tx_bytes", &txBytes)
        try coder.field("tx_packets", &txPackets)
        try coder.field("tx_errors", &txErrors)
        try coder.field("tx_dropped", &txDropped)
    }
}
