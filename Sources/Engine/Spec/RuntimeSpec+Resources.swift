internal import Cgroups

extension RuntimeSpec {
    /// Limits and device rules (config-linux.md, "Control groups").
    struct Resources: Encodable, Sendable {
        var memory: Memory?
        var cpu: CPU?
        var pids: PIDs?
        var blockIO: BlockIO?
        var devices: [Device]

        struct Memory: Encodable, Sendable {
            var limit, swap, reservation, swappiness: Int64?
            var disableOOMKiller: Bool?
        }

        struct CPU: Encodable, Sendable {
            var shares, quota, period: Int64?
            var cpus, mems: String?
        }

        struct PIDs: Encodable, Sendable {
            var limit: Int64
        }

        struct BlockIO: Encodable, Sendable {
            var weight: Int64
        }

        struct Device: Encodable, Sendable {
            var allow: Bool
            var type: String
            var major, minor: UInt32?
            var access: String
        }

        /// - Parameters:
        ///   - limits: as asked for; `--cpus` becomes a quota over 100 ms.
        ///   - rules: nil: everything is allowed.
        init(_ limits: CgroupResources, rules: [DeviceRule]?) {
            if limits.memory != nil || limits.memorySwap != nil || limits.memoryReservation != nil || limits.memorySwappiness != nil
                || limits.oomKillDisable != nil
            {
                memory = Memory(
                    limit: limits.memory, swap: limits.memorySwap, reservation: limits.memoryReservation,
                    swappiness: limits.memorySwappiness, disableOOMKiller: limits.oomKillDisable)
            }
            let quota = limits.nanoCPUs.map { $0 / 10_000 } ?? limits.cpuQuota
            let period = limits.nanoCPUs == nil ? limits.cpuPeriod : 100_000
            if limits.cpuShares != nil || quota != nil || period != nil || limits.cpusetCPUs != nil || limits.cpusetMems != nil {
                cpu = CPU(shares: limits.cpuShares, quota: quota, period: period, cpus: limits.cpusetCPUs, mems: limits.cpusetMems)
            }
            pids = limits.pids.map { PIDs(limit: $0 <= 0 ? -1 : $0) }
            blockIO = limits.blkioWeight.map { BlockIO(weight: $0) }
            let everything = [DeviceRule(kind: .all)]
            devices = (rules ?? everything).map { rule in
                Device(allow: rule.allow, type: rule.ociType, major: rule.major, minor: rule.minor, access: rule.ociAccess)
            }
        }
    }
}
