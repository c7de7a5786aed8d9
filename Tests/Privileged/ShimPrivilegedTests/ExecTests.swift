import CTimber
import Foundation
import Testing

/// Further processes in a running container.
@Suite struct ExecTests {
    private func running(_ place: Place) throws -> Shim {
        let shim = try Shim(place)
        try shim.launch(ContainerSpec(sh: "trap 'exit 0' TERM; echo up > /state; while :; do sleep 0.05; done"))
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        // Its trap is set then.
        let state = URL(fileURLWithPath: place.path + "/upper/state")
        #expect(try eventually { (try? Data(contentsOf: state)) == Data("up\n".utf8) })
        return shim
    }

    private func exec(_ shim: Shim, _ number: UInt32, _ spec: ProcessSpec) throws -> (output: String, error: String, event: Event) {
        let stream = try shim.attach(number)
        try shim.exec(number, spec)
        _ = try shim.expect(TIMBER_EVENT_STARTED, process: number)
        let event = try shim.expect(TIMBER_EVENT_EXITED, process: number)
        let bytes = try stream.readAll()
        if spec.flags & TIMBER_PROCESS_TTY != 0 { return (String(decoding: bytes, as: UTF8.self), "", event) }
        let streams = demultiplex(bytes)
        return (streams.output, streams.error, event)
    }

    @Test func runsInsideTheContainer() throws {
        let shim = try running(Place())
        let result = try exec(shim, 1, ProcessSpec(sh: "cat /state; hostname; echo oops >&2; exit 5"))
        #expect(result.output == "up\nprobe\n")
        #expect(result.error == "oops\n")
        #expect(result.event.exitCode == 5)
    }

    @Test func sharesEveryNamespaceWithTheFirst() throws {
        let shim = try running(Place())
        let command =
            "for n in pid mnt net ipc uts cgroup; do test $(readlink /proc/self/ns/$n) = $(readlink /proc/1/ns/$n) && echo same; done; ls /proc/self/fd | wc -l"
        #expect(try exec(shim, 1, ProcessSpec(sh: command)).output == String(repeating: "same\n", count: 6) + "4\n")
    }

    @Test func isConfinedLikeThePlanSays() throws {
        let shim = try running(Place())
        var spec = ProcessSpec(["/bin/grep", "-E", "^(Cap|Seccomp:|NoNew|Uid|Gid|Groups)", "/proc/self/status"])
        spec.uid = 12
        spec.gid = 34
        spec.groups = [56]
        spec.seccomp = Filter.refusing(83)
        spec.flags = TIMBER_PROCESS_NO_NEW_PRIVILEGES
        let output = try exec(shim, 1, spec).output
        #expect(output.contains("CapEff:\t0000000000000000"))
        #expect(output.contains("CapInh:\t0000000000000000"))
        #expect(output.contains("Uid:\t12\t12\t12\t12"))
        #expect(output.contains("Groups:\t56"))
        #expect(output.contains("Seccomp:\t2"))
        #expect(output.contains("NoNewPrivs:\t1"))
    }

