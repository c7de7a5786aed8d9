import DockerAPI
import Testing

@Suite("Multiplexed stream")
struct StreamFrameTests {
    @Test func framesAsDockerDoes() {
        #expect(StreamFrame.frame(.stderr, Array("ab".utf8)) == [2, 0, 0, 0, 0, 0, 0, 2, 0x61, 0x62])
        #expect(StreamFrame.header(.stdout, length: 0x0102_0304) == [1, 0, 0, 0, 1, 2, 3, 4])
    }

    @Test(arguments: 1...12)
    func isTakenApartHoweverItIsCut(size: Int) throws {
        let stream =
            StreamFrame.frame(.stdout, Array("hello".utf8)) + StreamFrame.frame(.stderr, [])
            + StreamFrame.frame(.stderr, Array("oops".utf8))
        var demultiplexer = StreamDemultiplexer()
        var out = [UInt8]()
        var error = [UInt8]()
        for start in Swift.stride(from: 0, to: stream.count, by: size) {
            let piece = Array(stream[start..<min(start + size, stream.count)])
            try piece.withUnsafeBytes { bytes in
                try demultiplexer.consume(bytes) { stream, bytes in
                    if stream == .stdout { out.append(contentsOf: bytes) } else { error.append(contentsOf: bytes) }
                }
            }
        }
        #expect(out == Array("hello".utf8))
        #expect(error == Array("oops".utf8))
        #expect(demultiplexer.isBetweenFrames)
    }

    @Test(arguments: [[9, 0, 0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0, 1], Array("HTTP/1.1".utf8)] as [[UInt8]])
    func wrongHeadersAreRefused(bytes: [UInt8]) {
        var demultiplexer = StreamDemultiplexer()
        #expect(throws: StreamDemultiplexer.Failure.invalidHeader(bytes)) {
            try bytes.withUnsafeBytes { try demultiplexer.consume($0) { _, _ in } }
        }
    }
}
