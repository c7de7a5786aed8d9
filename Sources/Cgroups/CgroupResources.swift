internal import Errors

/// What a container may use, in Docker's names and units. nil: not limited when it is created, unchanged when it is updated. Zero
/// and "" count as nil, but for `pids`, as they do in the API.
public struct CgroupResources: Sendable, Hashable {
    /// Bytes of memory; at least 6 MiB.
    public var memory: Int64?
    /// Bytes of memory and swap together; -1: swap without limit. Without it, as much swap as memory.
    public var memorySwap: Int64?
    /// Soft limit in bytes.
    public var memoryReservation: Int64?
    /// 0 to 100; -1: the machine's.
    public var memorySwappiness: Int64?
    /// Whether processes wait for memory instead of being killed.
    public var oomKillDisable: Bool?
    /// Relative weight, 1024 is normal.
    public var cpuShares: Int64?
    /// Microseconds of processor time in each period.
    public var cpuQuota: Int64?
    /// Length of the period in microseconds.
    public var cpuPeriod: Int64?
    /// Processors in billionths: `--cpus 1.5` is 1,500,000,000.
    public var nanoCPUs: Int64?
    /// Processors to run on, like `0-2,7`.
    public var cpusetCPUs: String?
    /// Memory nodes to allocate on.
    public var cpusetMems: String?
    /// Processes and threads; 0 and -1: unlimited.
    public var pids: Int64?
    /// 10 to 1000.
    public var blkioWeight: Int64?

    /// Nothing limited.
    public init() {}

    private static let minimumMemory: Int64 = 6 << 20
    private static let defaultPeriod: Int64 = 100_000

    /// Checks the values by Docker's rules, fills in what follows from others, and leaves out what the kernel cannot do.
    /// - Parameters:
    ///   - features: what the kernel can do.
    ///   - updating: a running container's limits are changed: memory and swap may then come one without the other.
    /// - Returns: what to set (no nanoCPUs any more: quota and period), and what was left out, one line each.
    /// - Throws: `TimberError(.invalidArgument)`.
    public func validated(features: CgroupFeatures, updating: Bool = false) throws -> (resources: CgroupResources, refusals: [String]) {
        var result = withoutZeros()
        var refusals: [String] = []
        try result.checkMemory(features, updating: updating, &refusals)
        try result.checkProcessors(features, &refusals)
        try result.checkCpuset(features, &refusals)
        result.drop(\.pids, unless: features.pids, "the number of processes is not limited: the kernel has no pids cgroup", &refusals)
        if let weight = result.blkioWeight, !(10...1000).contains(weight) {
            throw TimberError(.invalidArgument, "invalid blkio weight \(weight): it is from 10 to 1000")
        }
        result.drop(
            \.blkioWeight, unless: features.blkioWeight, "the blkio weight is not set: no scheduler of this kernel has one", &refusals)
        return (result, refusals)
    }

    private func withoutZeros() -> CgroupResources {
        var result = self
        for path in [
            \.memory, \.memorySwap, \.memoryReservation, \.cpuShares, \.cpuQuota, \.cpuPeriod, \.nanoCPUs, \.blkioWeight,
        ] as [WritableKeyPath<CgroupResources, Int64?>] where result[keyPath: path] == 0 {
            result[keyPath: path] = nil
        }
        if memorySwappiness == -1 { result.memorySwappiness = nil }
        if oomKillDisable == false { result.oomKillDisable = nil }
        if cpusetCPUs == "" { result.cpusetCPUs = nil }
        if cpusetMems == "" { result.cpusetMems = nil }
        return result
    }

    private mutating func drop<Value>(
        _ path: WritableKeyPath<CgroupResources, Value?>, unless supported: Bool, _ text: String, _ refusals: inout [String]
    ) {
        guard self[keyPath: path] != nil, !supported else { return }
        self[keyPath: path] = nil
        refusals.append(text)
    }

