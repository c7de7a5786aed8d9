/// Compressed streams written by hand, so that no tool and no library under test is needed.
public enum Compressed {
    /// gzip with stored blocks.
    public static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(block.count)
            result.append(rest.isEmpty ? 1 : 0)
            result += little(UInt32(block.count), 2) + little(~UInt32(block.count), 2) + block
        } while !rest.isEmpty
        return result + little(crc32(bytes), 4) + little(UInt32(truncatingIfNeeded: bytes.count), 4)
    }

    /// Zstandard with raw blocks and without a content size or checksum.
    public static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        var result = zstdHeader
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(100_000)
            rest = rest.dropFirst(block.count)
            result += little(UInt32(block.count) << 3 | (rest.isEmpty ? 1 : 0), 3) + block
        } while !rest.isEmpty
        return result
    }

    /// Zstandard that stands for bytes and then `zeros` zero bytes: four bytes for each 128 KiB.
    public static func zstdBomb(_ bytes: [UInt8], zeros: Int) -> [UInt8] {
        var result = zstdHeader + little(UInt32(bytes.count) << 3, 3) + bytes
        let size = 128 << 10
        for index in 0..<max(1, zeros / size) {
            let isLast = index >= zeros / size - 1
            result += little(UInt32(size) << 3 | 1 << 1 | (isLast ? 1 : 0), 3) + [0]
        }
        return result
    }

    /// gzip that stands for `zeros` zero bytes, 13 bits for each 258 of them; without its end.
    public static func gzipBomb(zeros: Int) -> [UInt8] {
        var bits: [UInt8] = []
        // A last block with fixed codes, a literal 0, and matches of length 258 at distance 1.
        bits += [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
        for _ in 0..<zeros / 258 { bits += [1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0] }
        var bytes: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        for start in stride(from: 0, to: bits.count - 7, by: 8) {
            bytes.append(bits[start..<start + 8].reversed().reduce(0) { $0 << 1 | $1 })
        }
        return bytes
    }

    /// A frame that a reader passes over.
    public static let skippableFrame: [UInt8] = [0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]

    /// Magic, no single segment, a window of 128 KiB.
    private static let zstdHeader: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38]

    private static func little(_ number: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = ~0
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
