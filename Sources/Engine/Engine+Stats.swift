internal import Cgroups
public import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Engine {
    /// What a container uses.
    /// - Parameters:
    ///   - stream: once a second, until it is removed; otherwise once.
    ///   - oneShot: once means at once, with nothing to compare it with; otherwise a second sample is waited for.
    /// - Returns: a function that emits the samples, each once there is room for it, and returns at the end. A container that does not
    ///   run uses nothing.
    public func containerStats(_ name: String, stream: Bool, oneShot: Bool) throws
        -> @Sendable (_ emit: @escaping @Sendable (ContainerStats) async throws -> Void) async throws -> Void
    {
        let id = try snapshot(name).id
        return { [self] emit in
            guard var sample = try await sample(id) else { return }
            if !stream {
                if !oneShot, sample.isOfARun {
                    try await Task.sleep(for: Self.statsInterval)
                    guard let next = try await self.sample(id) else { return }
                    sample = next.compared(with: sample)
                }
                return try await emit(sample)
            }
            while true {
                try await emit(sample)
                try await Task.sleep(for: Self.statsInterval)
                guard let next = try await self.sample(id) else { return }
                sample = next.compared(with: sample)
            }
        }
    }

    private static let statsInterval = Duration.seconds(1)

    /// - Returns: nil when there is no such container any more.
    private func sample(_ id: String) async throws -> ContainerStats? {
        guard let container = services.registry.container(id: id), let snapshot = services.registry.snapshot(id: id) else { return nil }
        var stats = ContainerStats()
        stats.id = id
        stats.name = "/\(snapshot.name)"
        guard let run = snapshot.lifecycle.run, let cgroup = await container.run.cgroup else { return stats }
        let readsNetwork = snapshot.definition.network != .host
        let layout = services.cgroups.layout.kind
        do {
            let (used, host, networks) = try await BlockingPool.shared.run {
                (try cgroup.statistics(), try HostUsage.current(), readsNetwork ? try InterfaceCounters.read(of: run.pid) : [:])
            }
            // What was read under a pid is the container's only as long as that one runs.
            guard services.registry.snapshot(id: id)?.lifecycle.run?.pid == run.pid else { return stats }
            stats.read = Timestamp.now().rfc3339
            StatsMapping.fill(&stats, used, host, isUnified: layout == .v2)
            stats.networks = networks
        } catch let error as TimberError where error.code == .notFound {
            return stats
        }
        return stats
    }
}

extension ContainerStats {
    /// Whether there was something to be seen.
    fileprivate var isOfARun: Bool { read != ContainerStats().read }

    fileprivate func compared(with before: ContainerStats) -> ContainerStats {
        var result = self
        result.preread = before.read
        result.precpuStats = before.cpuStats
        return result
    }
}

/// The kernel's numbers in Docker's shapes, which differ by version of cgroups.
enum StatsMapping {
    static func fill(_ stats: inout ContainerStats, _ used: CgroupStatistics, _ host: HostUsage, isUnified: Bool) {
        stats.pidsStats = PidsStats(current: used.pids.current, limit: used.pids.limit ?? (isUnified ? .max : 0))
        stats.cpuStats = CPUStats(
            cpuUsage: CPUUsage(
                totalUsage: used.cpu.total, percpuUsage: used.cpu.perCPU, usageInKernelmode: used.cpu.system,
                usageInUsermode: used.cpu.user),
            systemCPUUsage: host.processorTime, onlineCPUs: UInt32(clamping: host.processors),
            throttlingData: ThrottlingData(
                periods: used.cpu.periods, throttledPeriods: used.cpu.throttledPeriods, throttledTime: used.cpu.throttledNanoseconds))
        stats.memoryStats = MemoryStats(
            usage: used.memory.usage, maxUsage: isUnified ? 0 : used.memory.peak ?? 0, stats: used.memory.fields,
            failcnt: used.memory.failures, limit: min(used.memory.limit ?? .max, host.memory))
        func entries(_ value: (CgroupStatistics.IO) -> UInt64) -> [BlkioEntry] {
            used.io.map {
                BlkioEntry(major: $0.major, minor: $0.minor, op: isUnified ? $0.operation.lowercased() : $0.operation, value: value($0))
            }
        }
        stats.blkioStats.ioServiceBytesRecursive = entries(\.bytes)
        stats.blkioStats.ioServicedRecursive = entries(\.operations)
    }
}

/// What a container's numbers are measured against.
struct HostUsage: Sendable {
    /// Nanoseconds of all processors together.
    var processorTime: UInt64
    var processors: Int
    /// Bytes.
    var memory: UInt64

    static func current() throws -> HostUsage {
        HostUsage(
            processorTime: processorTime(of: String(decoding: try Files.read("/proc/stat"), as: UTF8.self)),
            processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            memory: UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * UInt64(max(1, sysconf(Int32(_SC_PAGESIZE)))))
    }

    /// The line `cpu` of /proc/stat: user, nice, system, idle, iowait, irq and softirq, in ticks.
    static func processorTime(of text: String, ticksPerSecond: Int64 = ProcessTimes.ticksPerSecond) -> UInt64 {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else { return 0 }
        let ticks = line.split(separator: " ").dropFirst().prefix(7).compactMap { UInt64($0) }.reduce(0, &+)
        return ticks.multipliedReportingOverflow(by: 1_000_000_000 / UInt64(max(1, ticksPerSecond))).partialValue
    }
}

/// The traffic of a network namespace, by interface.
enum InterfaceCounters {
    /// - Parameter pid: a process that lives in it.
    /// - Returns: nothing when the process has ended.
    static func read(of pid: Int32) throws -> [String: NetworkStats] {
        do {
            return parse(String(decoding: try Files.read("/proc/\(pid)/net/dev"), as: UTF8.self))
        } catch let error as SystemError where [ENOENT, ESRCH, EINVAL].contains(error.errno) {
            return [:]
        }
    }

    /// proc(5): two lines of heads, then `NAME: ` with eight numbers of what came in and eight of what went out. Loopback is no traffic.
    static func parse(_ text: String) -> [String: NetworkStats] {
        var result: [String: NetworkStats] = [:]
        for line in text.split(separator: "\n").dropFirst(2) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = parts[0].drop { $0 == " " }
            let numbers = parts[1].split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count >= 12, name != "lo" else { continue }
            result[String(name)] = NetworkStats(
                rxBytes: numbers[0], rxPackets: numbers[1], rxErrors: numbers[2], rxDropped: numbers[3], txBytes: numbers[8],
                txPackets: numbers[9], txErrors: numbers[10], txDropped: numbers[11])
        }
        return result
    }
}
