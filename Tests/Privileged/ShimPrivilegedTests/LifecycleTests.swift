import CTimber
import Foundation
import Testing

/// Ends: the exit record, the shim's own death, what is left on the host, and --init.
@Suite struct LifecycleTests {
    private func isAlive(_ pid: UInt32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !text.contains(") Z ")
    }

    private func waitForDeath(_ pid: UInt32) throws -> Bool {
        try eventually { !isAlive(pid) }
    }

    @Test func exitRecordSaysWhatTheEventSays() throws {
        let place = try Place()
        let before = Date().timeIntervalSince1970
        let outcome = try run(ContainerSpec(sh: "exit 42"), in: place)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: place.bundle + "/exit"))
        #expect(bytes.count == MemoryLayout<timber_exit_record>.size)
        let record = bytes.withUnsafeBytes { $0.loadUnaligned(as: timber_exit_record.self) }
        #expect(record.magic == TIMBER_EXIT_RECORD_MAGIC)
        #expect(record.version == 1)
        #expect(record.exit.status == 42 << 8)
        #expect(record.failed_stage == 0)
        #expect(Double(record.exit.seconds) + Double(record.exit.nanoseconds) / 1e9 >= before)
        let told = outcome.event.payload.withUnsafeBytes { $0.loadUnaligned(as: timber_exit.self) }
        #expect(told.seconds == record.exit.seconds)
        #expect(told.nanoseconds == record.exit.nanoseconds)
        #expect(told.status == record.exit.status)
        #expect(!FileManager.default.fileExists(atPath: place.bundle + "/exit.tmp"))
    }

    @Test func killedShimTakesItsContainerAlong() throws {
        let shim = try Shim(Place())
        try shim.launch(ContainerSpec(sh: "sleep 1000 & sleep 1000"))
        let pid = try shim.expect(TIMBER_EVENT_STARTED).value
        try shim.exec(1, ProcessSpec(["/bin/sleep", "1000"]))
        let second = try shim.expect(TIMBER_EVENT_STARTED, process: 1).value
        kill(shim.pid, SIGKILL)
        #expect(try waitForDeath(pid))
        #expect(try waitForDeath(second))
        #expect(!FileManager.default.fileExists(atPath: shim.place.bundle + "/exit"))
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func onlyKillEndsAShim(_ signal: Int32) throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        try shim.launch(ContainerSpec(sh: "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"))
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        #expect(demultiplex(try stream.readExactly(14) ?? []).output == "ready\n")
        kill(shim.pid, signal)
        usleep(20_000)
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGTERM))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 5)
    }

    /// At whatever moment of the launch the shim dies, nothing goes on without it.
    @Test func shimKilledDuringTheLaunchLeavesNoProcess() throws {
        // Kept to the end: a child that is still dying writes to its place.
        var shims: [Shim] = []
        for _ in 0..<60 {
            let shim = try Shim(Place(applets: false))
            try shim.launch(ContainerSpec(ProcessSpec(["/bin/busybox", "sh", "-c", "sleep 1000 # \(shim.id)"])))
            usleep(UInt32.random(in: 0...6_000))
            kill(shim.pid, SIGKILL)
            shims.append(shim)
        }
        func survivors() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { entry in
                guard let pid = Int32(entry), let line = try? String(contentsOfFile: "/proc/\(entry)/cmdline", encoding: .utf8) else {
                    return nil
                }
                return shims.contains { $0.pid != pid && line.contains($0.id) } ? line : nil
            }
        }
        _ = try eventually { try survivors().isEmpty }
        #expect(try survivors() == [])
    }

    /// A program that changes its user loses PR_SET_PDEATHSIG; with a pid namespace of the shim's own the kernel still ends it.
    @Test func killedShimWithItsOwnPidNamespaceTakesEverythingAlong() throws {
        let place = try Place()
        try place.write("/etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
        let shim = try Shim(place, ownPidNamespace: true)
        let stream = try shim.attach()
        try shim.launch(ContainerSpec(sh: "exec su -s /bin/sh user -c 'echo ready; sleep 1000; true'"))
        let pid = try shim.expect(TIMBER_EVENT_STARTED).value
        #expect(demultiplex(try stream.readExactly(14) ?? []).output == "ready\n")
        // The pid that was told is the host's.
        #expect(try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8).contains("Uid:\t1000"))
        try shim.send(TIMBER_REQUEST_STATUS)
        #expect(try shim.event()?.statuses.first?.start_ticks ?? 0 > 0)
        // unshare(1) was told to take its child, the shim, along.
        kill(shim.pid, SIGKILL)
        #expect(try waitForDeath(pid))
    }

    @Test func launchesLeaveNothingOnTheHost() throws {
        func mountCount() throws -> Int { try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n").count }
        let mounts = try mountCount()
        for _ in 0..<200 {
            let place = try Place(applets: false)
            let outcome = try run(ContainerSpec(ProcessSpec(["/bin/busybox", "true"])), in: place)
            #expect(outcome.event.exitCode == 0, "\(outcome.event.testDescription)")
            let pid = try #require(outcome.pid)
            #expect(!isAlive(pid))
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.path + "/rootfs").isEmpty)
            let left = try FileManager.default.contentsOfDirectory(atPath: place.bundle).sorted()
            #expect(left == ["exit", "shim.sock"])
        }
        // Other suites mount for a moment, too.
        #expect(try eventually { try mountCount() <= mounts + 2 })
        #expect(try !String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).contains("overlay /tmp/timber-shim-test"))
    }

    @Test func backgroundProcessesEndWithTheFirst() throws {
        let outcome = try run("(while :; do sleep 0.01; done) & sleep 1000 & echo started")
        #expect(outcome.event.exitCode == 0)
        #expect(outcome.output == "started\n")
    }

    @Test func lastOutputIsNotLost() throws {
        for _ in 0..<20 { #expect(try run("echo last").output == "last\n") }
    }

    // MARK: --init

    private func initSpec(_ command: String) -> ContainerSpec {
        var spec = ContainerSpec(sh: command)
        spec.process.flags = TIMBER_PROCESS_INIT
        return spec
    }

    @Test func initRunsTheProgramAsItsChild() throws {
        let outcome = try run(initSpec("echo $$; cat /proc/1/comm; ls /proc/1/fd 2>/dev/null | wc -l; exit 11"), in: Place())
        #expect(outcome.output == "2\ntimber-init\n0\n")
        #expect(outcome.event.exitCode == 11)
    }

    /// execve takes capabilities from another user's program; the supervisor executes nothing.
    @Test func initOfAnotherUserHasNoCapabilities() throws {
        var spec = initSpec("grep -E '^Cap(Prm|Eff|Amb)' /proc/1/status | tr -s '\\t' ' '; grep CapEff /proc/self/status")
        spec.process.uid = 1000
        spec.process.ambient = 1 << 10
        spec.process.inheritable = 1 << 10
        let zero = String(repeating: "0", count: 16)
        let own = String(repeating: "0", count: 13) + "400"
        #expect(try run(spec, in: Place()).output == "CapPrm: \(zero)\nCapEff: \(zero)\nCapAmb: \(zero)\nCapEff:\t\(own)\n")
    }

    @Test func initSaysWhichSignalEndedItsChild() throws {
        #expect(try run(initSpec("kill -9 $$"), in: Place()).event.exitCode == 137)
    }

    @Test func initForwardsSignals() throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        // The default action of SIGTERM ends a process that is not PID 1.
        try shim.launch(initSpec("echo ready; exec sleep 1000"))
        _ = try stream.read(100)
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGTERM))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 143)
    }

    @Test func initReapsOrphans() throws {
        let outcome = try run(
            initSpec(
                """
                for i in 1 2 3 4 5 6 7 8; do (sh -c 'sleep 0.05 &' &); done
                tries=0
                while test $tries -lt 300; do
                    now=$(ps -o stat,comm); tries=$((tries + 1))
                    echo "$now" | grep -qE '^Z|sleep' || test $(echo "$now" | grep -c ' sh$') -gt 1 || break
                    sleep 0.1
                done
                ps -o stat | grep -c Z
                """), in: Place())
        #expect(outcome.output == "0\n")
    }

    @Test func initIsConfinedAndToldFailuresOf() throws {
        var spec = initSpec("grep -E '^(Seccomp:|CapEff)' /proc/1/status")
        spec.process.seccomp = Filter.refusing(83)
        #expect(try run(spec, in: Place()).output.contains("Seccomp:\t2"))
        spec.process.arguments = ["nothing-here"]
        let outcome = try run(spec, in: Place())
        #expect(outcome.event.type == TIMBER_EVENT_FAILED)
        #expect(outcome.event.failure == (ENOENT, "nothing-here"))
    }

    @Test func initWithATerminalKeepsJobControl() throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        var spec = initSpec("trap 'echo caught; exit 8' INT; echo ready; while :; do sleep 0.01; done")
        spec.process.flags |= TIMBER_PROCESS_TTY | TIMBER_PROCESS_STDIN
        try shim.launch(spec)
        _ = try stream.readExactly(7)
        try stream.write([3])
        #expect(String(decoding: try stream.readAll(), as: UTF8.self).hasSuffix("caught\r\n"))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 8)
    }
}
