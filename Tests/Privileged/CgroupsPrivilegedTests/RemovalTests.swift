import Errors
import Foundation
import Glibc
import Testing

@testable import Cgroups

@Suite(.serialized) struct RemovalTests {
    /// What a privileged container can leave behind: cgroups in its cgroup, deeper than anybody follows by recursion.
    @Test(arguments: Interface.available)
    func removesWhatTheContainerNested(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            for place in cgroup.tree.places {
                let top = place.hierarchy.mountPoint + cgroup.cgroupsPath
                try FileManager.default.createDirectory(
                    atPath: top + String(repeating: "/" + String(repeating: "d", count: 20), count: 60), withIntermediateDirectories: true)
                try FileManager.default.createDirectory(atPath: top + "/a/b", withIntermediateDirectories: true)
            }
            try cgroup.remove()
            #expect(!cgroup.exists)
        }
    }

    @Test(arguments: Interface.available)
    func refusesWhileProcessesRun(interface: Interface) throws {
        try withManager(interface) { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            let member = try Member(of: cgroup, running: "sleep 60")
            #expect(try eventually { try cgroup.processes().contains(member.pid) })
            #expect { try cgroup.remove() } throws: { "\($0)".contains("in use by processes \(member.pid)") }
            #expect { try manager.create(id: "c1", resources: CgroupResources(), devices: nil) } throws: {
                ($0 as? TimberError)?.code == .conflict
            }
            // A refused creation must not have removed what was there.
            #expect(try cgroup.processes() == [member.pid] || cgroup.processes().contains(member.pid))
            try cgroup.kill()
            member.wait()
            // Empty and left behind: made anew, without the old limits.
            var resources = CgroupResources()
            resources.pids = 7
            #expect(try manager.create(id: "c1", resources: resources, devices: nil).statistics().pids.limit == 7)
            #expect(try manager.create(id: "c1", resources: CgroupResources(), devices: nil).statistics().pids.limit == nil)
        }
    }

    @Test(arguments: Interface.available)
    func removesOrphansAndNothingElse(interface: Interface) throws {
        let neighbours = {
            try Set(
                CgroupLayout.detect().hierarchies.flatMap { hierarchy in
                    try FileManager.default.contentsOfDirectory(atPath: hierarchy.mountPoint).map { hierarchy.mountPoint + "/" + $0 }
                }.filter { !$0.contains("timber") })
        }
        let before = try neighbours()
        try withManager(interface) { manager in
            let kept = try manager.create(id: "kept", resources: CgroupResources(), devices: nil)
            let lost = try manager.create(id: "lost", resources: CgroupResources(), devices: nil)
            let member = try Member(of: lost, running: "sleep 60")
            #expect(try eventually { try !lost.processes().isEmpty })
            #expect(try manager.removeOrphans(known: ["kept"]) == ["lost"])
            #expect(kept.exists)
            #expect(!lost.exists)
            #expect(member.wait() == 128 + SIGKILL)
            #expect(try manager.removeOrphans(known: ["kept"]) == [])
        }
        #expect(try neighbours() == before)
    }

    @Test(arguments: ["..", ".", "", "/", "a/b", "../x", "/timber", "a\0b", "-rf", " ", String(repeating: "x", count: 129), "ä"])
    func refusesNamesThatLeadElsewhere(name: String) throws {
        try withManager { manager in
            for attempt in [
                { _ = try manager.create(id: name, resources: CgroupResources(), devices: nil) },
                { _ = try manager.open(id: name) },
            ] as [() throws -> Void] {
                #expect { try attempt() } throws: { ($0 as? TimberError)?.code == .invalidArgument }
            }
        }
    }

    @Test(arguments: ["..", "/timber", "timber/../..", "timber/", "", "timber\0x", "a/./b"])
    func refusesParentsThatLeadElsewhere(parent: String) {
        #expect { try CgroupManager(parent: parent) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }

    @Test func leavesNoDescriptorsOpen() throws {
        try withManager { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: DeviceRule.defaults)
            // Other tests open descriptors meanwhile: ours are those of our own directories.
            let count = {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter { number in
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)"))?.contains(cgroup.tree.path)
                        ?? false
                }.count
            }
            let before = try count()
            #expect(before == cgroup.tree.places.count)
            for _ in 0..<20 {
                _ = try cgroup.join()
                _ = try cgroup.statistics()
                try cgroup.freeze()
                try cgroup.kill()
                try cgroup.remove()
                _ = try manager.create(id: "c1", resources: CgroupResources(), devices: DeviceRule.defaults)
            }
            #expect(try count() == before)
        }
    }
}
