internal import Errors
internal import LinuxKernel

/// Reads a tar archive member by member: ustar, GNU long names, pax with `SCHILY.xattr`, base-256 numbers.
///
/// Archives without end blocks and with an unpadded last block are accepted, because tools write them; anything else that is
/// cut short is an error. Names are bytes. Extension headers are bounded, so memory is too.
public final class TarReader {
    /// The largest pax header or long name that is read.
    private static let extensionLimit: Int64 = 1 << 20

    private let source: any ChunkSource
    private var chunk = UnsafeRawBufferPointer(start: nil, count: 0)
    private var position: Int64 = 0
    private var bodyLeft: Int64 = 0
    private var padding = 0
    private var ended = false

    /// Makes a reader.
    /// - Parameter source: the uncompressed archive.
    public init(_ source: any ChunkSource) {
        self.source = source
    }

    /// Skips what is left of the current member and reads the next header.
    /// - Returns: nil at the end of the archive.
    /// - Throws: `TimberError.invalidArgument` for a damaged or truncated archive, with the position; `.unsupported` for
    ///   sparse files and other members that cannot be represented.
    public func next() throws -> TarEntry? {
        var pax: PaxRecords?
        var longName: [UInt8]?
        var longLink: [UInt8]?
        while let header = try nextHeader() {
            switch header.type {
            case UInt8(ascii: "x"), UInt8(ascii: "X"):
                pax = try PaxRecords(try extensionBody(header, "pax header"))
            case UInt8(ascii: "g"):
                // Defaults for all that follow; what tools put there (a commit id) is of no use here.
                _ = try PaxRecords(try extensionBody(header, "global pax header"))
            case UInt8(ascii: "L"):
                longName = try extensionBody(header, "long name").prefix { $0 != 0 }.map { $0 }
            case UInt8(ascii: "K"):
                longLink = try extensionBody(header, "long link").prefix { $0 != 0 }.map { $0 }
            case UInt8(ascii: "V"):
                // A volume label: a name without a file.
                continue
            default:
                return try located { try entry(header, pax, longName, longLink) }
            }
        }
        if pax != nil || longName != nil || longLink != nil { throw truncated("after an extension header") }
        return nil
    }

    /// Lends out the content of the current member piece by piece.
    /// - Throws: `TimberError.invalidArgument` when the archive ends early; what the body throws.
    public func readBody(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        while bodyLeft > 0 {
            guard try fill() else { throw truncated("in the content of a member") }
            let count = Int(min(bodyLeft, Int64(chunk.count)))
            let piece = UnsafeRawBufferPointer(rebasing: chunk[..<count])
            consume(count)
            bodyLeft -= Int64(count)
            try body(piece)
        }
    }

