internal import Glibc
internal import LinuxKernel

/// What this kernel, as it was configured and booted, can limit.
public struct CgroupFeatures: Sendable, Hashable {
    /// Memory can be limited.
    public var memory = false
    /// Swap is accounted for; without it memory is limited without swap.
    public var swap = false
    /// Soft limits.
    public var memoryReservation = false
    /// Swappiness of one group (v1).
    public var memorySwappiness = false
    /// The out-of-memory killer can be switched off for one group (v1).
    public var oomKillDisable = false
    /// Shares of processor time.
    public var cpuShares = false
    /// Quota and period.
    public var cpuQuota = false
    /// Processors and memory nodes to run on.
    public var cpuset = false
    /// How many processes and threads.
    public var pids = false
    /// Share of block device time.
    public var blkioWeight = false
    /// Filter of device nodes.
    public var devices = false
    /// How many processors are online.
    public var processors = 1
    /// Processors that a container can be given, like `0-3,6`.
    public var cpusetCPUs = ""
    /// Memory nodes that a container can be given.
    public var cpusetMems = ""

    /// Nothing, for tests to fill in.
    public init() {}

    /// Looks at a cgroup below the root: the root has few of the files.
    init(tree: CgroupTree) throws {
        func has(_ controller: String, _ file: String) -> Bool {
            tree.location(of: controller).map { faccessat($0.raw, file, F_OK, 0) == 0 } ?? false
        }
        let legacy = tree.limits == .legacy
        memory = has("memory", legacy ? "memory.limit_in_bytes" : "memory.max")
        swap = has("memory", legacy ? "memory.memsw.limit_in_bytes" : "memory.swap.max")
        memoryReservation = has("memory", legacy ? "memory.soft_limit_in_bytes" : "memory.low")
        memorySwappiness = legacy && has("memory", "memory.swappiness")
        oomKillDisable = legacy && has("memory", "memory.oom_control")
        cpuShares = has("cpu", legacy ? "cpu.shares" : "cpu.weight")
        cpuQuota = has("cpu", legacy ? "cpu.cfs_quota_us" : "cpu.max")
        cpuset = has("cpuset", "cpuset.cpus")
        pids = has("pids", "pids.max")
        blkioWeight = (legacy ? ["blkio.weight", "blkio.bfq.weight"] : ["io.weight", "io.bfq.weight"]).contains {
            has(legacy ? "blkio" : "io", $0)
        }
        devices = legacy ? has("devices", "devices.allow") : true
        processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        if cpuset, let place = tree.location(of: "cpuset") {
            let names = legacy ? ("cpuset.cpus", "cpuset.mems") : ("cpuset.cpus.effective", "cpuset.mems.effective")
            cpusetCPUs = String(try ControlFiles.contents(of: names.0, in: place.raw).trimmed)
            cpusetMems = String(try ControlFiles.contents(of: names.1, in: place.raw).trimmed)
        }
    }
}
