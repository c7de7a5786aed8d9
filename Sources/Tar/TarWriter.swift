internal import Errors
public import LinuxKernel

/// Where bytes go.
public protocol ByteSink: AnyObject {
    /// Takes all of the bytes.
    /// - Throws: when they cannot be written.
    func write(_ bytes: UnsafeRawBufferPointer) throws
}

/// Writes to a descriptor: a file, a pipe, a socket. The process must ignore SIGPIPE.
public final class DescriptorSink: ByteSink {
    private let descriptor: SharedDescriptor

    /// Makes a sink.
    public init(_ descriptor: SharedDescriptor) {
        self.descriptor = descriptor
    }

    /// write(2) until everything is written.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        try Transfer.writeFully(descriptor.raw, bytes)
    }
}

/// Writes a tar archive: ustar, with a pax header for what ustar cannot say (long names, large numbers, extended attributes).
///
/// Members are written one after the other: `begin`, its content by `write`, the next `begin`, and `end` at last.
public final class TarWriter {
    private let sink: any ByteSink
    private var contentLeft: Int64 = 0
    private var padding = 0
    private let limit: Int64
    private var room: Int64

    /// Makes a writer.
    /// - Parameter limit: bytes of headers and content at the most; a member that exceeds it is refused before its content.
    public init(_ sink: any ByteSink, limit: Int64 = .max) {
        self.sink = sink
        self.limit = limit
        room = limit
    }

    /// Writes a member's header.
    /// - Parameter entry: for a file, `size` bytes of content must follow.
    /// - Throws: what the sink throws; `TimberError.invalidArgument` beyond the limit, `.internal` when content of the member before is
    ///   missing.
    public func begin(_ entry: TarEntry) throws {
        try finishMember()
        let records = Self.records(entry)
        room -= Int64(TarHeader.blockSize + records.count)
        let size = entry.kind == .file ? entry.size : 0
        if size > room {
            throw TimberError(
                .invalidArgument, "the archive exceeds the limit of \(limit) bytes with \"\(entry.shownName)\" (\(size) bytes)")
        }
        room -= size
        if !records.isEmpty {
            var header = TarEntry(name: Array("././@PaxHeader".utf8), kind: .file, mode: 0o644)
            header.size = Int64(records.count)
            try write(header: header, type: UInt8(ascii: "x"))
            try put(records)
            try finishMember()
        }
        try write(header: entry, type: Self.type(entry.kind))
    }