    /// The kernel refuses a process without CAP_SYS_ADMIN a descriptor in a message while more are under way as its user than it may have
    /// open itself: any container of root's could keep all others from an exec.
    @Test func doesNotDependOnDescriptorsUnderWay() throws {
        let shim = try running(Place())
        var pair: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &pair) == 0)
        defer { for end in pair { close(end) } }
        for _ in 0..<64 { try #require(sendOne(pair[0])) }
        var spec = ProcessSpec(sh: "ulimit -n; exit 3")
        spec.limits = [timber_rlimit(resource: 7, reserved: 0, soft: 32, hard: 32)]
        let result = try exec(shim, 1, spec)
        #expect(result.output == "32\n")
        #expect(result.event.exitCode == 3)
        // Nothing is left that would hold the container's end up.
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGKILL))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).signal == Int(SIGKILL))
    }

    /// Whichever of its processes there is when the signal comes: it ends, and none of them is left to hold the container's end up.
    @Test func isKilledWhileItStarts() throws {
        let shim = try running(Place())
        for number in UInt32(1)...100 {
            try shim.exec(number, ProcessSpec(sh: "exec sleep 1000"))
            usleep(number % 50 * 40)
            try shim.send(TIMBER_REQUEST_SIGNAL, process: number, value: UInt32(SIGKILL))
        }
        var ended: Set<UInt32> = []
        while ended.count < 100 {
            let event = try #require(try shim.event())
            if [TIMBER_EVENT_EXITED, TIMBER_EVENT_FAILED].contains(event.type) { ended.insert(event.process) }
        }
        #expect(ended == Set(1...100))
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGKILL))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).signal == Int(SIGKILL))
    }

    /// Sends a descriptor to nobody.
    private func sendOne(_ socket: Int32) -> Bool {
        var byte: UInt8 = 0
        return withUnsafeMutablePointer(to: &byte) { byte in
            var vector = iovec(iov_base: byte, iov_len: 1)
            return withUnsafeMutablePointer(to: &vector) { vector in
                withUnsafeTemporaryAllocation(byteCount: timber_cmsg_space(4), alignment: 8) { control in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    guard let header = timber_cmsg_first(&message) else { return false }
                    header.pointee.cmsg_level = SOL_SOCKET
                    header.pointee.cmsg_type = Int32(SCM_RIGHTS)
                    header.pointee.cmsg_len = timber_cmsg_len(4)
                    UnsafeMutableRawPointer(timber_cmsg_data(header)).storeBytes(of: socket, as: Int32.self)
                    return sendmsg(socket, &message, 0) == 1
                }
            }
        }
    }

    @Test func hasATerminalOfTheContainer() throws {
        let shim = try running(Place())
        var spec = ProcessSpec(sh: "tty; stty size")
        spec.flags = TIMBER_PROCESS_TTY
        spec.rows = 12
        spec.columns = 34
        #expect(try exec(shim, 1, spec).output == "/dev/pts/0\r\n12 34\r\n")
    }

    @Test func takesInput() throws {
        let shim = try running(Place())
        let stream = try shim.attach(7)
        var spec = ProcessSpec(sh: "cat; echo end")
        spec.flags = TIMBER_PROCESS_STDIN | TIMBER_PROCESS_STDIN_ONCE
        try shim.exec(7, spec)
        try stream.write(Array("typed\n".utf8))
        stream.endOutput()
        #expect(demultiplex(try stream.readAll()).output == "typed\nend\n")
    }

    @Test func tellsWhyItFailed() throws {
        let shim = try running(Place())
        let stream = try shim.attach(1)
        try shim.exec(1, ProcessSpec(["nothing-here"]))
        let event = try #require(try shim.event())
        #expect(event.type == TIMBER_EVENT_FAILED)
        #expect(event.process == 1)
        #expect(event.value == TIMBER_STAGE_EXEC.rawValue)
        #expect(event.failure == (ENOENT, "nothing-here"))
        #expect(try stream.readAll().isEmpty)
        // The container goes on.
        #expect(try exec(shim, 2, ProcessSpec(["/bin/true"])).event.exitCode == 0)
    }

    @Test func workingDirectoryThroughADescriptor() throws {
        let shim = try running(Place())
        for number in 0..<24 {
            var spec = ProcessSpec(["/bin/pwd"])
            spec.directory = "/proc/self/fd/\(number)"
            try shim.exec(UInt32(number) + 1, spec)
            let event = try #require(try shim.event())
            #expect(event.type == TIMBER_EVENT_FAILED)
            #expect(event.value == TIMBER_STAGE_CWD.rawValue)
        }
    }

    @Test func endsThoughSomethingHoldsItsStreams() throws {
        let shim = try running(Place())
        let result = try exec(shim, 1, ProcessSpec(sh: "echo before; sleep 1000 & exit 4"))
        #expect(result.output == "before\n")
        #expect(result.event.exitCode == 4)
    }

    @Test func doesNotWriteTheContainersLog() throws {
        let place = try Place()
        let shim = try running(place)
        _ = try exec(shim, 1, ProcessSpec(["/bin/echo", "not for the log"]))
        #expect(try place.text("/log/log").isEmpty)
    }

    @Test func endsWithTheContainer() throws {
        let shim = try running(Place())
        try shim.exec(1, ProcessSpec(["/bin/sleep", "1000"]))
        _ = try shim.expect(TIMBER_EVENT_STARTED, process: 1)
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGTERM))
        #expect(try shim.expect(TIMBER_EVENT_EXITED, process: 1).signal == 9)
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 0)
        #expect(try shim.waitForEnd() == 0)
    }

    @Test func beforeLaunchAndAfterTheEnd() throws {
        let early = try Shim(Place())
        try early.exec(1, ProcessSpec(["/bin/true"]))
        let event = try #require(try early.event())
        #expect(event.type == TIMBER_EVENT_FAILED)
        #expect(event.failure.error == ESRCH)
    }

    /// GHSA-style leaks: what a thousand execs leave behind.
    @Test func manyLeaveNothingBehind() throws {
        let shim = try running(Place())
        func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(shim.pid)/fd").count }
        func resident() throws -> Int {
            for line in try String(contentsOfFile: "/proc/\(shim.pid)/status", encoding: .utf8).split(separator: "\n")
            where line.hasPrefix("VmRSS:") {
                return Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
            }
            return 0
        }
        for number in 1...20 { _ = try exec(shim, UInt32(number), ProcessSpec(["/bin/echo", "x"])) }
        usleep(50_000)
        let before = (try descriptors(), try resident())
        for number in 21...400 { _ = try exec(shim, UInt32(number), ProcessSpec(["/bin/echo", "x"])) }
        // The last stream is closed a moment after its end is seen.
        #expect(try eventually { try descriptors() <= before.0 })
        #expect(try resident() <= before.1 + 64, "KiB")
    }

    /// CVE-2016-9962: even with CAP_SYS_PTRACE the container finds nothing of the host's among the descriptors of an exec.
    @Test func descriptorsOfAnExecLeadNowhere() throws {
        let place = try Place()
        let shim = try Shim(place)
        var spec = ContainerSpec(
            sh: "echo up > /state; while :; do for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null >> /seen; done; done")
        spec.process.bounding |= 1 << 19
        spec.process.capabilities |= 1 << 19
        try shim.launch(spec)
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        #expect(try eventually { (try? place.text("/upper/seen"))?.isEmpty == false })
        for number in 1...60 { _ = try exec(shim, UInt32(number), ProcessSpec(["/bin/true"])) }
        let seen = try place.text("/upper/seen")
        #expect(!seen.contains("timber-shim-test"))
        #expect(!seen.contains("/log"))
        #expect(!seen.contains("eventpoll"))
    }

    /// Every 32-bit word of the request's header in turn replaced: never a crash, always an answer.
    @Test func requestsWithHostileSpans() throws {
        let shim = try running(Place())
        var number: UInt32 = 0
        for word in 0..<MemoryLayout<timber_exec>.size / 4 {
            for value: UInt32 in [0x7fff_ffff, 0xffff_fff0] {
                number += 1
                var payload = encodeExec(ProcessSpec(["/bin/true"]))
                withUnsafeBytes(of: value) { payload.replaceSubrange(word * 4..<word * 4 + 4, with: $0) }
                try shim.send(TIMBER_REQUEST_EXEC, process: number, payload)
                var answer = try #require(try shim.event())
                if answer.type == TIMBER_EVENT_STARTED { answer = try #require(try shim.event()) }
                #expect([TIMBER_EVENT_FAILED, TIMBER_EVENT_EXITED].contains(answer.type), "word \(word)")
            }
        }
        #expect(try exec(shim, number + 1, ProcessSpec(["/bin/true"])).event.exitCode == 0)
    }

    @Test func numbersInUseAreRefused() throws {
        let shim = try running(Place())
        #expect(try exec(shim, 3, ProcessSpec(["/bin/true"])).event.exitCode == 0)
        // Dead: refused, and the connection goes on.
        try shim.send(TIMBER_REQUEST_EXEC, process: 3, encodeExec(ProcessSpec(["/bin/true"])))
        let answer = try #require(try shim.event())
        #expect((answer.type, answer.process, answer.value) == (TIMBER_EVENT_FAILED, 3, TIMBER_STAGE_PLAN.rawValue))
        // Alive: no timberd does that.
        try shim.send(TIMBER_REQUEST_EXEC, process: 4, encodeExec(ProcessSpec(["/bin/sleep", "60"])))
        #expect(try shim.event()?.type == TIMBER_EVENT_STARTED)
        let other = try shim.connect()
        try shim.send(TIMBER_REQUEST_EXEC, process: 4, encodeExec(ProcessSpec(["/bin/true"])), on: other)
        #expect(try other.readAll().isEmpty)
        #expect(try exec(shim, 5, ProcessSpec(["/bin/true"])).event.exitCode == 0)
    }

    /// The shim remembers the latest that ended, and tells up to which number the others are used up.
    @Test func forgottenNumbersAreDead() throws {
        let shim = try running(Place())
        for number: UInt32 in 1...260 { #expect(try exec(shim, number, ProcessSpec(["/bin/true"])).event.exitCode == 0) }
        try shim.send(TIMBER_REQUEST_STATUS)
        let status = try #require(try shim.event())
        #expect((status.type, status.value) == (TIMBER_EVENT_STATUS, 4))
        try shim.send(TIMBER_REQUEST_EXEC, process: 2, encodeExec(ProcessSpec(["/bin/true"])))
        #expect(try shim.event()?.type == TIMBER_EVENT_FAILED)
        #expect(try exec(shim, 261, ProcessSpec(["/bin/true"])).event.exitCode == 0)
    }
}
