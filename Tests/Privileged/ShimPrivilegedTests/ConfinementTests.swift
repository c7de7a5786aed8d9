import CTimber
import Foundation
import Testing

/// What a container may do, as the kernel says it in /proc/self/status and by refusing.
@Suite struct ConfinementTests {
    private func status(_ spec: ContainerSpec) throws -> [String: String] {
        var spec = spec
        spec.process.arguments = ["/bin/cat", "/proc/self/status"]
        let outcome = try run(spec, in: Place())
        #expect(outcome.event.exitCode == 0, "\(outcome.event.testDescription)")
        var fields: [String: String] = [:]
        for line in outcome.output.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        return fields
    }

    private func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test func rootHasExactlyThePlansCapabilities() throws {
        let fields = try status(ContainerSpec(sh: ""))
        let expected = hex(ProcessSpec.defaultCapabilities)
        #expect(fields["CapEff"] == expected)
        #expect(fields["CapPrm"] == expected)
        #expect(fields["CapBnd"] == expected)
        #expect(fields["CapInh"] == hex(0))
        #expect(fields["CapAmb"] == hex(0))
    }

    @Test func anotherUserHasNoCapabilities() throws {
        var spec = ContainerSpec(sh: "")
        spec.process.uid = 1000
        let fields = try status(spec)
        #expect(fields["CapEff"] == hex(0))
        #expect(fields["CapPrm"] == hex(0))
        #expect(fields["CapBnd"] == hex(ProcessSpec.defaultCapabilities))
        #expect(fields["Uid"] == "1000\t1000\t1000\t1000")
    }

    @Test func ambientCapabilitiesSurviveForAnotherUser() throws {
        var spec = ContainerSpec(sh: "")
        spec.process.uid = 1000
        spec.process.ambient = 1 << 10
        spec.process.inheritable = 1 << 10
        let fields = try status(spec)
        #expect(fields["CapEff"] == hex(1 << 10))
        #expect(fields["CapAmb"] == hex(1 << 10))
    }

