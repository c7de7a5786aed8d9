import CTimber
import Foundation
import Testing

/// Frames, connections and streams.
@Suite struct ProtocolTests {
    private func sleeping(_ command: String = "exec sleep 1000", flags: UInt32 = 0) throws -> Shim {
        let shim = try Shim(Place())
        var spec = ContainerSpec(sh: command)
        spec.process.flags = flags
        try shim.launch(spec)
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        return shim
    }

    private func isAlive(_ shim: Shim) throws -> Bool {
        let other = try shim.connect()
        try shim.send(TIMBER_REQUEST_STATUS, on: other)
        return try shim.event(on: other)?.statuses.first?.state == 1
    }

    @Test func statusNamesTheProcess() throws {
        let shim = try Shim(Place())
        try shim.send(TIMBER_REQUEST_STATUS)
        #expect(try shim.event()?.statuses.isEmpty == true)
        try shim.launch(ContainerSpec(sh: "exec sleep 1000"))
        let pid = try shim.expect(TIMBER_EVENT_STARTED).value
        try shim.send(TIMBER_REQUEST_STATUS)
        let status = try #require(try shim.event()?.statuses.first)
        #expect(status.process == 0)
        #expect(status.state == 1)
        #expect(status.pid == Int32(pid))
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        #expect(String(status.start_ticks) == String(fields[19]))
    }

    @Test func statusKeepsWhatEnded() throws {
        let shim = try sleeping()
        try shim.exec(1, ProcessSpec(sh: "exit 9"))
        _ = try shim.expect(TIMBER_EVENT_EXITED, process: 1)
        let other = try shim.connect()
        try shim.send(TIMBER_REQUEST_STATUS, on: other)
        let statuses = try #require(try shim.event(on: other)?.statuses)
        #expect(statuses.contains { $0.process == 1 && $0.state == 2 && $0.status == 9 << 8 })
    }

    /// Each of these closes its connection and nothing else.
    @Test(
        arguments: [
            (99, 0, 0), (0, 0, 0), (TIMBER_REQUEST_LAUNCH, 0, 64), (TIMBER_REQUEST_SIGNAL, 0, 0), (TIMBER_REQUEST_EXEC, 0, 0),
            (TIMBER_REQUEST_STATUS, 0, 8), (TIMBER_REQUEST_RESIZE, 1, 4), (TIMBER_REQUEST_ATTACH, 7, 16), (TIMBER_EVENT_EXITED, 0, 0),
            (TIMBER_REQUEST_HOLD, 0, 8),
        ] as [(UInt32, UInt32, Int)]) func brokenFrames(_ frame: (type: UInt32, value: UInt32, payload: Int)) throws
    {
        let shim = try sleeping()
        let other = try shim.connect()
        try shim.send(frame.type, value: frame.value, [UInt8](repeating: 0x5a, count: frame.payload), on: other)
        #expect(try other.readAll().isEmpty)
        #expect(try isAlive(shim))
    }

