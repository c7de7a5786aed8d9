import Errors
import Layers
import LinuxKernel
import Tar
import TarBuilder
import Testing

/// Reads all members with their contents.
func members(_ bytes: [UInt8], most: Int = .max) throws -> [(entry: TarEntry, content: [UInt8])] {
    let reader = TarReader(ReaderChunks(MemoryReader(bytes, most: most)))
    var result: [(TarEntry, [UInt8])] = []
    while let entry = try reader.next() {
        var content: [UInt8] = []
        try reader.readBody { content.append(contentsOf: $0) }
        result.append((entry, content))
    }
    try reader.drain()
    return result
}

/// The message of the error that reading gives.
func failure(_ bytes: [UInt8]) -> TimberError? {
    do {
        _ = try members(bytes)
        return nil
    } catch {
        return error as? TimberError
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite struct TarReaderTests {
    /// Every kind of member that the reader knows.
    static var everything: TarBuilder {
        var tar = TarBuilder()
        tar.directory("etc/", mode: 0o1777, uid: 7, gid: 8, mtime: 1_600_000_000)
        tar.file("etc/passwd", String(repeating: "x", count: 1000), mode: 0o4755, uid: 1000, gid: 100, mtime: 1_500_000_000)
        tar.file("etc/empty")
        tar.symbolicLink("etc/link", to: "../target")
        tar.hardLink("etc/hard", to: "etc/passwd")
        tar.node("dev/null", type: "3", major: 1, minor: 3, mode: 0o666)
        tar.node("dev/sda", type: "4", major: 8, minor: 0)
        tar.node("run/fifo", type: "6")
        return tar
    }

    @Test(arguments: [1, 7, 511, 512, 513, 100_000]) func fieldsAndContents(chunk: Int) throws {
        let all = try members(Self.everything.archive, most: chunk)
        #expect(
            all.map { text($0.entry.name) } == [
                "etc/", "etc/passwd", "etc/empty", "etc/link", "etc/hard", "dev/null", "dev/sda", "run/fifo",
            ])
        #expect(all.map(\.entry.kind) == [.directory, .file, .file, .symbolicLink, .hardLink, .characterDevice, .blockDevice, .fifo])
        let passwd = all[1]
        #expect(passwd.entry.mode == 0o4755 && passwd.entry.uid == 1000 && passwd.entry.gid == 100)
        #expect(passwd.entry.modified == FileTime(seconds: 1_500_000_000))
        #expect(passwd.content == [UInt8](repeating: 0x78, count: 1000))
        #expect(text(all[3].entry.link) == "../target" && text(all[4].entry.link) == "etc/passwd")
        #expect(all[5].entry.major == 1 && all[5].entry.minor == 3 && all[6].entry.major == 8)
    }

    @Test func prefixAndOldHeaders() throws {
        var tar = TarBuilder()
        var header = TarBuilder.Header("file")
        header.prefix = Array("some/where".utf8)
        tar.add(header)
        // GNU has other fields where POSIX has the prefix.
        header.magic = Array("ustar  \u{0}".utf8)
        tar.add(header)
        var old = TarBuilder.Header("olddir/", type: "\u{0}")
        old.magic = [UInt8](repeating: 0, count: 8)
        tar.add(old)
        let all = try members(tar.archive)
        #expect(all.map { text($0.entry.name) } == ["some/where/file", "file", "olddir/"])
        #expect(all[2].entry.kind == .directory)
    }

    @Test func longNames() throws {
        let name = Array(("d/" + String(repeating: "n", count: 300)).utf8)
        let target = [UInt8](repeating: 0xff, count: 200)
        var tar = TarBuilder()
        tar.gnuLong("L", name)
        tar.gnuLong("K", target)
        tar.symbolicLink("short", to: "short")
        tar.pax([("path", name), ("linkpath", target)])
        tar.symbolicLink("short", to: "short")
        tar.file("plain")
        let all = try members(tar.archive)
        #expect(all[0].entry.name == name && all[0].entry.link == target)
        #expect(all[1].entry.name == name && all[1].entry.link == target)
        #expect(text(all[2].entry.name) == "plain")
    }

    @Test func paxOverridesNumbersAndCarriesAttributes() throws {
        var tar = TarBuilder()
        tar.pax([
            ("uid", Array("4000000000".utf8)), ("gid", Array("3000000".utf8)), ("mtime", Array("1234.5678901239".utf8)),
            ("SCHILY.xattr.user.x", [0, 1, 0xff, 0x0a]), ("SCHILY.xattr.security.capability", []), ("comment", Array("hi".utf8)),
        ])
        tar.file("a")
        tar.pax([("mtime", Array("-1.25".utf8))])
        tar.file("b")
        tar.pax([("path", Array("ignored".utf8))], type: "g")
        tar.file("c")
        let all = try members(tar.archive).map(\.entry)
        #expect(all[0].uid == 4_000_000_000 && all[0].gid == 3_000_000)
        #expect(all[0].modified == FileTime(seconds: 1234, nanoseconds: 567_890_123))
        #expect(all[0].attributes.map(\.value) == [[0, 1, 0xff, 0x0a], []])
        #expect(all[1].modified == FileTime(seconds: -2, nanoseconds: 750_000_000) && all[1].attributes.isEmpty)
        #expect(text(all[2].name) == "c")
    }

    /// The last record of a name counts; a header of nothing but attributes is no file's.
    @Test func attributesAreLimited() throws {
        func archive(_ names: [Int]) -> [UInt8] {
            var tar = TarBuilder()
            tar.pax(names.map { ("SCHILY.xattr.user.\($0)", [UInt8(truncatingIfNeeded: $0)]) } + [("SCHILY.xattr.user.0", [42])])
            tar.file("a")
            return tar.archive
        }
        let attributes = try #require(try members(archive(Array(0..<1_000) + Array(0..<1_000))).first?.entry.attributes)
        #expect(attributes.count == 1_000 && Set(attributes.map(\.name)).count == 1_000 && attributes.first?.value == [42])
        #expect(failure(archive(Array(0..<1_001)))?.message.contains("more than 1000 extended attributes") == true)
    }

    @Test func sizesFromPaxAndBase256() throws {
        var tar = TarBuilder()
        tar.pax([("size", Array("3".utf8))])
        var header = TarBuilder.Header("pax")
        header.rawSize = Array("00000000000\u{0}".utf8)
        tar.add(header, content: Array("abc".utf8))
        header.name = Array("binary".utf8)
        header.rawSize = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]
        tar.add(header, content: Array("hello".utf8))
        #expect(try members(tar.archive).map { text($0.content) } == ["abc", "hello"])
    }

    /// A directory or link has no content, whatever its size field says.
    @Test func sizesOfWhatHasNoContentAreIgnored() throws {
        var tar = TarBuilder()
        for type in ["1", "2", "5"] as [Character] {
            var header = TarBuilder.Header("x", type: type)
            header.link = Array("y".utf8)
            header.size = 4096
            tar.add(header)
        }
        tar.file("last")
        #expect(try members(tar.archive).count == 4)
    }

    @Test func missingEndAndPaddingAreAccepted() throws {
        var tar = TarBuilder()
        tar.file("first", "1")
        tar.add(TarBuilder.Header("last"), content: Array("unpadded".utf8), pad: false)
        #expect(try members(tar.bytes).map { text($0.content) } == ["1", "unpadded"])
        var one = TarBuilder()
        one.file("x")
        #expect(try members(one.bytes + [UInt8](repeating: 0, count: 512)).count == 1)
        #expect(try members([]).isEmpty)
        // What follows the end is somebody else's.
        #expect(try members(one.archive + [1, 2, 3]).count == 1)
    }

    @Test func everyTruncationIsAnErrorOrAShorterArchive() throws {
        let bytes = Self.everything.bytes
        let whole = try members(bytes).map(\.entry)
        for end in 0..<bytes.count {
            do {
                let part = try members(Array(bytes[..<end])).map(\.entry)
                #expect(part == Array(whole.prefix(part.count)))
            } catch let error as TimberError {
                #expect(error.message.hasPrefix("truncated tar archive: it ends at byte"), "\(error)")
            }
        }
    }

    @Test func malformedHeaders() {
        var wrongSum = TarBuilder.block(TarBuilder.Header("x"))
        wrongSum[0] ^= 1
        #expect(failure(wrongSum)?.message.contains("checksum") == true)
        #expect(failure([UInt8](repeating: 0x20, count: 1024))?.code == .invalidArgument)
        var lone = TarBuilder()
        lone.file("x")
        #expect(failure(lone.bytes + [UInt8](repeating: 0, count: 512) + lone.bytes)?.message.contains("end block") == true)
    }

    @Test(arguments: [
        [UInt8](repeating: 0xff, count: 12),  // -1
        [0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
        [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],  // Int64.max, then nothing
        [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],  // 2^64
        [0xbf] + [UInt8](repeating: 0xff, count: 11),
        Array("99999999999\u{0}".utf8),
        Array("77777777777\u{0}".utf8),
    ]) func impossibleSizes(raw: [UInt8]) {
        var tar = TarBuilder()
        var header = TarBuilder.Header("x")
        header.rawSize = raw
        tar.add(header)
        #expect(failure(tar.archive)?.code == .invalidArgument)
    }

    @Test(arguments: [
        "0 path=x\n", "5 pat", "13 path=xyz\n", "99999999 path=x\n", "999999999999999999999999 path=x\n", "path=x\n", "9 path=x\n\n",
        "6 =xyz\n", "8 novalue\n", "11 path=a\u{0}b\n", "9 size=-1\n", "10 size=0x3\n", "28 size=99999999999999999999\n",
        "20 mtime=1e999999999\n", "12 mtime=1.x\n", "15 uid=-12345\n", "18 uid=4294967295\n", "17 uid=9999999999\n",
        "18 SCHILY.xattr.=x\n", "21 SCHILY.xattr.a\u{0}b=x\n", "\u{0}\u{0}\u{0}",
    ]) func malformedPax(record: String) {
        var tar = TarBuilder()
        tar.add(TarBuilder.Header("pax", type: "x"), content: Array(record.utf8))
        tar.file("x")
        #expect(failure(tar.archive)?.code == .invalidArgument, "\(record)")
    }

    /// A header may announce a gigabyte; nothing of that size is allocated.
    @Test(arguments: ["x", "g", "L", "K"] as [Character]) func hugeExtensionHeaders(type: Character) {
        var tar = TarBuilder()
        var header = TarBuilder.Header("x", type: type)
        header.size = 1 << 30
        tar.add(header)
        #expect(failure(tar.archive)?.message.contains("more than the limit") == true)
    }

    @Test func whatCannotBeRepresentedIsRefusedByName() {
        var sparse = TarBuilder()
        sparse.add(TarBuilder.Header("disk.img", type: "S"))
        #expect(failure(sparse.archive)?.code == .unsupported)
        #expect(failure(sparse.archive)?.message.contains("\"disk.img\" is a sparse file") == true)
        var pax = TarBuilder()
        pax.pax([("GNU.sparse.major", Array("1".utf8))])
        pax.file("x")
        #expect(failure(pax.archive)?.code == .unsupported)
        var unknown = TarBuilder()
        unknown.add(TarBuilder.Header("odd", type: "Z"))
        #expect(failure(unknown.archive)?.message.contains("\"odd\" has the unknown type \"Z\"") == true)
        var device = TarBuilder()
        device.node("d", type: "3", major: 0o7777, minor: 0o7777777)
        #expect(failure(device.archive) == nil || failure(device.archive)?.code == .invalidArgument)
    }

    @Test func anExtensionHeaderNeedsAMember() {
        var tar = TarBuilder()
        tar.pax([("path", Array("x".utf8))])
        #expect(failure(tar.archive)?.message.contains("after an extension header") == true)
    }

    /// Damage anywhere may give other members or an error, never a trap.
    @Test func damagedBytesNeverTrap() {
        var tar = Self.everything
        tar.pax([("path", Array("long".utf8)), ("SCHILY.xattr.user.a", [1, 2, 3]), ("mtime", Array("1.5".utf8))])
        tar.file("short", "content")
        tar.gnuLong("L", Array("gnu".utf8))
        tar.file("short2", "content")
        let bytes = tar.archive
        var random = SplitMix(state: 42)
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0..<Int(random.next() % 4 + 1) {
                let block = Int(random.next() % UInt64(bytes.count / 512)) * 512
                let index = block + Int(random.next() % 512)
                damaged[index] = UInt8(truncatingIfNeeded: random.next())
                Self.repairChecksum(&damaged, block)
            }
            _ = try? members(damaged)
        }
    }

    /// Makes a damaged header one that is read.
    private static func repairChecksum(_ bytes: inout [UInt8], _ block: Int) {
        for index in 148..<156 { bytes[block + index] = 0x20 }
        let sum = bytes[block..<block + 512].reduce(0) { $0 + Int($1) }
        let digits = Array(String(sum, radix: 8).utf8)
        for (index, digit) in digits.enumerated() { bytes[block + 148 + index] = digit }
    }
}

/// A small random generator with a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