    @Test func allCapabilitiesThatWeHave() throws {
        var own: UInt64 = 0
        for line in try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n") where line.hasPrefix("CapBnd:")
        {
            own = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) ?? 0
        }
        var spec = ContainerSpec(sh: "")
        spec.process.bounding = own
        spec.process.capabilities = own
        #expect(try status(spec)["CapEff"] == hex(own))
    }

    @Test(arguments: [0, TIMBER_PROCESS_NO_NEW_PRIVILEGES], [UInt32(0), 1000]) func filterIsInstalled(_ flags: UInt32, _ user: UInt32)
        throws
    {
        var spec = ContainerSpec(sh: "")
        spec.process.flags = flags
        spec.process.uid = user
        spec.process.seccomp = Filter.refusing(83)
        let fields = try status(spec)
        #expect(fields["Seccomp"] == "2")
        #expect(fields["Seccomp_filters"] == "1")
        #expect(fields["NoNewPrivs"] == (flags == 0 ? "0" : "1"))
        spec.process.arguments = ["/bin/sh", "-c", "mkdir /tmp/x || echo refused"]
        #expect(try run(spec, in: Place()).output == "refused\n")
    }

    @Test func brokenFilterIsNoContainer() throws {
        var spec = ContainerSpec(sh: "echo ran")
        spec.process.seccomp = [sock_filter(code: 0xffff, jt: 0, jf: 0, k: 0)]
        let outcome = try run(spec, in: Place())
        #expect(outcome.event.type == TIMBER_EVENT_FAILED)
        #expect(outcome.event.value == TIMBER_STAGE_SECCOMP.rawValue)
        #expect(outcome.output.isEmpty)
    }

    @Test func maskedFilesReadAsNothingAndMaskedDirectoriesAreEmpty() throws {
        // Files that every kernel has, and a directory.
        var spec = ContainerSpec(
            sh: "for f in version uptime; do stat -c '%F %t:%T' /proc/$f; cat /proc/$f | wc -c; done; ls -A /sys/kernel | wc -l; "
                + "touch /sys/kernel/x || echo refused; ls -A /proc/tty | wc -l")
        spec.masked = ["/proc/version", "/proc/uptime", "/sys/kernel", "/proc/tty", "/nowhere", "/proc/version/below"]
        let outcome = try run(spec, in: Place())
        #expect(outcome.output == String(repeating: "character special file 1:3\n0\n", count: 2) + "0\nrefused\n0\n", "\(outcome.error)")
    }

    /// CVE-2025-31133: what is bound over a masked path is the container's own /dev/null, checked by descriptor.
    @Test func maskNeedsARealNull() throws {
        let place = try Place()
        var spec = ContainerSpec(sh: "true")
        spec.mounts.removeAll { $0.target.hasPrefix("/dev") }
        spec.devices = []
        spec.links = []
        try place.write("/dev/null", "not a device")
        spec.process.flags = TIMBER_PROCESS_STDIN
        let outcome = try run(spec, in: place)
        #expect(outcome.event.value == TIMBER_STAGE_READONLY.rawValue)
        #expect(outcome.event.failure == (ENODEV, "/dev/null"))
    }

    /// CVE-2026-88265: standard input is never opened through a link.
    @Test func nullInputNeedsARealNull() throws {
        let place = try Place()
        var spec = ContainerSpec(sh: "true")
        spec.mounts.removeAll { $0.target.hasPrefix("/dev") }
        spec.devices = []
        spec.links = []
        spec.masked = []
        try FileManager.default.createSymbolicLink(atPath: place.image + "/dev/null", withDestinationPath: "/etc/file")
        try place.write("/etc/file", "secret")
        let outcome = try run(spec, in: place)
        #expect(outcome.event.type == TIMBER_EVENT_FAILED)
        #expect(outcome.event.failure == (ELOOP, "/dev/null"))
    }

    @Test func readOnlyPathsRefuseWrites() throws {
        let outcome = try run(
            "echo 1 > /proc/sys/net/ipv4/ip_forward || echo refused; echo 1 > /proc/sysrq-trigger || echo refused; touch /sys/x || echo refused"
        )
        #expect(outcome.output == "refused\nrefused\nrefused\n")
    }

    @Test func readOnlyRoot() throws {
        var spec = ContainerSpec(sh: "touch /x || echo refused; touch /dev/shm/x && echo written; pwd")
        spec.flags = TIMBER_PLAN_FLAG_READONLY_ROOT
        spec.process.directory = "/srv/app"
        spec.process.flags = TIMBER_PROCESS_CREATE_CWD
        #expect(try run(spec, in: Place()).output == "refused\nwritten\n/srv/app\n")
    }

    @Test func limitsAreSet() throws {
        var spec = ContainerSpec(sh: "ulimit -n; ulimit -Hn; ulimit -c")
        spec.process.limits = [
            timber_rlimit(resource: 7, reserved: 0, soft: 123, hard: 456), timber_rlimit(resource: 4, reserved: 0, soft: 0, hard: 0),
        ]
        #expect(try run(spec, in: Place()).output == "123\n456\n0\n")
    }

    /// The limit on descriptors must not get into the way of the launch itself.
    @Test func fewDescriptors() throws {
        var spec = ContainerSpec(ProcessSpec(["/bin/echo", "ran"]))
        spec.process.limits = [timber_rlimit(resource: 7, reserved: 0, soft: 3, hard: 3)]
        #expect(try run(spec, in: Place()).output == "ran\n")
    }

    @Test func joinsItsCgroups() throws {
        let groups = try TestCgroups()
        var spec = ContainerSpec(sh: "cat /proc/self/cgroup; readlink /proc/self/ns/cgroup >/dev/null; read x")
        spec.process.flags = TIMBER_PROCESS_STDIN
        spec.tasks = groups.tasks
        spec.cgroup = groups.unified
        let shim = try Shim(Place())
        let stream = try shim.attach()
        try shim.launch(spec)
        let pid = try shim.expect(TIMBER_EVENT_STARTED).value
        #expect(try groups.contain(pid))
        try shim.exec(1, ProcessSpec(["/bin/true"]))
        #expect(try shim.expect(TIMBER_EVENT_EXITED, process: 1).exitCode == 0)
        try stream.write(Array("go\n".utf8))
        // The namespace's root is the container's own group.
        let lines = demultiplex(try stream.readAll()).output.split(separator: "\n")
        #expect(lines.contains { groups.isOurs(String($0)) && $0.hasSuffix(":/") })
        #expect(!lines.contains { $0.contains("timber-shim-test") })
    }

    @Test func oomScoreIsThePlans() throws {
        var spec = ContainerSpec(sh: "cat /proc/self/oom_score_adj; echo -500 > /proc/self/oom_score_adj || echo refused")
        spec.process.flags = TIMBER_PROCESS_OOM_SCORE
        spec.process.oomScore = 321
        #expect(try run(spec, in: Place()).output == "321\nrefused\n")
        spec.process.flags = 0
        let own = try String(contentsOfFile: "/proc/self/oom_score_adj", encoding: .utf8)
        #expect(try run(spec, in: Place()).output == own + "refused\n")
    }

    @Test func signalsAreAsANewProcessHasThem() throws {
        let fields = try status(ContainerSpec(sh: ""))
        #expect(fields["SigBlk"] == hex(0))
        #expect(fields["SigIgn"] == hex(0))
        #expect(fields["SigCgt"] == hex(0))
    }

    /// CVE-2019-5736: the program that enters the container cannot be written through /proc/PID/exe.
    @Test func programCannotBeWrittenFromInside() throws {
        let place = try Place()
        try place.write("/bin/loop", "#!/proc/self/exe\n", mode: 0o755)
        let outcome = try run(ContainerSpec(ProcessSpec(["/bin/loop"])), in: place)
        // The shim ran as the script's interpreter, and found that it is not one.
        #expect(outcome.event.exitCode != 0)
        let shim = try Shim(Place())
        // Its answer shows that it has set itself up.
        try shim.send(TIMBER_REQUEST_STATUS)
        _ = try shim.event()
        var status = statfs()
        let executable = open("/proc/\(shim.pid)/exe", 0o10000000 | O_CLOEXEC)
        defer { close(executable) }
        #expect(fstatfs(executable, &status) == 0)
        #expect(status.f_flags & 1 == 1)
        #expect(open("/proc/\(shim.pid)/exe", O_WRONLY) == -1)
        #expect(timber_errno() == EROFS || timber_errno() == ETXTBSY)
    }

    @Test func nothingOfTheHostIsMounted() throws {
        let place = try Place()
        let outcome = try run(ContainerSpec(sh: "cat /proc/self/mountinfo"), in: place)
        let points = outcome.output.split(separator: "\n").map { $0.split(separator: " ")[4] }
        #expect(Set(points).isDisjoint(with: ["/boot", "/run", "/home", "/mnt"]))
        #expect(points.filter { $0 == "/" }.count == 1)
        #expect(!outcome.output.contains("shared:"))
        #expect(!outcome.output.contains("master:"))
    }
}
