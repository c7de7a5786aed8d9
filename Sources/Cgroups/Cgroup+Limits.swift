internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel

extension Cgroup {
    /// Changes limits of a cgroup that exists; only those that are set.
    /// - Parameter resources: Docker's values.
    /// - Returns: what this kernel cannot do, one line each.
    /// - Throws: `TimberError(.invalidArgument)` for impossible values, `.conflict` when the container uses more memory than that,
    ///   `.notFound` when the cgroup is gone.
    public func update(_ resources: CgroupResources) throws -> [String] {
        let (resources, refusals) = try resources.validated(features: features, updating: true)
        guard exists else { throw TimberError(.notFound, "the cgroup of container \(id) is gone") }
        let changes = LimitChanges()
        do {
            try setLimits(resources, changes)
        } catch let error as SystemError {
            undo(changes)
            guard error.errno == EBUSY else {
                throw TimberError(.unavailable, "cannot change the limits of container \(id)", cause: error)
            }
            throw TimberError(.conflict, "container \(id) uses more memory than the new limit", cause: error)
        } catch {
            undo(changes)
            throw error
        }
        return refusals
    }

    /// - Parameter changes: remembers what was there before, to undo it.
    func setLimits(_ resources: CgroupResources, _ changes: LimitChanges? = nil) throws {
        switch tree.limits {
        case .legacy: try setLegacyLimits(resources, changes)
        case .unified: try setUnifiedLimits(resources, changes)
        }
    }

    /// Writes back what was there, the last first. As each of these values was possible before, the kernel takes it again.
    private func undo(_ changes: LimitChanges) {
        for change in changes.list.reversed() {
            // The failure that made it necessary is the one to tell.
            _ = Result { try set(change.before, change.file, of: change.controller, nil) }
        }
    }

    private func set(_ value: String, _ file: String, of controller: String, _ changes: LimitChanges?) throws {
        if let changes, let before = try self.value(file, of: controller) {
            changes.list.append((file, controller, Self.writable(before, of: file)))
        }
        guard let place = tree.location(of: controller) else {
            throw SystemError(call: "openat", errno: ENOENT, what: "\(controller) \(file)")
        }
        try ControlFiles.write(value, to: path(file), in: place.raw)
    }

    /// What has to be written for a file to be as it was read.
    static func writable(_ content: String, of file: String) -> String {
        let line = content.trimmed
        switch file {
        // They name the value that they show first, and take it without its name.
        case "memory.oom_control", "io.bfq.weight": return String(line.split(separator: " ").last ?? line)
        // A v2 cpuset of its own may be empty. The kernel has nothing to do for a write of no bytes.
        case _ where line.isEmpty: return "\n"
        default: return String(line)
        }
    }

    // MARK: - v1

    private func setLegacyLimits(_ resources: CgroupResources, _ changes: LimitChanges?) throws {
        try setLegacyMemory(resources, changes)
        if let reservation = resources.memoryReservation { try set("\(reservation)", "memory.soft_limit_in_bytes", of: "memory", changes) }
        if let swappiness = resources.memorySwappiness { try set("\(swappiness)", "memory.swappiness", of: "memory", changes) }
        if let disable = resources.oomKillDisable { try set(disable ? "1" : "0", "memory.oom_control", of: "memory", changes) }
        if let shares = resources.cpuShares { try set("\(shares)", "cpu.shares", of: "cpu", changes) }
        if let period = resources.cpuPeriod { try set("\(period)", "cpu.cfs_period_us", of: "cpu", changes) }
        if let quota = resources.cpuQuota { try set("\(quota)", "cpu.cfs_quota_us", of: "cpu", changes) }
        if let cpus = resources.cpusetCPUs { try set(cpus, "cpuset.cpus", of: "cpuset", changes) }
        if let mems = resources.cpusetMems { try set(mems, "cpuset.mems", of: "cpuset", changes) }
        if let pids = resources.pids { try set(pids > 0 ? "\(pids)" : "max", "pids.max", of: "pids", changes) }
        if let weight = resources.blkioWeight {
            let file = try value("blkio.bfq.weight", of: "blkio") == nil ? "blkio.weight" : "blkio.bfq.weight"
            try set("\(weight)", file, of: "blkio", changes)
        }
    }

    /// At every moment memory may not be above memory and swap: which of the two is written first depends on what is there.
    private func setLegacyMemory(_ resources: CgroupResources, _ changes: LimitChanges?) throws {
        guard let memory = resources.memory else {
            if let swap = resources.memorySwap { try set("\(swap)", "memory.memsw.limit_in_bytes", of: "memory", changes) }
            return
        }
        let current = try value("memory.memsw.limit_in_bytes", of: "memory")?.number
        guard let swap = resources.memorySwap else {
            if let current, UInt64(memory) > current {
                throw TimberError(
                    .invalidArgument, "the memory limit \(memory) is above the limit \(current) of memory and swap: change both at once")
            }
            return try set("\(memory)", "memory.limit_in_bytes", of: "memory", changes)
        }
        let raising = current.map { swap == -1 || UInt64(swap) > $0 } ?? false
        if raising { try set("\(swap)", "memory.memsw.limit_in_bytes", of: "memory", changes) }
        try set("\(memory)", "memory.limit_in_bytes", of: "memory", changes)
        if !raising { try set("\(swap)", "memory.memsw.limit_in_bytes", of: "memory", changes) }
    }