    @Test func whatIsHeldLivesAsLongAsTheShim() throws {
        let shim = try sleeping()
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        defer { close(ends[0]) }
        let other = try shim.connect()
        try shim.send(TIMBER_REQUEST_HOLD, descriptors: [ends[1]], on: other)
        close(ends[1])
        #expect(try isAlive(shim))
        // Whoever has the other end is the shim.
        var reading = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&reading, 1, 0) == 0)
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGKILL))
        #expect(poll(&reading, 1, 10_000) == 1 && reading.revents & Int16(POLLHUP) != 0)
    }

    @Test func lengthBeyondTheLimit() throws {
        let shim = try sleeping()
        let other = try shim.connect()
        let frame = timber_frame(length: UInt32(TIMBER_FRAME_MAX) + 1, type: TIMBER_REQUEST_EXEC, process: 1, value: 0)
        try other.write(withUnsafeBytes(of: frame) { Array($0) })
        #expect(try other.readAll().isEmpty)
        #expect(try isAlive(shim))
    }

    @Test func noise() throws {
        let shim = try sleeping()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let other = try shim.connect()
            do { try other.write((0..<Int.random(in: 1...600)).map { _ in UInt8.random(in: 0...255, using: &generator) }) } catch {
                continue
            }
        }
        #expect(try isAlive(shim))
        #expect(try eventually { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(shim.pid)/fd").count < 20 })
    }

    @Test func slowHeaders() throws {
        let shim = try sleeping()
        let other = try shim.connect()
        let frame = timber_frame(length: 0, type: TIMBER_REQUEST_STATUS, process: 0, value: 0)
        for byte in withUnsafeBytes(of: frame, { Array($0) }) {
            try other.write([byte])
            usleep(1_000)
        }
        #expect(try shim.event(on: other)?.type == TIMBER_EVENT_STATUS)
    }

    @Test func tooManyDescriptorsAndUnexpectedOnes() throws {
        let shim = try sleeping()
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(shim.pid)/fd").count
        let some = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(some) }
        for count in [3, 64, 65, 200] {
            let other = try shim.connect()
            try shim.send(TIMBER_REQUEST_SIGNAL, value: 0, descriptors: [Int32](repeating: some, count: count), on: other)
            #expect(try other.readAll().isEmpty)
        }
        #expect(try isAlive(shim))
        #expect(try eventually { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(shim.pid)/fd").count <= descriptors + 1 })
    }

    @Test func attachWithoutADescriptorIsAnswered() throws {
        let shim = try Shim(Place())
        let stream = try shim.connect()
        try shim.send(TIMBER_REQUEST_ATTACH, value: TIMBER_ATTACH_STDOUT, on: stream)
        let answer = try #require(try shim.event(on: stream))
        #expect(answer.type == TIMBER_EVENT_ATTACHED)
        #expect(answer.value == TIMBER_ATTACH_STDOUT)
        try shim.launch(ContainerSpec(sh: "echo out; echo err >&2"))
        let streams = demultiplex(try stream.readAll())
        #expect(streams.output == "out\n")
        #expect(streams.error == "")
    }

    @Test func attachToWhatWillNeverBe() throws {
        let shim = try sleeping()
        try shim.exec(5, ProcessSpec(["/bin/true"]))
        _ = try shim.expect(TIMBER_EVENT_EXITED, process: 5)
        #expect(try shim.attach(5).readAll().isEmpty)
        let other = try shim.connect()
        try shim.send(TIMBER_REQUEST_ATTACH, process: 5, value: TIMBER_ATTACH_STDOUT, on: other)
        #expect(try shim.event(on: other)?.value == 0)
        #expect(try other.readAll().isEmpty)
    }

    @Test func severalClientsSeeTheSame() throws {
        let shim = try Shim(Place())
        let streams = try (0..<5).map { _ in try shim.attach() }
        try shim.launch(ContainerSpec(sh: "seq 1 20000"))
        let expected = (1...20000).map { "\($0)\n" }.joined()
        for stream in streams { #expect(demultiplex(try stream.readAll()).output == expected) }
    }

    @Test func severalClientsWriteAndInputStaysOpenWithoutOnce() throws {
        let shim = try Shim(Place())
        let first = try shim.attach()
        var spec = ContainerSpec(sh: "read a; echo $a; read b; echo $b")
        spec.process.flags = TIMBER_PROCESS_STDIN
        try shim.launch(spec)
        try first.write(Array("one\n".utf8))
        first.endOutput()
        #expect(demultiplex(try first.readExactly(12) ?? []).output == "one\n")
        let second = try shim.attach()
        try second.write(Array("two\n".utf8))
        #expect(demultiplex(try first.readAll()).output == "two\n")
    }

    /// What a client sent before it left altogether still arrives.
    @Test func inputOfAClientThatLeft() throws {
        let place = try Place()
        let shim = try Shim(place)
        var spec = ContainerSpec(sh: "wc -c > /count")
        spec.process.flags = TIMBER_PROCESS_STDIN | TIMBER_PROCESS_STDIN_ONCE
        do {
            let stream = try shim.attach()
            try stream.write([UInt8](repeating: 0x61, count: 100_000))
        }
        try shim.launch(spec)
        _ = try shim.expect(TIMBER_EVENT_EXITED)
        #expect(try place.text("/upper/count") == "100000\n")
    }

    @Test func slowReaderHoldsTheProcessAndLosesNothing() throws {
        let place = try Place()
        let shim = try Shim(place)
        let slow = try shim.attach()
        try shim.launch(ContainerSpec(sh: "seq 1 600000; echo done > /finished"))
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        usleep(500_000)
        #expect(!FileManager.default.fileExists(atPath: place.path + "/upper/finished"))
        // The others are served meanwhile.
        #expect(try isAlive(shim))
        let text = demultiplex(try slow.readAll()).output
        let expected = (1...600000).reduce(0) { $0 + "\($1)".utf8.count + 1 }
        #expect(text.utf8.count == expected)
        #expect(text.hasSuffix("\n599999\n600000\n"))
        #expect(FileManager.default.fileExists(atPath: place.path + "/upper/finished"))
    }

    @Test func readerThatGoesAwayLetsTheProcessGoOn() throws {
        let place = try Place()
        let shim = try Shim(place)
        do {
            let slow = try shim.attach()
            try shim.launch(ContainerSpec(sh: "seq 1 600000; exit 3"))
            _ = try shim.expect(TIMBER_EVENT_STARTED)
            usleep(200_000)
            _ = slow.raw
        }
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 3)
    }

    @Test func processThatNeverReadsHoldsItsClientBack() throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        var spec = ContainerSpec(sh: "exec sleep 1000")
        spec.process.flags = TIMBER_PROCESS_STDIN
        try shim.launch(spec)
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        let chunk = [UInt8](repeating: 0x62, count: 65536)
        var sent = 0
        for _ in 0..<200 {
            let count = chunk.withUnsafeBytes { send(stream.raw, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) }
            if count > 0 { sent += count } else { usleep(2_000) }
        }
        #expect(sent < 2_000_000)
        #expect(try isAlive(shim))
    }

    @Test func endsWhenTimberdGoesWithoutLaunch() throws {
        let shim = try Shim(Place())
        shim.disconnect()
        #expect(try shim.waitForEnd(timeout: 8_000) == 0)
    }

    @Test func endsWhenTimberdGoesBetweenAttachAndLaunch() throws {
        let shim = try Shim(Place())
        do { _ = try shim.attach() }
        shim.disconnect()
        #expect(try shim.waitForEnd(timeout: 8_000) == 0)
    }

    @Test func endsWhenNobodyEverComes() throws {
        let shim = try Shim(Place(), connects: false)
        #expect(try shim.waitForEnd() == 0)
    }

    @Test func staysWhenTimberdGoesAfterLaunch() throws {
        let shim = try sleeping()
        shim.disconnect()
        usleep(50_000)
        #expect(try isAlive(shim))
        try shim.reconnect()
        try shim.send(TIMBER_REQUEST_SIGNAL, value: UInt32(SIGKILL))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).signal == 9)
    }
}
