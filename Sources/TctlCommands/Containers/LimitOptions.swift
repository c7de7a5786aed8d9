internal import ArgumentParser
internal import DockerAPI

/// The limits that can be changed later: of `create`, `run` and `update`.
struct LimitOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Memory limit, as 512m", valueName: "bytes"))
    var memory: String?
    @Option(help: ArgumentHelp("Memory and swap together; -1: no limit of swap", valueName: "bytes"))
    var memorySwap: String?
    @Option(help: ArgumentHelp("Memory that it keeps when memory is short", valueName: "bytes"))
    var memoryReservation: String?
    @Option(help: ArgumentHelp("Number of CPUs, as 1.5", valueName: "number"))
    var cpus: String?
    @Option(name: [.customShort("c"), .long], help: ArgumentHelp("CPU weight relative to other containers (1024)", valueName: "shares"))
    var cpuShares: String?
    @Option(help: ArgumentHelp("CPU time in a period", valueName: "microseconds"))
    var cpuQuota: String?
    @Option(help: ArgumentHelp("Length of a period", valueName: "microseconds"))
    var cpuPeriod: String?
    @Option(help: ArgumentHelp("CPUs it may run on, as 0-3,5", valueName: "cpus"))
    var cpusetCpus: String?
    @Option(help: ArgumentHelp("Memory nodes it may use, as 0-1", valueName: "nodes"))
    var cpusetMems: String?
    @Option(help: ArgumentHelp("Weight of its block I/O, 10 to 1000", valueName: "weight"))
    var blkioWeight: String?
    @Option(help: ArgumentHelp("Most processes; -1: no limit", valueName: "number"))
    var pidsLimit: String?

    /// The flags with a value that have several names.
    static let values = ["m,memory", "c,cpu-shares"]

    /// What was given; the rest is as it is.
    /// - Throws: `CommandFailure` (125) that names the flag.
    func resources() throws -> Resources {
        var resources = Resources()
        resources.memory = try memory.map { try Numbers.bytes(flag: "--memory", $0) } ?? 0
        resources.memorySwap = try memorySwap.map { $0 == "-1" ? -1 : try Numbers.bytes(flag: "--memory-swap", $0) } ?? 0
        resources.memoryReservation = try memoryReservation.map { try Numbers.bytes(flag: "--memory-reservation", $0) } ?? 0
        resources.nanoCPUs = try cpus.map(Numbers.nanoCPUs) ?? 0
        resources.cpuShares = try cpuShares.map { try Numbers.whole(flag: "--cpu-shares", $0) } ?? 0
        resources.cpuQuota = try cpuQuota.map { try Numbers.whole(flag: "--cpu-quota", $0) } ?? 0
        resources.cpuPeriod = try cpuPeriod.map { try Numbers.whole(flag: "--cpu-period", $0) } ?? 0
        resources.cpusetCPUs = cpusetCpus ?? ""
        resources.cpusetMems = cpusetMems ?? ""
        resources.blkioWeight = try blkioWeight.map { try Numbers.whole(flag: "--blkio-weight", $0) } ?? 0
        resources.pidsLimit = try pidsLimit.map { try Numbers.whole(flag: "--pids-limit", $0) }
        return resources
    }
}
