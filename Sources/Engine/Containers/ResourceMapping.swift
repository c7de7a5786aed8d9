internal import Cgroups
internal import DockerAPI

/// Docker's resource fields as cgroup limits.
enum ResourceMapping {
    static func cgroup(_ resources: Resources) -> CgroupResources {
        func given(_ value: Int64) -> Int64? { value == 0 ? nil : value }
        var result = CgroupResources()
        result.memory = given(resources.memory)
        result.memorySwap = given(resources.memorySwap)
        result.memoryReservation = given(resources.memoryReservation)
        // -1 stands for "as the host has it" in clients before 1.40.
        result.memorySwappiness = resources.memorySwappiness == -1 ? nil : resources.memorySwappiness
        result.oomKillDisable = resources.oomKillDisable
        result.cpuShares = given(resources.cpuShares)
        result.cpuQuota = given(resources.cpuQuota)
        result.cpuPeriod = given(resources.cpuPeriod)
        result.nanoCPUs = given(resources.nanoCPUs)
        result.cpusetCPUs = resources.cpusetCPUs.isEmpty ? nil : resources.cpusetCPUs
        result.cpusetMems = resources.cpusetMems.isEmpty ? nil : resources.cpusetMems
        result.pids = resources.pidsLimit
        result.blkioWeight = given(Int64(resources.blkioWeight))
        return result
    }

    /// Takes over what a later update names, and checks the result.
    /// - Returns: the limits from then on, and what the kernel cannot do of the changes.
    /// - Throws: `TimberError.invalidArgument` when no container could be started with both together.
    static func merged(_ resources: Resources, _ changes: Resources, features: CgroupFeatures) throws -> (
        resources: Resources, warnings: [String]
    ) {
        var resources = resources
        let warnings = try cgroup(changes).validated(features: features, updating: true).refusals
        func take(_ field: WritableKeyPath<Resources, Int64>) {
            if changes[keyPath: field] != 0 { resources[keyPath: field] = changes[keyPath: field] }
        }
        for field in [
            \Resources.memory, \.memorySwap, \.memoryReservation, \.cpuShares, \.cpuQuota, \.cpuPeriod, \.nanoCPUs,
        ] { take(field) }
        if changes.pidsLimit != nil { resources.pidsLimit = changes.pidsLimit }
        if changes.blkioWeight != 0 { resources.blkioWeight = changes.blkioWeight }
        if !changes.cpusetCPUs.isEmpty { resources.cpusetCPUs = changes.cpusetCPUs }
        if !changes.cpusetMems.isEmpty { resources.cpusetMems = changes.cpusetMems }
        _ = try cgroup(resources).validated(features: features)
        return (resources, warnings)
    }
}
