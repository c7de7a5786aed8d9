/// Builds tar archives byte by byte, well-formed or hostile. Independent of the code under test.
public struct TarBuilder {
    /// The archive so far, without end blocks.
    public private(set) var bytes: [UInt8] = []

    /// Makes an empty archive.
    public init() {}

    /// The archive with its two end blocks.
    public var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// Fields of a raw header, as octal numbers unless given as bytes.
    public struct Header {
        /// At most 100 bytes.
        public var name: [UInt8]
        /// The type flag.
        public var type: Character = "0"
        /// Link target, at most 100 bytes.
        public var link: [UInt8] = []
        /// Permission bits.
        public var mode = 0o644
        /// Owner.
        public var uid = 0
        /// Group.
        public var gid = 0
        /// The size field.
        public var size = 0
        /// The size field's twelve bytes, instead of `size`.
        public var rawSize: [UInt8]?
        /// Seconds since 1970.
        public var mtime = 1_700_000_000
        /// Major device number.
        public var major = 0
        /// Minor device number.
        public var minor = 0
        /// Magic and version, eight bytes.
        public var magic = Array("ustar\u{0}00".utf8)
        /// The prefix field, at most 155 bytes.
        public var prefix: [UInt8] = []

        /// Makes a header.
        public init(_ name: String, type: Character = "0") {
            self.name = Array(name.utf8)
            self.type = type
        }
    }

    /// Adds a member.
    /// - Parameter content: padded to whole blocks; `header.size` is set to its length unless it was set before.
    @discardableResult
    public mutating func add(_ header: Header, content: [UInt8] = [], pad: Bool = true) -> Self {
        var header = header
        if header.size == 0 { header.size = content.count }
        bytes += Self.block(header) + content
        if pad { bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512) }
        return self
    }

    /// Adds raw bytes.
    public mutating func add(raw: [UInt8]) {
        bytes += raw
    }

    /// Adds a regular file.
    public mutating func file(
        _ name: String, _ content: String = "", mode: Int = 0o644, uid: Int = 0, gid: Int = 0, mtime: Int = 1_700_000_000
    ) {
        var header = Header(name)
        (header.mode, header.uid, header.gid, header.mtime) = (mode, uid, gid, mtime)
        add(header, content: Array(content.utf8))
    }

    /// Adds a regular file of bytes.
    public mutating func file(_ name: String, bytes: [UInt8]) {
        add(Header(name), content: bytes)
    }

    /// Adds a directory.
    public mutating func directory(_ name: String, mode: Int = 0o755, uid: Int = 0, gid: Int = 0, mtime: Int = 1_700_000_000) {
        var header = Header(name, type: "5")
        (header.mode, header.uid, header.gid, header.mtime) = (mode, uid, gid, mtime)
        add(header)
    }

    /// Adds a symbolic link.
    public mutating func symbolicLink(_ name: String, to target: String) {
        var header = Header(name, type: "2")
        header.link = Array(target.utf8)
        header.mode = 0o777
        add(header)
    }

    /// Adds a hard link.
    public mutating func hardLink(_ name: String, to target: String) {
        var header = Header(name, type: "1")
        header.link = Array(target.utf8)
        add(header)
    }

    /// Adds a character device, block device or pipe.
    public mutating func node(_ name: String, type: Character, major: Int = 0, minor: Int = 0, mode: Int = 0o600) {
        var header = Header(name, type: type)
        (header.major, header.minor, header.mode) = (major, minor, mode)
        add(header)
    }

    /// Adds a pax extended header for the next member.
    public mutating func pax(_ records: [(String, [UInt8])], type: Character = "x") {
        add(Header("pax", type: type), content: records.flatMap { Self.record($0.0, $0.1) })
    }

    /// One pax record: its length counts itself.
    public static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [0x0a]
        var length = body.count
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }

    /// Adds a GNU long name (`L`) or long link (`K`) for the next member.
    public mutating func gnuLong(_ type: Character, _ name: [UInt8]) {
        add(Header("././@LongLink", type: type), content: name + [0])
    }

    /// A 512-byte header with its checksum.
    public static func block(_ header: Header) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: [UInt8], at offset: Int, _ length: Int) {
            for (index, byte) in bytes.prefix(length).enumerated() { block[offset + index] = byte }
        }
        func octal(_ number: Int, _ digits: Int) -> [UInt8] {
            let text = String(number, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
        }
        put(header.name, at: 0, 100)
        put(octal(header.mode, 7), at: 100, 8)
        put(octal(header.uid, 7), at: 108, 8)
        put(octal(header.gid, 7), at: 116, 8)
        put(header.rawSize ?? octal(header.size, 11), at: 124, 12)
        put(octal(header.mtime, 11), at: 136, 12)
        put([UInt8](repeating: 0x20, count: 8), at: 148, 8)
        block[156] = header.type.asciiValue ?? 0
        put(header.link, at: 157, 100)
        put(header.magic, at: 257, 8)
        put(octal(header.major, 7), at: 329, 8)
        put(octal(header.minor, 7), at: 337, 8)
        put(header.prefix, at: 345, 155)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6) + [0, 0x20], at: 148, 8)
        return block
    }
}
