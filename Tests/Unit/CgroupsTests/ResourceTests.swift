import Errors
import Testing

@testable import Cgroups

@Suite struct ResourceTests {
    private static let everything: CgroupFeatures = {
        var features = CgroupFeatures()
        features.memory = true
        features.swap = true
        features.memoryReservation = true
        features.memorySwappiness = true
        features.oomKillDisable = true
        features.cpuShares = true
        features.cpuQuota = true
        features.cpuset = true
        features.pids = true
        features.blkioWeight = true
        features.processors = 4
        features.cpusetCPUs = "0-3"
        features.cpusetMems = "0"
        return features
    }()

    private func validated(
        features: CgroupFeatures = everything, updating: Bool = false, _ change: (inout CgroupResources) -> Void
    ) throws -> (resources: CgroupResources, refusals: [String]) {
        var resources = CgroupResources()
        change(&resources)
        return try resources.validated(features: features, updating: updating)
    }

    @Test func swapFollowsMemoryUnlessItIsGiven() throws {
        #expect(try validated { $0.memory = 64 << 20 }.resources.memorySwap == 128 << 20)
        #expect(try validated { $0.memory = .max }.resources.memorySwap == -1)
        #expect(
            try validated {
                $0.memory = 64 << 20
                $0.memorySwap = -1
            }.resources.memorySwap == -1)
        #expect(try validated(updating: true) { $0.memory = 64 << 20 }.resources.memorySwap == nil)
    }

    @Test func zeroIsNotSet() throws {
        let (resources, refusals) = try validated {
            $0.memory = 0
            $0.memorySwap = 0
            $0.memoryReservation = 0
            $0.memorySwappiness = -1
            $0.oomKillDisable = false
            $0.cpuShares = 0
            $0.cpuQuota = 0
            $0.cpuPeriod = 0
            $0.nanoCPUs = 0
            $0.cpusetCPUs = ""
            $0.cpusetMems = ""
            $0.blkioWeight = 0
        }
        #expect(resources == CgroupResources())
        #expect(refusals == [])
    }

    @Test func cpusBecomeQuotaAndPeriod() throws {
        let resources = try validated { $0.nanoCPUs = 1_500_000_000 }.resources
        #expect(resources.cpuQuota == 150_000)
        #expect(resources.cpuPeriod == 100_000)
        #expect(resources.nanoCPUs == nil)
    }

    typealias Change = @Sendable (inout CgroupResources) -> Void

    @Test(
        arguments: [
            { $0.memory = 6 << 20 - 1 }, { $0.memory = -1 },
            {
                $0.memory = 64 << 20
                $0.memorySwap = 32 << 20
            },
            { $0.memorySwap = 64 << 20 }, { $0.memorySwap = -2 }, { $0.memoryReservation = 1 },
            {
                $0.memory = 64 << 20
                $0.memoryReservation = 65 << 20
            },
            { $0.memorySwappiness = 101 }, { $0.memorySwappiness = -2 }, { $0.cpuPeriod = 999 }, { $0.cpuPeriod = 1_000_001 },
            { $0.cpuQuota = 999 }, { $0.cpuQuota = -2 }, { $0.cpuShares = -1 }, { $0.nanoCPUs = 4_000_000_001 }, { $0.nanoCPUs = 1 },
            { $0.nanoCPUs = -1 }, { $0.nanoCPUs = .max },
            {
                $0.nanoCPUs = 1_000_000_000
                $0.cpuQuota = 100_000
            },
            { $0.cpusetCPUs = "4" }, { $0.cpusetCPUs = "0-" }, { $0.cpusetCPUs = "3-1" }, { $0.cpusetCPUs = "a" },
            { $0.cpusetCPUs = "0,,1" },
            { $0.cpusetCPUs = "0-99999999999" }, { $0.cpusetCPUs = "0\n1" }, { $0.cpusetMems = "1" }, { $0.blkioWeight = 9 },
            { $0.blkioWeight = 1001 },
        ] as [Change])
    func refusesImpossibleValues(change: Change) {
        #expect { try validated(change) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }

    @Test func saysWhatTheKernelCannotDo() throws {
        let (resources, refusals) = try validated(features: CgroupFeatures()) {
            $0.memory = 64 << 20
            $0.memoryReservation = 32 << 20
            $0.memorySwappiness = 10
            $0.oomKillDisable = true
            $0.cpuShares = 512
            $0.cpuQuota = 50_000
            $0.cpusetCPUs = "0"
            $0.cpusetMems = "0"
            $0.pids = 10
            $0.blkioWeight = 100
        }
        #expect(resources == CgroupResources())
        #expect(refusals.count == 10)
        var noSwap = Self.everything
        noSwap.swap = false
        let limited = try validated(features: noSwap) { $0.memory = 64 << 20 }
        #expect(limited.resources.memory == 64 << 20)
        #expect(limited.refusals == ["memory is limited without swap: the kernel does not account for swap"])
    }

    @Test(arguments: [(2, 1), (1024, 100), (262_144, 10_000), (0, 1), (.max, 10_000), (512, 59)] as [(Int64, Int64)])
    func sharesBecomeWeights(shares: Int64, weight: Int64) {
        #expect(Cgroup.cpuWeight(shares: shares) == weight)
    }

    @Test(arguments: [(10, 1), (1000, 10_000), (500, 4950)] as [(Int64, Int64)])
    func blkioBecomesIo(blkio: Int64, io: Int64) {
        #expect(Cgroup.ioWeight(blkio: blkio) == io)
    }

    @Test func readsIoStatistics() {
        let lines = Cgroup.unifiedIO("8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0 cost.usage=9\n8:0 \ngarbage\n254:0 rbytes=x\n")
        #expect(lines.map(\.operation) == ["Discard", "Read", "Write"])
        #expect(lines.map(\.bytes) == [0, 1, 2])
        #expect(lines.map(\.operations) == [0, 3, 4])
        #expect(lines.allSatisfy { $0.major == 8 && $0.minor == 16 })
    }

    @Test func workingSetLeavesOutWhatCanGo() {
        var memory = CgroupStatistics.Memory()
        memory.usage = 100
        memory.fields = ["inactive_file": 30, "total_inactive_file": 40]
        #expect(memory.workingSet == 60)
        memory.fields = ["inactive_file": 100]
        #expect(memory.workingSet == 100)
    }
}
