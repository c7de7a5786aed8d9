import CTimber
import Foundation
import Testing

/// Launches that must not succeed: the stage, the errno and the name that come back.
@Suite struct FailureTests {
    private func failure(_ spec: ContainerSpec, in place: Place? = nil) throws -> (stage: timber_stage, error: Int32, detail: String) {
        let place = try place ?? Place()
        let outcome = try run(spec, in: place)
        #expect(outcome.event.type == TIMBER_EVENT_FAILED, "\(outcome.event.testDescription): \(outcome.output)\(outcome.error)")
        #expect(outcome.pid == nil)
        guard outcome.event.type == TIMBER_EVENT_FAILED else { return (TIMBER_STAGE_NONE, 0, "") }
        let record = try readRecord(place)
        #expect(record.failed_stage == outcome.event.value)
        #expect(record.error == outcome.event.failure.error)
        return (timber_stage(rawValue: outcome.event.value), outcome.event.failure.error, outcome.event.failure.detail)
    }

    private func readRecord(_ place: Place) throws -> timber_exit_record {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: place.bundle + "/exit"))
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: timber_exit_record.self) }
    }

    @Test(arguments: ["nothing-here", "/nothing/here"]) func missingProgram(_ program: String) throws {
        let failed = try failure(ContainerSpec(ProcessSpec([program, "argument"])))
        #expect(failed == (TIMBER_STAGE_EXEC, ENOENT, program))
    }

    @Test func programWithoutPermission() throws {
        let place = try Place()
        try place.write("/bin/tool", "#!/bin/sh\n", mode: 0o644)
        #expect(try failure(ContainerSpec(ProcessSpec(["tool"])), in: place) == (TIMBER_STAGE_EXEC, EACCES, "tool"))
    }

    @Test func directoryAsProgram() throws {
        #expect(try failure(ContainerSpec(ProcessSpec(["/etc"]))) == (TIMBER_STAGE_EXEC, EACCES, "/etc"))
    }

    @Test func programOfAnUnknownFormat() throws {
        let place = try Place()
        try place.write("/bin/tool", "echo not a script", mode: 0o755)
        #expect(try failure(ContainerSpec(ProcessSpec(["tool"])), in: place) == (TIMBER_STAGE_EXEC, ENOEXEC, "tool"))
    }

    @Test func scriptWithAMissingInterpreter() throws {
        let place = try Place()
        try place.write("/bin/tool", "#!/usr/bin/python9\n", mode: 0o755)
        #expect(try failure(ContainerSpec(ProcessSpec(["/bin/tool"])), in: place) == (TIMBER_STAGE_EXEC, ENOENT, "/bin/tool"))
    }

    @Test func failureIsToldWithTheFilterInstalledLast() throws {
        var spec = ContainerSpec(ProcessSpec(["nothing-here"]))
        spec.process.flags = TIMBER_PROCESS_NO_NEW_PRIVILEGES
        spec.process.seccomp = Filter.refusing(83)
        #expect(try failure(spec) == (TIMBER_STAGE_EXEC, ENOENT, "nothing-here"))
    }

    @Test func workingDirectoryThatIsAFile() throws {
        var spec = ContainerSpec(sh: "true")
        spec.process.directory = "/bin/busybox"
        #expect(try failure(spec) == (TIMBER_STAGE_CWD, ENOTDIR, "/bin/busybox"))
        spec.process.flags = TIMBER_PROCESS_CREATE_CWD
        #expect(try failure(spec) == (TIMBER_STAGE_CWD, ENOTDIR, "/bin/busybox"))
    }

    @Test func workingDirectoryThatIsMissing() throws {
        var spec = ContainerSpec(sh: "true")
        spec.process.directory = "/nowhere"
        #expect(try failure(spec) == (TIMBER_STAGE_CWD, ENOENT, "/nowhere"))
    }

    /// CVE-2024-21626.
    @Test(arguments: 0..<24) func workingDirectoryThroughADescriptor(_ number: Int) throws {
        for create in [0, TIMBER_PROCESS_CREATE_CWD] {
            var spec = ContainerSpec(sh: "pwd")
            spec.process.directory = "/proc/self/fd/\(number)"
            spec.process.flags = create
            let failed = try failure(spec)
            #expect(failed.stage == TIMBER_STAGE_CWD)
            #expect([ELOOP, ENOENT, EACCES, ENOTDIR].contains(failed.error), "\(failed)")
        }
    }

    @Test func missingBindSource() throws {
        var spec = ContainerSpec(sh: "true")
        spec.mounts.append(.bind("/nowhere/at/all", "/data"))
        #expect(try failure(spec) == (TIMBER_STAGE_MOUNT, ENOENT, "/data"))
    }

    @Test func missingLayer() throws {
        let place = try Place()
        try FileManager.default.removeItem(atPath: place.image)
        let failed = try failure(ContainerSpec(sh: "true"), in: place)
        #expect(failed.stage == TIMBER_STAGE_ROOT)
        #expect(failed.error == ENOENT)
    }

    /// CVE-2019-19921 and its successors: an image that has a symlink or a file where a mount of ours goes.
    @Test(arguments: ["/proc", "/sys", "/dev"]) func linkInPlaceOfASystemDirectory(_ path: String) throws {
        let place = try Place()
        let canary = place.path + "/canary"
        try place.make(canary)
        try FileManager.default.removeItem(atPath: place.image + path)
        for target in ["/tmp/elsewhere", "/tmp", "../../../../../../.." + canary] {
            try? FileManager.default.removeItem(atPath: place.image + path)
            try FileManager.default.createSymbolicLink(atPath: place.image + path, withDestinationPath: target)
            let failed = try failure(ContainerSpec(sh: "true"), in: place)
            #expect(failed.stage == TIMBER_STAGE_MOUNT)
            #expect(failed.error == ELOOP)
            #expect(failed.detail == path)
            try FileManager.default.removeItem(atPath: place.bundle + "/exit")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: canary).isEmpty)
    }

    @Test func fileInPlaceOfProc() throws {
        let place = try Place()
        try FileManager.default.removeItem(atPath: place.image + "/proc")
        try place.write("/proc", "a file")
        let failed = try failure(ContainerSpec(sh: "true"), in: place)
        #expect(failed == (TIMBER_STAGE_MOUNT, ENOTDIR, "/proc"))
    }

    @Test func linkInPlaceOfADeviceDirectory() throws {
        // /dev/shm is made in our tmpfs, so the image's link is never seen.
        let place = try Place()
        try FileManager.default.createSymbolicLink(atPath: place.image + "/dev/shm", withDestinationPath: "/tmp")
        #expect(try run(ContainerSpec(sh: "stat -f -c %T /dev/shm; readlink /dev/shm"), in: place).output == "tmpfs\n")
    }

    /// CVE-2019-16884: a bind over procfs, by name or through a link of the image.
    @Test(arguments: ["/proc", "/proc/self", "/proc/sys", "/link"]) func bindOverProc(_ target: String) throws {
        let place = try Place()
        try place.make(place.path + "/data")
        try FileManager.default.createSymbolicLink(atPath: place.image + "/link", withDestinationPath: "/proc/sys")
        var spec = ContainerSpec(sh: "true")
        spec.mounts.append(.bind(place.path + "/data", target))
        let failed = try failure(spec, in: place)
        #expect(failed.stage == TIMBER_STAGE_MOUNT)
        #expect([EPERM, ELOOP].contains(failed.error))
        #expect(failed.detail == target)
    }

    @Test func lxcfsMayReplaceItsFiles() throws {
        let place = try Place()
        try Data("replaced\n".utf8).write(to: URL(fileURLWithPath: place.path + "/file"))
        var spec = ContainerSpec(sh: "cat /proc/meminfo")
        spec.mounts.append(.bind(place.path + "/file", "/proc/meminfo", file: true))
        #expect(try run(spec, in: place).output == "replaced\n")
        spec.mounts.removeLast()
        spec.mounts.append(.bind(place.path + "/file", "/proc/version_signature", file: true))
        let other = try Place()
        #expect(try failure(spec, in: other).stage == TIMBER_STAGE_MOUNT)
    }

    @Test func unknownSysctl() throws {
        var spec = ContainerSpec(sh: "true")
        spec.sysctls = [("net/ipv4/no_such_thing", "1")]
        #expect(try failure(spec) == (TIMBER_STAGE_SYSCTL, ENOENT, "net/ipv4/no_such_thing"))
        spec.sysctls = [("../version", "1")]
        #expect(try failure(spec).stage == TIMBER_STAGE_SYSCTL)
    }

    @Test func limitAboveWhatTheHostAllows() throws {
        var spec = ContainerSpec(sh: "true")
        spec.process.limits = [timber_rlimit(resource: 7, reserved: 0, soft: 1 << 40, hard: 1 << 40)]
        let failed = try failure(spec)
        #expect(failed.stage == TIMBER_STAGE_LIMITS)
        #expect(failed.error == EPERM)
    }

    @Test func unmountableFileSystem() throws {
        var spec = ContainerSpec(sh: "true")
        spec.mounts.append(.fileSystem("nosuchfs", "/mnt"))
        #expect(try failure(spec) == (TIMBER_STAGE_MOUNT, ENODEV, "/mnt"))
    }

    @Test func planThatIsNoPlan() throws {
        let place = try Place()
        let shim = try Shim(place)
        try shim.send(TIMBER_REQUEST_LAUNCH, [UInt8](repeating: 0xff, count: 3000))
        let event = try #require(try shim.event())
        #expect(event.type == TIMBER_EVENT_FAILED)
        #expect(event.value == TIMBER_STAGE_PLAN.rawValue)
        #expect(try shim.waitForEnd() == 0)
    }

    /// Every 32-bit word of the plan's header in turn replaced by hostile values: never a crash, always an answer.
    @Test func plansWithHostileSpans() throws {
        let place = try Place()
        let words = MemoryLayout<timber_plan>.size / 4
        for word in 0..<words {
            for value: UInt32 in [0x7fff_ffff, 0xffff_fff0] {
                let shim = try Shim(place)
                try shim.launch(ContainerSpec(ProcessSpec(["/bin/true"]))) { bytes in
                    withUnsafeBytes(of: value) { bytes.replaceSubrange(word * 4..<word * 4 + 4, with: $0) }
                }
                var answered = false
                while let event = try shim.event() {
                    if event.type == TIMBER_EVENT_FAILED || event.type == TIMBER_EVENT_EXITED { answered = true }
                }
                #expect(answered, "word \(word)")
                #expect(try shim.waitForEnd() == 0, "word \(word)")
            }
        }
    }

    /// The name is the host's already, in case it is not refused.
    @Test func namesForTheHost() throws {
        var spec = ContainerSpec(sh: "true")
        spec.cloneFlags &= ~UInt64(CLONE_NEWUTS)
        spec.hostname = try String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8).split(separator: "\n").joined()
        let outcome = try run(spec, in: Place())
        #expect(outcome.event.value == TIMBER_STAGE_HOSTNAME.rawValue)
        #expect(outcome.event.failure.error == EPERM)
    }
}

/// Small seccomp programs.
enum Filter {
    /// Answers EPERM to one system call, by its x86-64 number.
    static func refusing(_ call: UInt32) -> [sock_filter] {
        [
            sock_filter(code: 0x20, jt: 0, jf: 0, k: 0),
            sock_filter(code: 0x15, jt: 0, jf: 1, k: call),
            sock_filter(code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | UInt32(EPERM)),
            sock_filter(code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000),
        ]
    }
}