    // MARK: - v2

    private func setUnifiedLimits(_ resources: CgroupResources, _ changes: LimitChanges?) throws {
        if let memory = resources.memory {
            if changes != nil { try makeRoom(below: memory) }
            try set("\(memory)", "memory.max", of: "memory", changes)
        }
        if let swap = resources.memorySwap {
            let memory = try resources.memory ?? value("memory.max", of: "memory")?.number.map(Int64.init(clamping:))
            // v2 counts swap alone.
            try set(swap == -1 ? "max" : memory.map { "\(max(0, swap - $0))" } ?? "max", "memory.swap.max", of: "memory", changes)
        }
        if let reservation = resources.memoryReservation { try set("\(reservation)", "memory.low", of: "memory", changes) }
        if let shares = resources.cpuShares { try set("\(Self.cpuWeight(shares: shares))", "cpu.weight", of: "cpu", changes) }
        if resources.cpuQuota != nil || resources.cpuPeriod != nil {
            let current = try value("cpu.max", of: "cpu")?.trimmed.split(separator: " ").map(String.init) ?? []
            let quota = resources.cpuQuota.map { $0 > 0 ? "\($0)" : "max" } ?? current.first ?? "max"
            let period = resources.cpuPeriod.map(String.init) ?? current.last ?? "100000"
            try set("\(quota) \(period)", "cpu.max", of: "cpu", changes)
        }
        if let cpus = resources.cpusetCPUs { try set(cpus, "cpuset.cpus", of: "cpuset", changes) }
        if let mems = resources.cpusetMems { try set(mems, "cpuset.mems", of: "cpuset", changes) }
        if let pids = resources.pids { try set(pids > 0 ? "\(pids)" : "max", "pids.max", of: "pids", changes) }
        if let weight = resources.blkioWeight {
            if try value("io.bfq.weight", of: "io") != nil {
                try set("\(weight)", "io.bfq.weight", of: "io", changes)
            } else {
                try set("default \(Self.ioWeight(blkio: weight))", "io.weight", of: "io", changes)
            }
        }
    }

    /// Takes back what a group holds beyond a limit that it is about to get. v2 would kill for what cannot be taken back, where v1 refuses.
    /// - Throws: `SystemError` with EBUSY when it needs more than that.
    private func makeRoom(below limit: Int64) throws {
        func held() throws -> Int64 { try value("memory.current", of: "memory")?.number.map(Int64.init(clamping:)) ?? 0 }
        let before = try held()
        guard limit >= 0, before > limit else { return }
        do {
            try set("\(before - limit)", "memory.reclaim", of: "memory", nil)
        } catch let error as SystemError where [EAGAIN, ENOENT].contains(error.errno) {
            // Not all of it, or a kernel before 5.19: what is held now decides.
        }
        if try held() > limit { throw SystemError(call: "write", errno: EBUSY, what: path("memory.max")) }
    }

    /// 2…1024…262144 to 1…100…10000: a curve through these three points, so that the default stays the default (the OCI runtimes agreed
    /// on it in 2025).
    static func cpuWeight(shares: Int64) -> Int64 {
        guard shares > 2 else { return 1 }
        guard shares < 262_144 else { return 10_000 }
        let exponent = log2(Double(shares))
        return Int64(pow(10, (exponent * exponent + 125 * exponent) / 612 - 7.0 / 34).rounded(.up))
    }

    /// 10…1000 to 1…10000.
    static func ioWeight(blkio: Int64) -> Int64 { 1 + (blkio - 10) * 9999 / 990 }

    // MARK: - Devices

    func filterDevices(_ filter: DeviceFilter) throws {
        switch tree.limits {
        case .unified:
            guard let place = tree.unified else { return }
            let directory = try ControlFiles.directory(id, in: place.raw)
            try DeviceProgram(instructions: filter.program.flatMap(\.words)).attach(to: directory.raw)
        case .legacy:
            guard let place = tree.location(of: "devices") else {
                throw TimberError(.unavailable, "device nodes cannot be filtered: the devices cgroup is not mounted")
            }
            for (file, values) in filter.legacyWrites { try ControlFiles.write(values, to: path(file), in: place.raw) }
        }
    }
}

/// What limits were before they were changed, in the order of the changes.
final class LimitChanges {
    fileprivate var list: [(file: String, controller: String, before: String)] = []
}