    private mutating func checkMemory(_ features: CgroupFeatures, updating: Bool, _ refusals: inout [String]) throws {
        if let memory, memory < Self.minimumMemory {
            throw TimberError(.invalidArgument, "memory limit \(memory) is too small: at least 6 MiB")
        }
        if let memorySwap, memorySwap < -1 {
            throw TimberError(.invalidArgument, "invalid memory and swap limit \(memorySwap): -1 is unlimited")
        }
        if let memory, let memorySwap, memorySwap != -1, memorySwap < memory {
            throw TimberError(.invalidArgument, "the memory and swap limit \(memorySwap) is smaller than the memory limit \(memory)")
        }
        if memory == nil, let memorySwap, memorySwap != -1, !updating {
            throw TimberError(.invalidArgument, "a memory and swap limit needs a memory limit")
        }
        if let memoryReservation {
            guard memoryReservation >= Self.minimumMemory else {
                throw TimberError(.invalidArgument, "memory reservation \(memoryReservation) is too small: at least 6 MiB")
            }
            if let memory, memoryReservation > memory {
                throw TimberError(.invalidArgument, "the memory reservation \(memoryReservation) is larger than the limit \(memory)")
            }
        }
        if let memorySwappiness, !(0...100).contains(memorySwappiness) {
            throw TimberError(.invalidArgument, "invalid memory swappiness \(memorySwappiness): it is from 0 to 100")
        }
        if let memory, memorySwap == nil, !updating {
            let (twice, overflow) = memory.multipliedReportingOverflow(by: 2)
            memorySwap = overflow ? -1 : twice
        }
        drop(\.memory, unless: features.memory, "memory is not limited: the kernel has no memory cgroup", &refusals)
        if !features.memory { memorySwap = nil }
        if memorySwap == -1 && memory == nil && !updating { memorySwap = nil }
        drop(\.memorySwap, unless: features.swap, "memory is limited without swap: the kernel does not account for swap", &refusals)
        drop(\.memoryReservation, unless: features.memoryReservation, "the memory reservation is not set: the kernel has none", &refusals)
        drop(\.memorySwappiness, unless: features.memorySwappiness, "memory swappiness is not set: the kernel has one for all", &refusals)
        drop(
            \.oomKillDisable, unless: features.oomKillDisable, "the out-of-memory killer stays on: the kernel cannot switch it off",
            &refusals)
        if oomKillDisable == true && memory == nil && !updating {
            refusals.append("the out-of-memory killer is off and memory is not limited: the container can make the host hang")
        }
    }

    private mutating func checkProcessors(_ features: CgroupFeatures, _ refusals: inout [String]) throws {
        if let nanoCPUs {
            guard cpuQuota == nil && cpuPeriod == nil else {
                throw TimberError(.invalidArgument, "a number of cpus cannot be combined with a cpu quota or period")
            }
            guard features.cpuQuota else {
                throw TimberError(.invalidArgument, "a number of cpus cannot be set: the kernel has no cpu quota")
            }
            guard nanoCPUs >= 10_000_000 && nanoCPUs <= Int64(features.processors) * 1_000_000_000 else {
                throw TimberError(
                    .invalidArgument,
                    "the number of cpus is from 0.01 to \(features.processors).00, as this machine has \(features.processors) available")
            }
            cpuPeriod = Self.defaultPeriod
            cpuQuota = nanoCPUs / (1_000_000_000 / Self.defaultPeriod)
            self.nanoCPUs = nil
        }
        if let cpuPeriod, !(1000...1_000_000).contains(cpuPeriod) {
            throw TimberError(.invalidArgument, "invalid cpu period \(cpuPeriod): it is from 1000 to 1000000 microseconds")
        }
        if let cpuQuota, cpuQuota != -1, cpuQuota < 1000 {
            throw TimberError(.invalidArgument, "invalid cpu quota \(cpuQuota): it is at least 1000 microseconds, or -1")
        }
        if let cpuShares, cpuShares < 0 {
            throw TimberError(.invalidArgument, "invalid cpu shares \(cpuShares): they are from 2 to 262144")
        }
        cpuShares = cpuShares.map { min(max($0, 2), 262_144) }
        drop(\.cpuShares, unless: features.cpuShares, "cpu shares are not set: the kernel has no cpu cgroup", &refusals)
        if !features.cpuQuota && (cpuQuota != nil || cpuPeriod != nil) {
            cpuQuota = nil
            cpuPeriod = nil
            refusals.append("cpu quota and period are not set: the kernel has none")
        }
    }

    private mutating func checkCpuset(_ features: CgroupFeatures, _ refusals: inout [String]) throws {
        for (path, available, what) in [(\.cpusetCPUs, features.cpusetCPUs, "cpus"), (\.cpusetMems, features.cpusetMems, "memory nodes")]
            as [(WritableKeyPath<CgroupResources, String?>, String, String)]
        {
            guard let list = self[keyPath: path] else { continue }
            guard let asked = CpuList(list) else {
                throw TimberError(
                    .invalidArgument, "invalid list of \(what) \"\(list.prefix(64))\": expected numbers and ranges, like 0-2,7")
            }
            drop(path, unless: features.cpuset, "the \(what) are not set: the kernel has no cpuset cgroup", &refusals)
            if features.cpuset, let present = CpuList(available), !asked.numbers.isSubset(of: present.numbers) {
                throw TimberError(.invalidArgument, "\(what) \(list) are not available here: there are \(available)")
            }
        }
    }
}

/// The kernel's list format: `0-2,7` (cpuset(7)).
struct CpuList {
    let numbers: Set<Int>

    /// CONFIG_NR_CPUS is at most 8192 anywhere.
    private static let limit = 8192

    init?(_ text: String) {
        var numbers: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int($0) : nil }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last, last < Self.limit
            else { return nil }
            numbers.formUnion(first...last)
        }
        self.numbers = numbers
    }
}
