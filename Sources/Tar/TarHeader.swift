internal import Errors
internal import LinuxKernel

/// The fields of one 512-byte block (POSIX.1-1988 ustar, GNU, star, and the pre-POSIX v7 form).
struct TarHeader {
    static let blockSize = 512

    private let block: [UInt8]

    /// Takes a block whose checksum is right.
    /// - Throws: `TimberError.invalidArgument` when it is not a tar header.
    init(_ block: [UInt8]) throws {
        self.block = block
        let expected = try Self.number(block[148..<156], "checksum")
        var unsigned: Int64 = 0
        var signed: Int64 = 0
        for (index, byte) in block.enumerated() {
            // The checksum field itself counts as spaces. Some old programs summed signed characters.
            let value = (148..<156).contains(index) ? 0x20 : byte
            unsigned += Int64(value)
            signed += Int64(Int8(bitPattern: value))
        }
        if expected != unsigned && expected != signed {
            throw TimberError(.invalidArgument, "not a tar header: wrong checksum")
        }
    }

    var type: UInt8 { block[156] }

    var name: [UInt8] {
        let name = Self.text(block[0..<100])
        // Only POSIX has a prefix: in GNU's form other fields lie there. star ends its shorter prefix with a mark.
        guard block[257..<263].elementsEqual(Array("ustar\0".utf8)) else { return name }
        let isStar = block[508..<512].elementsEqual(Array("tar\0".utf8))
        let prefix = Self.text(block[345..<(isStar ? 476 : 500)])
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    var link: [UInt8] { Self.text(block[157..<257]) }

    func mode() throws -> UInt32 { UInt32(truncatingIfNeeded: try Self.number(block[100..<108], "mode")) & 0o7777 }
    func uid() throws -> Int64 { try Self.number(block[108..<116], "uid") }
    func gid() throws -> Int64 { try Self.number(block[116..<124], "gid") }
    func size() throws -> Int64 { try Self.number(block[124..<136], "size") }
    func modified() throws -> Int64 { try Self.number(block[136..<148], "mtime") }

    /// Major and minor number; what a v7 header has there means nothing.
    func device() throws -> (major: UInt32, minor: UInt32) {
        guard block[257..<262].elementsEqual(Array("ustar".utf8)) else {
            throw TimberError(.invalidArgument, "a device in a tar header without device numbers")
        }
        let major = try Self.number(block[329..<337], "device major number")
        let minor = try Self.number(block[337..<345], "device minor number")
        // Linux device numbers have 12 and 20 bits.
        guard (0..<1 << 12).contains(major), (0..<1 << 20).contains(minor) else {
            throw TimberError(.invalidArgument, "device number \(major):\(minor) is out of range")
        }
        return (UInt32(major), UInt32(minor))
    }

    /// A field up to its NUL.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] {
        Array(field.prefix { $0 != 0 })
    }

    /// Octal digits, or GNU's base-256 when the first bit is set.
    private static func number(_ field: ArraySlice<UInt8>, _ what: String) throws -> Int64 {
        if let first = field.first, first & 0x80 != 0 { return try binary(field, what) }
        var value: Int64 = 0
        var ended = false
        for byte in field.drop(while: { $0 == 0x20 || $0 == 0 }) {
            switch byte {
            case 0x30...0x37 where !ended: value = value << 3 | Int64(byte - 0x30)  // at most 12 digits, 36 bits
            case 0x20, 0: ended = true
            default: throw TimberError(.invalidArgument, "not a tar header: the \(what) is not a number")
            }
        }
        return value
    }

    /// Two's complement, big-endian; the first bit is the mark, the second the sign.
    private static func binary(_ field: ArraySlice<UInt8>, _ what: String) throws -> Int64 {
        let inversion: UInt8 = field.first.map { $0 & 0x40 != 0 } == true ? 0xff : 0
        var value: UInt64 = 0
        for (index, byte) in field.enumerated() {
            if value >> 55 != 0 { throw TimberError(.invalidArgument, "the \(what) in a tar header is out of range") }
            value = value << 8 | UInt64((byte ^ inversion) & (index == 0 ? 0x7f : 0xff))
        }
        let magnitude = Int64(value)
        return inversion == 0 ? magnitude : ~magnitude
    }
}
