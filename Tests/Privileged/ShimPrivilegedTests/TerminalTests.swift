import CTimber
import Foundation
import Testing

/// Containers with a terminal.
@Suite struct TerminalTests {
    private func spec(_ command: String) -> ContainerSpec {
        var spec = ContainerSpec(sh: command)
        spec.process.flags = TIMBER_PROCESS_TTY | TIMBER_PROCESS_STDIN
        return spec
    }

    @Test func terminalIsTheContainersOwn() throws {
        let outcome = try run(
            spec("tty; stat -c %F /dev/console; test -t 0 && test -t 1 && test -t 2 && echo all; ls -1 /dev/pts; echo x > /dev/tty"),
            in: Place())
        #expect(outcome.output == "/dev/pts/0\r\ncharacter special file\r\nall\r\n0\r\nptmx\r\nx\r\n")
        #expect(outcome.event.exitCode == 0)
    }

    @Test func firstSizeAndResize() throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        var spec = spec("stty size; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.01; done")
        spec.process.rows = 33
        spec.process.columns = 99
        try shim.launch(spec)
        #expect(String(decoding: try stream.readExactly(14) ?? [], as: UTF8.self) == "33 99\r\nready\r\n")
        try shim.send(TIMBER_REQUEST_RESIZE, value: 40 << 16 | 120)
        #expect(String(decoding: try stream.readAll(), as: UTF8.self) == "40 120\r\n")
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 3)
    }

    @Test func inputGoesThroughTheLineDiscipline() throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        try shim.launch(spec("read line; echo got $line"))
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        try stream.write(Array("hello\r".utf8))
        #expect(String(decoding: try stream.readAll(), as: UTF8.self) == "hello\r\ngot hello\r\n")
    }

    @Test func interruptCharacterSignals() throws {
        let shim = try Shim(Place())
        let stream = try shim.attach()
        try shim.launch(spec("trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.01; done"))
        _ = try stream.readExactly(7)
        try stream.write([3])
        #expect(String(decoding: try stream.readAll(), as: UTF8.self).hasSuffix("caught\r\n"))
        #expect(try shim.expect(TIMBER_EVENT_EXITED).exitCode == 9)
    }

    @Test func terminalBelongsToTheUser() throws {
        var spec = spec("stat -c %u /dev/pts/0; echo x > $(tty)")
        spec.process.uid = 1000
        #expect(try run(spec, in: Place()).output == "1000\r\nx\r\n")
    }

    /// CVE-2025-52565, CVE-2026-88264: an image without our /dev cannot lead the console elsewhere.
    @Test(arguments: ["/proc/sysrq-trigger", "/etc/target", "/nowhere"]) func consoleThatIsALink(_ target: String) throws {
        let place = try Place()
        var spec = spec("true")
        spec.mounts.removeAll { $0.target == "/dev" || $0.target == "/dev/mqueue" || $0.target == "/dev/shm" }
        spec.links = []
        try place.make(place.image + "/dev/pts")
        try place.write("/etc/target", "")
        try FileManager.default.createSymbolicLink(atPath: place.image + "/dev/console", withDestinationPath: target)
        let outcome = try run(spec, in: place)
        #expect(outcome.event.type == TIMBER_EVENT_FAILED)
        #expect(outcome.event.value == TIMBER_STAGE_TERMINAL.rawValue)
        #expect(outcome.event.failure == (ELOOP, "/dev/console"))
    }

    @Test func terminalNeedsARealDevpts() throws {
        var spec = spec("true")
        spec.mounts.removeAll { $0.target == "/dev/pts" }
        let outcome = try run(spec, in: Place())
        #expect(outcome.event.value == TIMBER_STAGE_TERMINAL.rawValue)
    }

    @Test func muchOutputIsComplete() throws {
        let outcome = try run(spec("seq 1 50000; echo end"), in: Place())
        #expect(outcome.output == (1...50000).map { "\($0)\r\n" }.joined() + "end\r\n")
    }
}
