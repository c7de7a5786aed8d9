import CTimber
import Foundation
import Testing

/// The CRI log.
@Suite struct LogTests {
    private struct Line {
        let time: String
        let stream: String
        let tag: String
        let text: String
    }

    private func parse(_ text: String) throws -> [Line] {
        // By bytes: to Swift, a carriage return and a newline are one character.
        try text.utf8.split(separator: 10, omittingEmptySubsequences: false).dropLast().map { line in
            let parts = line.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            try #require(parts.count == 4)
            return Line(time: parts[0], stream: parts[1], tag: parts[2], text: parts[3])
        }
    }

    @Test func linesOfBothStreams() throws {
        let place = try Place()
        _ = try run(ContainerSpec(sh: "echo one; echo; echo two >&2; printf three"), in: place)
        let lines = try parse(try place.text("/log/log"))
        let output = lines.filter { $0.stream == "stdout" }
        #expect(output.map(\.text) == ["one", "", "three"])
        #expect(lines.filter { $0.stream == "stderr" }.map(\.text) == ["two"])
        // The last output has no newline.
        #expect(lines.filter { $0.tag != "F" }.map(\.text) == ["three"])
        let format = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z/
        #expect(lines.allSatisfy { $0.time.wholeMatch(of: format) != nil })
        #expect(lines.map(\.time) == lines.map(\.time).sorted())
        let parser = ISO8601DateFormatter()
        let first = try #require(lines.first)
        let seconds = try #require(parser.date(from: first.time.prefix(19) + "Z"))
        #expect(abs(seconds.timeIntervalSinceNow) < 60)
    }

    @Test(arguments: [16383, 16384, 16385, 32768, 50000]) func longLinesComeInParts(_ length: Int) throws {
        let place = try Place()
        _ = try run(ContainerSpec(sh: "head -c \(length) /dev/zero | tr '\\0' x; echo; echo next"), in: place)
        let lines = try parse(try place.text("/log/log"))
        let parts = lines.dropLast()
        #expect(parts.map(\.text).joined() == String(repeating: "x", count: length))
        #expect(parts.dropLast().allSatisfy { $0.tag == "P" && $0.text.count == 16384 })
        #expect(parts.last?.tag == "F")
        #expect(parts.count == (length + 16383) / 16384)
        #expect(lines.last?.text == "next")
    }

    @Test func aLineWrittenInPiecesIsOneLine() throws {
        let place = try Place()
        _ = try run(ContainerSpec(sh: "for i in 1 2 3 4 5; do printf $i; sleep 0.02; done; echo"), in: place)
        #expect(try parse(try place.text("/log/log")).map(\.text) == ["12345"])
    }

    @Test func bytesAreKept() throws {
        let place = try Place()
        _ = try run(ContainerSpec(sh: "printf '\\377\\000\\001 x\\r\\n'"), in: place)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: place.path + "/log/log"))
        #expect(Array(bytes.dropFirst(30 + 10)) == [0xff, 0, 1, 0x20, 0x78, 0x0d, 0x0a])
    }

    @Test func rotatesBySizeAndCount() throws {
        let place = try Place()
        var spec = ContainerSpec(sh: "seq 1 2000")
        spec.logMaxBytes = 10_000
        spec.logMaxFiles = 4
        _ = try run(spec, in: place)
        let names = try FileManager.default.contentsOfDirectory(atPath: place.log).sorted()
        #expect(names == ["log", "log.1", "log.2", "log.3"])
        var numbers: [Int] = []
        for name in ["log.3", "log.2", "log.1", "log"] {
            let text = try place.text("/log/" + name)
            #expect(text.utf8.count <= 10_000)
            numbers += try parse(text).compactMap { Int($0.text) }
        }
        #expect(numbers.last == 2000)
        #expect(numbers == Array((2001 - numbers.count)...2000))
        #expect(numbers.count > 600)
    }

    @Test func oneFileIsStartedAnew() throws {
        let place = try Place()
        var spec = ContainerSpec(sh: "seq 1 2000")
        spec.logMaxBytes = 10_000
        _ = try run(spec, in: place)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.log) == ["log"])
        #expect(try parse(try place.text("/log/log")).last?.text == "2000")
    }

    @Test func goesOnAfterARestartAndATornRecord() throws {
        let place = try Place()
        try Data("2026-01-01T00:00:00.000000000Z stdout F torn".utf8).write(to: URL(fileURLWithPath: place.log + "/log"))
        _ = try run(ContainerSpec(sh: "echo again"), in: place)
        #expect(try parse(try place.text("/log/log")).map(\.text) == ["torn", "again"])
    }

    @Test func hasTheTerminalsOutput() throws {
        let place = try Place()
        var spec = ContainerSpec(sh: "echo one; echo two >&2")
        spec.process.flags = TIMBER_PROCESS_TTY
        _ = try run(spec, in: place)
        let lines = try parse(try place.text("/log/log"))
        #expect(lines.map(\.text) == ["one\r", "two\r"])
        #expect(lines.allSatisfy { $0.stream == "stdout" })
    }

    @Test func goesOnWhenNobodyIsConnected() throws {
        let place = try Place()
        let shim = try Shim(place)
        try shim.launch(ContainerSpec(sh: "while test ! -e /go; do sleep 0.01; done; echo alone; exit 3"))
        _ = try shim.expect(TIMBER_EVENT_STARTED)
        shim.disconnect()
        try Data().write(to: URL(fileURLWithPath: place.path + "/upper/.ready"))
        usleep(50_000)
        let other = try shim.connect()
        try shim.send(TIMBER_REQUEST_STATUS, on: other)
        let event = try #require(try shim.event(on: other))
        #expect(event.statuses.first?.state == 1)
        try shim.send(TIMBER_REQUEST_EXEC, process: 1, encodeExec(ProcessSpec(["/bin/touch", "/go"])), on: other)
        #expect(try shim.waitForEnd() == 0)
        #expect(try parse(try place.text("/log/log")).map(\.text) == ["alone"])
        #expect(try shim.exitRecord().exit.status == 3 << 8)
    }
}
