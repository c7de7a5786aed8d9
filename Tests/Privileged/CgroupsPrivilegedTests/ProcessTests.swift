import Errors
import Foundation
import Glibc
import Testing

@testable import Cgroups

@Suite(.serialized) struct ProcessTests {
    @Test(arguments: Interface.available)
    func joinsEveryHierarchy(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            let member = try Member(of: cgroup, running: "sleep 60")
            #expect(try eventually { try cgroup.processes().contains(member.pid) })
            #expect(
                try eventually {
                    let lines = try String(contentsOfFile: "/proc/\(member.pid)/cgroup", encoding: .utf8).split(separator: "\n")
                    return lines.filter { $0.hasSuffix(cgroup.cgroupsPath) }.count == cgroup.tree.places.count
                })
            // The daemon itself stays where it is.
            #expect(try !cgroup.processes().contains(getpid()))
            try cgroup.kill()
            #expect(member.wait() == 128 + SIGKILL)
            #expect(try cgroup.processes() == [])
        }
    }

    @Test(arguments: Interface.available)
    func endsAForkBomb(interface: Interface) throws {
        try withManager(interface) { manager in
            var resources = CgroupResources()
            resources.pids = 200
            let cgroup = try manager.create(id: "bomb", resources: resources, devices: nil)
            let member = try Member(of: cgroup, running: "bomb() { bomb & bomb & sleep 30; }; exec 2>/dev/null; bomb")
            #expect(try eventually { try cgroup.processes().count > 150 })
            try cgroup.kill()
            #expect(try cgroup.processes() == [])
            member.wait()
            try cgroup.remove()
            #expect(!cgroup.exists)
        }
    }

    @Test(arguments: Interface.available)
    func endsWhatIsFrozenAndWhatIgnoresSignals(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            let member = try Member(of: cgroup, running: "trap '' TERM INT HUP; while :; do sleep 0.01; done")
            #expect(try eventually { try !cgroup.processes().isEmpty })
            try cgroup.freeze()
            try cgroup.kill()
            #expect(member.wait() == 128 + SIGKILL)
            // Nothing to do is no error.
            try cgroup.kill()
        }
    }

    @Test(arguments: Interface.available)
    func freezesAndThaws(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            let member = try Member(of: cgroup, running: "while :; do :; done")
            #expect(try eventually { try cgroup.statistics().cpu.total > 10_000_000 })
            try cgroup.freeze()
            #expect(try cgroup.isFrozen())
            let before = try cgroup.statistics().cpu.total
            usleep(100_000)
            #expect(try cgroup.statistics().cpu.total - before < 1_000_000)
            try cgroup.thaw()
            #expect(try !cgroup.isFrozen())
            #expect(try eventually { try cgroup.statistics().cpu.total > before + 10_000_000 })
            try cgroup.kill()
            member.wait()
        }
    }

    @Test(arguments: Interface.available)
    func tellsThatMemoryRanOut(interface: Interface) throws {
        try withManager(interface) { manager in
            var resources = CgroupResources()
            resources.memory = 16 << 20
            resources.memorySwap = 16 << 20
            let cgroup = try manager.create(id: "c1", resources: resources, devices: nil)
            #expect(try cgroup.oomEvents().kills == 0)
            let member = try Member(of: cgroup, running: "head -c 200000000 /dev/zero | tail >/dev/null")
            #expect(member.wait() == 128 + SIGKILL)  // tail's, the last of the pipe
            let events = try cgroup.oomEvents()
            #expect(events.kills == 1)
            #expect(events.memoryLimit == 16 << 20)
            #expect(try #require(events.memoryPeak) > 15 << 20)
        }
    }

    @Test(arguments: Interface.available)
    func countsWhatWasUsed(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            let member = try Member(of: cgroup, running: "a=$(head -c 8000000 /dev/zero | tr '\\0' x); while :; do :; done")
            #expect(try eventually { try cgroup.statistics().memory.workingSet > 8_000_000 })
            let statistics = try cgroup.statistics()
            #expect(statistics.pids.current >= 1)
            #expect(statistics.pids.limit == nil)
            #expect(statistics.memory.limit == nil)
            #expect(statistics.cpu.total > 0)
            #expect(statistics.cpu.user + statistics.cpu.system <= statistics.cpu.total + statistics.cpu.total / 2)
            #expect(statistics.memory.fields.count > 10)
            try cgroup.kill()
            member.wait()
        }
    }
}