    /// Writes a part of the current member's content.
    /// - Throws: what the sink throws; `TimberError.internal` for more than its header says.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        if bytes.isEmpty { return }
        if Int64(bytes.count) > contentLeft {
            throw TimberError(.internal, "a member of the tar archive became longer while it was written")
        }
        try sink.write(bytes)
        contentLeft -= Int64(bytes.count)
    }

    /// Writes a whole small file.
    /// - Throws: what the sink throws.
    public func file(_ name: String, _ content: [UInt8], mode: UInt32 = 0o644, modified: FileTime = FileTime(seconds: 0)) throws {
        var entry = TarEntry(name: Array(name.utf8), kind: .file, mode: mode)
        entry.size = Int64(content.count)
        entry.modified = modified
        try begin(entry)
        try put(content)
    }

    /// Writes the end blocks.
    /// - Throws: what the sink throws; `TimberError.internal` when content of the last member is missing.
    public func end() throws {
        try finishMember()
        try sinkWrite([UInt8](repeating: 0, count: 2 * TarHeader.blockSize))
    }

    private func finishMember() throws {
        if contentLeft > 0 { throw TimberError(.internal, "a member of the tar archive became shorter while it was written") }
        if padding > 0 { try sinkWrite([UInt8](repeating: 0, count: padding)) }
        padding = 0
    }

    private func put(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    private func sinkWrite(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try sink.write($0) }
    }

    // MARK: Headers

    private func write(header entry: TarEntry, type: UInt8) throws {
        contentLeft = entry.kind == .file ? entry.size : 0
        padding = Int((512 - contentLeft & 511) & 511)
        var block = [UInt8](repeating: 0, count: TarHeader.blockSize)
        let (prefix, name) = Self.split(entry.name) ?? ([], entry.name.suffix(100))
        Self.put(Array(name), in: &block, at: 0, 100)
        Self.put(octal: UInt64(entry.mode), in: &block, at: 100, 7)
        // What does not fit is in the pax header; here it is 0.
        Self.put(octal: UInt64(entry.uid), in: &block, at: 108, 7)
        Self.put(octal: UInt64(entry.gid), in: &block, at: 116, 7)
        Self.put(octal: UInt64(contentLeft), in: &block, at: 124, 11)
        Self.put(octal: UInt64(max(0, entry.modified.seconds)), in: &block, at: 136, 11)
        block[156] = type
        Self.put(Array(entry.link.prefix(100)), in: &block, at: 157, 100)
        Self.put(Array("ustar\u{0}00".utf8), in: &block, at: 257, 8)
        Self.put(octal: UInt64(entry.major), in: &block, at: 329, 7)
        Self.put(octal: UInt64(entry.minor), in: &block, at: 337, 7)
        Self.put(prefix, in: &block, at: 345, 155)
        Self.put([UInt8](repeating: 0x20, count: 8), in: &block, at: 148, 8)
        Self.put(octal: block.reduce(0) { $0 + UInt64($1) }, in: &block, at: 148, 6)
        block[154] = 0
        try sinkWrite(block)
    }

    /// Divides a name at a slash so that both parts fit into ustar's fields.
    private static func split(_ name: [UInt8]) -> (prefix: [UInt8], name: ArraySlice<UInt8>)? {
        if name.count <= 100 { return ([], name[...]) }
        // The leftmost slash that leaves at most 100 bytes to its right; the last byte may be a directory's own slash.
        for (index, byte) in name.dropLast().enumerated() where byte == UInt8(ascii: "/") && name.count - index - 1 <= 100 {
            return (1...155).contains(index) ? (Array(name[..<index]), name[(index + 1)...]) : nil
        }
        return nil
    }

    /// The records of the pax header; empty when ustar says everything.
    private static func records(_ entry: TarEntry) -> [UInt8] {
        var records: [UInt8] = []
        if split(entry.name) == nil { records += record(Array("path".utf8), entry.name) }
        if entry.link.count > 100 { records += record(Array("linkpath".utf8), entry.link) }
        if entry.size >= 1 << 33 { records += record(Array("size".utf8), Array(String(entry.size).utf8)) }
        if entry.uid >= 1 << 21 { records += record(Array("uid".utf8), Array(String(entry.uid).utf8)) }
        if entry.gid >= 1 << 21 { records += record(Array("gid".utf8), Array(String(entry.gid).utf8)) }
        if entry.modified.seconds < 0 || entry.modified.seconds >= 1 << 33 {
            records += record(Array("mtime".utf8), Array(String(entry.modified.seconds).utf8))
        }
        for attribute in entry.attributes {
            records += record(Array("SCHILY.xattr.".utf8) + attribute.name, attribute.value)
        }
        return records
    }

    /// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
    private static func record(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let body = [UInt8(ascii: " ")] + key + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }

    private static func type(_ kind: TarEntry.Kind) -> UInt8 {
        switch kind {
        case .file: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .characterDevice: UInt8(ascii: "3")
        case .blockDevice: UInt8(ascii: "4")
        case .directory: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        }
    }

    private static func put(_ bytes: [UInt8], in block: inout [UInt8], at offset: Int, _ length: Int) {
        for (index, byte) in bytes.prefix(length).enumerated() { block[offset + index] = byte }
    }

    /// Zero-padded digits; 0 when there are too few.
    private static func put(octal number: UInt64, in block: inout [UInt8], at offset: Int, _ digits: Int) {
        var rest = number >> (3 * UInt64(digits)) == 0 ? number : 0
        for index in (0..<digits).reversed() {
            block[offset + index] = UInt8(ascii: "0") + UInt8(rest & 7)
            rest >>= 3
        }
    }
}
