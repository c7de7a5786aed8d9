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
}