    /// The whole content of the current member.
    /// - Parameter limit: more bytes than these are not read.
    /// - Throws: `TimberError.invalidArgument` when there are more, or the archive ends early.
    public func body(limit: Int64) throws -> [UInt8] {
        if bodyLeft > limit { throw TimberError(.invalidArgument, "a member of \(bodyLeft) bytes is larger than the limit of \(limit)") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(bodyLeft))
        try readBody { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Reads to the end of the stream, past the end of the archive: the digest covers every byte.
    /// - Throws: what the source throws.
    public func drain() throws {
        chunk = UnsafeRawBufferPointer(start: nil, count: 0)
        while try source.next() != nil {}
    }

    // MARK: Headers

    private func nextHeader() throws -> TarHeader? {
        if ended { return nil }
        try readBody { _ in }
        // The padding of the last member may be missing.
        while padding > 0 {
            guard try fill() else { break }
            let count = min(padding, chunk.count)
            consume(count)
            padding -= count
        }
        padding = 0
        guard let block = try block() else { return end() }
        if block.contains(where: { $0 != 0 }) { return try located { try header(block) } }
        // Two zero blocks are the end; one of them may be missing, something else may not follow.
        if let second = try self.block(), second.contains(where: { $0 != 0 }) {
            throw TimberError(.invalidArgument, "damaged tar archive at byte \(position): data after an end block")
        }
        return end()
    }

    private func end() -> TarHeader? {
        ended = true
        return nil
    }

    private func header(_ block: [UInt8]) throws -> TarHeader {
        let header = try TarHeader(block)
        setBody(hasContent(header.type) ? try header.size() : 0)
        if bodyLeft < 0 { throw TimberError(.invalidArgument, "a member with a negative size") }
        return header
    }

    /// Links, directories, devices and pipes have none, whatever their size field says (POSIX; cpio writes the size of a link's target).
    private func hasContent(_ type: UInt8) -> Bool {
        !(UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type)
    }

    private func setBody(_ size: Int64) {
        bodyLeft = size
        padding = Int((512 - size & 511) & 511)
    }

    private func extensionBody(_ header: TarHeader, _ what: String) throws -> [UInt8] {
        if bodyLeft > Self.extensionLimit {
            throw TimberError(
                .invalidArgument,
                "damaged tar archive at byte \(position): a \(what) of \(bodyLeft) bytes, more than the limit of \(Self.extensionLimit)")
        }
        return try body(limit: Self.extensionLimit)
    }

    private func entry(
        _ header: TarHeader, _ pax: PaxRecords?, _ longName: [UInt8]?, _ longLink: [UInt8]?
    ) throws -> TarEntry {
        let name = pax?.path ?? longName ?? header.name
        var entry = TarEntry(name: name, kind: try kind(header.type, name), mode: try header.mode())
        entry.link = pax?.link ?? longLink ?? header.link
        entry.uid = try Self.owner(pax?.uid ?? header.uid(), "uid", entry)
        entry.gid = try Self.owner(pax?.gid ?? header.gid(), "gid", entry)
        entry.modified = try pax?.modified ?? FileTime(seconds: header.modified())
        entry.attributes = pax?.attributes ?? []
        if entry.kind == .characterDevice || entry.kind == .blockDevice {
            (entry.major, entry.minor) = try header.device()
        }
        if let size = pax?.size, hasContent(header.type) {
            if size < 0 { throw TimberError(.invalidArgument, "member \"\(entry.shownName)\" has a negative size") }
            setBody(size)
        }
        // An old archive marks a directory by its name alone; the content it may have is skipped.
        if entry.kind == .file { entry.size = bodyLeft }
        return entry
    }

    private func kind(_ type: UInt8, _ name: [UInt8]) throws -> TarEntry.Kind {
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): return name.last == UInt8(ascii: "/") ? .directory : .file
        case UInt8(ascii: "1"): return .hardLink
        case UInt8(ascii: "2"): return .symbolicLink
        case UInt8(ascii: "3"): return .characterDevice
        case UInt8(ascii: "4"): return .blockDevice
        case UInt8(ascii: "5"): return .directory
        case UInt8(ascii: "6"): return .fifo
        case UInt8(ascii: "S"):
            throw TimberError(
                .unsupported,
                "member \"\(BytePath.printable(name))\" is a sparse file, which is not supported: make the archive without --sparse")
        default:
            throw TimberError(
                .unsupported, "member \"\(BytePath.printable(name))\" has the unknown type \"\(BytePath.printable([type]))\"")
        }
    }

    /// -1 means "do not change" to chown(2), so it is no owner.
    private static func owner(_ value: Int64, _ what: String, _ entry: TarEntry) throws -> UInt32 {
        guard let owner = UInt32(exactly: value), owner != UInt32.max else {
            throw TimberError(.invalidArgument, "member \"\(entry.shownName)\" has the impossible \(what) \(value)")
        }
        return owner
    }

    // MARK: Bytes

    /// - Returns: nil at the end of the stream.
    private func block() throws -> [UInt8]? {
        var block: [UInt8] = []
        block.reserveCapacity(TarHeader.blockSize)
        while block.count < TarHeader.blockSize {
            guard try fill() else {
                if block.isEmpty { return nil }
                throw truncated("in a header")
            }
            let count = min(TarHeader.blockSize - block.count, chunk.count)
            block.append(contentsOf: chunk[..<count])
            consume(count)
        }
        return block
    }

    /// - Returns: false at the end of the stream.
    private func fill() throws -> Bool {
        if !chunk.isEmpty { return true }
        guard let next = try source.next() else { return false }
        chunk = next
        return true
    }

    private func consume(_ count: Int) {
        chunk = UnsafeRawBufferPointer(rebasing: chunk[count...])
        position += Int64(count)
    }

    private func truncated(_ place: String) -> TimberError {
        TimberError(.invalidArgument, "truncated tar archive: it ends at byte \(position) \(place)")
    }

    /// Adds the position to an error about a header.
    private func located<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as TimberError where error.code == .invalidArgument {
            throw TimberError(.invalidArgument, "damaged tar archive at byte \(position - Int64(TarHeader.blockSize)): \(error.message)")
        }
    }
}
