import Cgroups
import Errors
import Foundation
import Testing

@Suite(.serialized) struct LimitTests {
    @Test(arguments: Interface.available)
    func setsWhatWasAskedFor(interface: Interface) throws {
        try withManager(interface) { manager in
            var resources = CgroupResources()
            resources.memory = 64 << 20
            resources.memorySwap = 96 << 20
            resources.nanoCPUs = 500_000_000
            resources.cpuShares = 512
            resources.cpusetCPUs = "0"
            resources.pids = 100
            let cgroup = try manager.create(id: "c1", resources: resources, devices: DeviceRule.defaults)
            #expect(cgroup.refusals == [])
            let statistics = try cgroup.statistics()
            #expect(statistics.memory.limit == 64 << 20)
            #expect(statistics.pids.limit == 100)
            #expect(try file("cpuset.cpus", of: cgroup, controller: "cpuset") == "0")
            if manager.layout.kind == .v2 {
                #expect(try file("cpu.max", of: cgroup, controller: "cpu") == "50000 100000")
                #expect(try file("memory.swap.max", of: cgroup, controller: "memory") == "\(32 << 20)")
            } else {
                #expect(try file("cpu.cfs_quota_us", of: cgroup, controller: "cpu") == "50000")
                #expect(try file("cpu.shares", of: cgroup, controller: "cpu") == "512")
                #expect(try file("memory.memsw.limit_in_bytes", of: cgroup, controller: "memory") == "\(96 << 20)")
                #expect(try file("devices.list", of: cgroup, controller: "devices").contains("c 1:3 rwm"))
            }
            try cgroup.remove()
            try cgroup.remove()
            #expect(throws: TimberError.self) { try manager.open(id: "c1") }
        }
    }

    /// The last of the changes fails, and those before it are taken back: also where nothing was set before.
    @Test(arguments: Interface.available)
    func aFailedUpdateChangesNothing(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            let files =
                manager.layout.kind == .v2
                ? [("memory.max", "memory"), ("cpu.weight", "cpu"), ("cpu.max", "cpu"), ("cpuset.cpus", "cpuset"), ("pids.max", "pids")]
                : [("memory.limit_in_bytes", "memory"), ("memory.oom_control", "memory"), ("cpu.shares", "cpu"), ("cpuset.cpus", "cpuset")]
            let before = try files.map { try file($0.0, of: cgroup, controller: $0.1) }
            var change = CgroupResources()
            change.memory = 64 << 20
            change.memorySwap = 64 << 20
            change.cpuShares = 512
            change.cpuQuota = 50_000
            change.cpusetCPUs = "0"
            if manager.layout.kind != .v2 { change.oomKillDisable = true }
            // More than the kernel has numbers for.
            change.pids = .max
            #expect(throws: TimberError.self) { try cgroup.update(change) }
            let after = try files.map { try file($0.0, of: cgroup, controller: $0.1) }
            #expect(after == before)
            try cgroup.remove()
        }
    }

    @Test(arguments: Interface.available)
    func updatesInEitherDirection(interface: Interface) throws {
        try withManager(interface) { manager in
            var resources = CgroupResources()
            resources.memory = 64 << 20
            resources.nanoCPUs = 500_000_000
            let cgroup = try manager.create(id: "c1", resources: resources, devices: nil)
            for megabytes in [512, 32, 128] as [Int64] {
                var change = CgroupResources()
                change.memory = megabytes << 20
                change.memorySwap = megabytes << 21
                #expect(try cgroup.update(change) == [])
                #expect(try cgroup.statistics().memory.limit == UInt64(megabytes << 20))
            }
            var quota = CgroupResources()
            quota.cpuQuota = 20_000
            _ = try cgroup.update(quota)
            var unlimited = CgroupResources()
            unlimited.pids = -1
            _ = try cgroup.update(unlimited)
            #expect(try cgroup.statistics().pids.limit == nil)
            #expect(try cgroup.statistics().memory.limit == 128 << 20)
            if manager.layout.kind != .v2 {
                #expect(try file("cpu.cfs_quota_us", of: cgroup, controller: "cpu") == "20000")
                #expect(try file("cpu.cfs_period_us", of: cgroup, controller: "cpu") == "100000")
                var above = CgroupResources()
                above.memory = 1 << 30
                #expect { try cgroup.update(above) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
                var swapless = CgroupResources()
                swapless.memorySwap = -1
                _ = try cgroup.update(swapless)
                #expect(try cgroup.update(above) == [])
            }
        }
    }

    @Test func leavesNothingWhenAValueIsRefused() throws {
        try withManager { manager in
            var resources = CgroupResources()
            resources.cpusetCPUs = "0"
            resources.blkioWeight = 5
            #expect { try manager.create(id: "c1", resources: resources, devices: nil) } throws: {
                ($0 as? TimberError)?.code == .invalidArgument
            }
            #expect(throws: TimberError.self) { try manager.open(id: "c1") }
        }
    }
}
