import Errors
import Glibc
import LinuxKernel
import Testing

@testable import Cgroups

/// The same rules by both interfaces, asked of the kernel.
@Suite(.serialized) struct DeviceFilterPrivilegedTests {
    /// Exit status 0: opened.
    private func opens(_ path: String, _ mode: String, in cgroup: Cgroup) throws -> Bool {
        try Member(of: cgroup, running: "exec 3\(mode)\(path)").wait() == 0
    }

    /// How the filter gets to the kernel: as this machine does it, or, on a hybrid one, as eBPF on its v2 hierarchy.
    enum Way: CaseIterable {
        case asItIs, program
    }

    private func filter(_ cgroup: Cgroup, _ rules: [DeviceRule], _ way: Way) throws {
        switch way {
        case .asItIs: try cgroup.filterDevices(DeviceFilter(rules))
        case .program:
            let place = try #require(cgroup.tree.unified)
            let directory = try ControlFiles.directory(cgroup.id, in: place.raw)
            try DeviceProgram(instructions: DeviceFilter(rules).program.flatMap(\.words)).attach(to: directory.raw)
        }
    }

    @Test(arguments: Way.allCases)
    func allowsWhatContainersNeed(way: Way) throws {
        try withManager { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            #expect(try opens("/dev/kmsg", "<", in: cgroup))
            try filter(cgroup, DeviceRule.defaults, way)
            for path in ["/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/ptmx"] {
                #expect(try opens(path, "<>", in: cgroup), "\(path)")
            }
            #expect(try !opens("/dev/kmsg", "<", in: cgroup))
            // Nodes may be made, but not opened.
            let node = "/dev/shm/timber-test-\(getpid())"
            let script = "mknod \(node) c 1 11 && (exec 3<\(node)) 2>/dev/null; status=$?; rm -f \(node); exit $status"
            #expect(try Member(of: cgroup, running: script).wait() == 1)
        }
    }

    @Test(arguments: Way.allCases)
    func tellsReadingFromWriting(way: Way) throws {
        try withManager { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            try filter(
                cgroup, [DeviceRule(allow: false, kind: .all), try DeviceRule(parsing: "c 1:5 r"), try DeviceRule(parsing: "c 1:3 rw")], way
            )
            #expect(try opens("/dev/zero", "<", in: cgroup))
            #expect(try !opens("/dev/zero", ">", in: cgroup))
            #expect(try !opens("/dev/zero", "<>", in: cgroup))
            #expect(try opens("/dev/null", "<>", in: cgroup))
            #expect(try !opens("/dev/full", "<", in: cgroup))
        }
    }

    @Test(arguments: Way.allCases)
    func forbidsSomeOnly(way: Way) throws {
        try withManager { manager in
            let cgroup = try manager.create(id: "c1", resources: CgroupResources(), devices: nil)
            try filter(
                cgroup,
                [DeviceRule(allow: true, kind: .all), DeviceRule(allow: false, kind: .character, major: 1, minor: 5, access: .write)], way)
            #expect(try opens("/dev/zero", "<", in: cgroup))
            #expect(try !opens("/dev/zero", ">", in: cgroup))
            #expect(try !opens("/dev/zero", "<>", in: cgroup))
            #expect(try opens("/dev/full", "<>", in: cgroup))
        }
    }
}
