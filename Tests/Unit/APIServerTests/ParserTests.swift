import NIOCore
import Testing

@testable import APIServer

@Suite("Request parser")
struct ParserTests {
    private static let requests =
        "\r\nGET /a?b=c HTTP/1.1\r\nHost: d\r\nX-Y:  z \r\n\r\n"
        + "POST /x HTTP/1.1\r\nhost:d\r\nContent-Length: 5\r\nConnection: keep-alive, Upgrade\r\nUPGRADE: tcp\r\n\r\nhello"
        + "POST /y HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n\r\n3;ext=1\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
        + "GET http://proxy/z HTTP/1.0\r\n\r\n"

    /// What a parser makes of bytes that come in pieces of one size.
    private func parse(_ text: String, piece: Int) throws -> (heads: [RequestHead], bodies: [String], left: String) {
        var parser = RequestParser()
        var buffer = ByteBuffer()
        var heads: [RequestHead] = []
        var bodies: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            buffer.writeBytes(bytes[start..<min(start + piece, bytes.count)])
            while let event = try parser.next(&buffer) {
                switch event {
                case .head(let head):
                    heads.append(head)
                    bodies.append("")
                case .body(let body): bodies[bodies.count - 1] += String(buffer: body)
                case .end: if heads.count == 4 { return (heads, bodies, String(buffer: buffer)) }
                }
            }
        }
        return (heads, bodies, String(buffer: buffer))
    }

    @Test(arguments: [1, 2, 3, 5, 7, 16, 64, 10_000])
    func readsRequestsHoweverTheyAreCut(piece: Int) throws {
        let (heads, bodies, _) = try parse(Self.requests, piece: piece)
        #expect(heads.map(\.method) == ["GET", "POST", "POST", "GET"])
        #expect(heads.map(\.target) == ["/a?b=c", "/x", "/y", "/z"])
        #expect(bodies == ["", "hello", "abc0123456789", ""])
        #expect(heads[0]["x-y"] == "z")
        #expect(heads.map(\.wantsUpgrade) == [false, true, false, false])
        #expect(heads.map(\.keepsAlive) == [true, true, true, false])
        #expect(heads.map(\.framing) == [.none, .length(5), .chunked, .none])
    }

    @Test func leavesAloneWhatFollowsTheRequest() throws {
        let (_, _, left) = try parse(Self.requests + "raw \u{0} bytes", piece: 10_000)
        #expect(left == "raw \u{0} bytes")
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: d\r\nBad Name: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: d\r\n: x\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: d\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: d\r\nA: b\u{0}c\r\n\r\n", "GET / HTTP/1.1\r\nHost: d\r\nA: b\rc\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: d\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : d\r\n\r\n", "GET / HTTP/1.12\r\nHost: d\r\n\r\n", "GET / HTTP/1.1 \r\nHost: d\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: +1\r\n\r\n", "POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 1, 1\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n1" + String(repeating: " ", count: 300),
        "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "a: b\r\n", count: 20_000),
    ])
    func refusesWhatIsAmbiguousOrMalformed(text: String) {
        for piece in [1, 4_096] {
            #expect(throws: ProtocolError.self) { try parse(text, piece: piece) }
        }
    }

    /// No input makes it trap; a seed that does is a test case.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func survivesMutations(seed: UInt64) {
        var random = SplitMix(state: seed)
        let original = Array(Self.requests.utf8)
        for _ in 0..<3_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
                default: bytes = Array(bytes[..<index])
                }
                if bytes.isEmpty { bytes = [0] }
            }
            var parser = RequestParser()
            var buffer = ByteBuffer(bytes: bytes)
            do throws(ProtocolError) {
                while try parser.next(&buffer) != nil {}
            } catch {
                #expect((400...599).contains(error.status))
            }
        }
    }
}

/// A random generator whose sequence is the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Detach keys")
struct DetachKeysTests {
    @Test func readsDockersNotation() throws {
        #expect(try DetachKeys.parse("ctrl-p,ctrl-q") == [16, 17])
        #expect(try DetachKeys.parse("a,DEL,ctrl-@,ctrl-[,ctrl-\\,ctrl-_,CTRL-a") == [97, 127, 0, 27, 28, 31, 1])
        for wrong in ["", "ctrl-", "ctrl-pp", "ab", "a,,b", "ctrl-1", "é"] {
            #expect(throws: (any Error).self) { try DetachKeys.parse(wrong) }
        }
    }

    /// The same as looking for the keys in all bytes at once.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func findsTheKeysHoweverTheyAreTyped(seed: UInt64) {
        var random = SplitMix(state: seed)
        let keys: [UInt8] = [[1, 1, 2], [1, 2, 1, 1], [1]].randomElement(using: &random) ?? [1]
        let typed = (0..<40).map { _ in UInt8.random(in: 1...2, using: &random) }
        var scanner = DetachScanner(keys: keys)
        var passed: [UInt8] = []
        var detachedAt: Int?
        for (index, byte) in typed.enumerated() {
            let result = scanner.scan([byte])
            passed += result.passed
            if result.detached {
                detachedAt = index
                break
            }
        }
        let first = (0...(typed.count - keys.count)).first { Array(typed[$0..<$0 + keys.count]) == keys }
        #expect(detachedAt == first.map { $0 + keys.count - 1 })
        if let first {
            #expect(passed == Array(typed[..<first]))
        } else {
            #expect(typed.starts(with: passed))
            #expect(typed.count - passed.count < keys.count)
        }
    }
}
