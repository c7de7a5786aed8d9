import Errors
import Layers
import Tar
import TarBuilder
import Testing

func decompressed(_ bytes: [UInt8], most: Int = .max) throws -> (Compression, [UInt8]) {
    let reader = try DecompressedReader(MemoryReader(bytes, most: most))
    let chunks = ReaderChunks(reader, chunkSize: 4096)
    var result: [UInt8] = []
    while let chunk = try chunks.next() { result.append(contentsOf: chunk) }
    return (reader.compression, result)
}

@Suite struct CompressionTests {
    static let content = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }

    @Test(arguments: [5, 4096, Int.max]) func everyCompressionGivesTheContent(most: Int) throws {
        for (name, bytes) in [
            (Compression.none, Self.content), (.gzip, Compressed.gzip(Self.content)), (.zstd, Compressed.zstd(Self.content)),
            (.gzip, Compressed.gzip(Array(Self.content[..<10])) + Compressed.gzip(Array(Self.content[10...])) + [0, 0, 0]),
            (.zstd, Compressed.zstd(Array(Self.content[..<10])) + Compressed.zstd(Array(Self.content[10...]))),
            (.zstd, Compressed.skippableFrame + Compressed.zstd(Self.content)),
        ] {
            let (compression, result) = try decompressed(bytes, most: most)
            #expect(compression == name)
            #expect(result == Self.content)
        }
    }

    @Test func shortAndEmptyStreams() throws {
        #expect(try decompressed([]).1.isEmpty)
        #expect(try decompressed([1, 2]).1 == [1, 2])
        #expect(try decompressed(Compressed.gzip([])).1.isEmpty)
        #expect(try decompressed(Compressed.zstd([])).1.isEmpty)
    }

    @Test func everyTruncationIsAnError() {
        for bytes in [Compressed.gzip(Array(Self.content[..<300])), Compressed.zstd(Array(Self.content[..<300]))] {
            for end in 4..<bytes.count {
                #expect(throws: TimberError.self, "\(end)") { try decompressed(Array(bytes[..<end])) }
            }
        }
    }

    @Test func damageIsAnError() {
        var sum = Compressed.gzip(Self.content)
        sum[sum.count - 8] ^= 1
        #expect(throws: TimberError.self) { try decompressed(sum) }
        var content = Compressed.gzip(Self.content)
        content[5000] ^= 1
        #expect(throws: TimberError.self) { try decompressed(content) }
        #expect(throws: TimberError.self) { try decompressed(Compressed.gzip(Self.content) + [1, 2, 3]) }
        #expect(throws: TimberError.self) { try decompressed(Compressed.zstd(Self.content) + [1, 2, 3, 4, 5]) }
        var random = SplitMix(state: 7)
        let samples = [Compressed.gzip(Array(Self.content[..<2000])), Compressed.zstd(Array(Self.content[..<2000]))]
        for _ in 0..<1000 {
            guard var bytes = samples.randomElement(using: &random) else { return }
            bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            _ = try? decompressed(bytes)
        }
    }

    @Test(arguments: [([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1], "xz"), ([0x42, 0x5a, 0x68, 0x39, 0x31], "bzip2")] as [([UInt8], String)])
    func knownButUnsupported(bytes: [UInt8], name: String) {
        let error = #expect(throws: TimberError.self) { try decompressed(bytes) }
        #expect(error?.code == .unsupported && error?.message.contains(name) == true)
    }

    @Test func limits() throws {
        let limits = ExtractionLimits(bytes: 1000, entries: 1, ratio: 10, freeBytes: 100)
        try limits.check(produced: 1000, consumed: 100)
        try limits.check(produced: 100, consumed: 1)
        #expect(throws: TimberError.self) { try limits.check(produced: 101, consumed: 10) }
        #expect(throws: TimberError.self) { try limits.check(produced: 1001, consumed: 1000) }
        try limits.check(produced: 1, consumed: .max)
    }
}
