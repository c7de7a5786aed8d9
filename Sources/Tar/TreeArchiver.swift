internal import Errors
internal import Glibc
public import LinuxKernel

/// Writes files as they are found in a tree into a tar archive; the tree may change meanwhile, and whoever changes it may be hostile.
///
/// Every file is opened once, by a handle that follows no link, and everything about it is read through that. Nothing but regular files
/// is read. A file that grows is cut where it ended when it was found, one that shrinks is filled up with zeros, one that vanishes
/// is left out.
public final class TreeArchiver {
    private let tar: TarWriter
    /// Where a file with several names was written first.
    private var written: [Identity: [UInt8]] = [:]
    private let buffer = Buffer(size: chunkSize)
    /// Bytes of content so far.
    public private(set) var contentSize: Int64 = 0

    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    /// Deeper trees are an attack on the descriptors: each level holds one.
    private static let depthLimit = 512
    /// More names than these are written as files of their own: memory has an end.
    private static let linkLimit = 1_000_000

    /// Makes an archiver.
    /// - Parameter tar: `end` is the caller's.
    public init(_ tar: TarWriter) {
        self.tar = tar
    }

    /// Writes a file, or a directory with everything below it.
    /// - Parameters:
    ///   - file: what to write; sockets are left out, and so is what is in a file system of the kernel's.
    ///   - name: the member's name, without a slash at its end; what is below a directory follows it.
    /// - Throws: what the sink throws; `TimberError` when the tree is too deep; `SystemError`.
    public func add(_ file: borrowing PathHandle, as name: [UInt8]) throws {
        try add(file, as: name, depth: 0)
    }

    /// Writes everything in a directory, but not the directory itself.
    /// - Parameter prefix: what the names of the members begin with, usually empty or with a slash at its end.
    /// - Throws: as `add`.
    public func addContents(of directory: Int32, prefix: [UInt8]) throws {
        try addContents(of: directory, prefix: prefix, depth: 0)
    }

    /// Writes one member without what is below it.
    /// - Throws: as `add`.
    public func addAlone(_ file: borrowing PathHandle, as name: [UInt8]) throws {
        let status = file.status
        switch status.kind {
        case UInt32(S_IFDIR):
            var entry = self.entry(status, name.last == UInt8(ascii: "/") ? name : name + [UInt8(ascii: "/")], .directory)
            let directory = try file.open(O_RDONLY | O_DIRECTORY)
            entry.attributes = try Self.attributes(directory.raw, .directory)
            try tar.begin(entry)
        case UInt32(S_IFREG): try addFile(file, name)
        case UInt32(S_IFLNK):
            var entry = self.entry(status, name, .symbolicLink)
            entry.link = Array(try file.target().bytes)
            entry.mode = 0o777
            try tar.begin(entry)
        case UInt32(S_IFCHR): try addDevice(status, name, .characterDevice)
        case UInt32(S_IFBLK): try addDevice(status, name, .blockDevice)
        case UInt32(S_IFIFO): try tar.begin(entry(status, name, .fifo))
        default: return
        }
    }

    private func add(_ file: borrowing PathHandle, as name: [UInt8], depth: Int) throws {
        try addAlone(file, as: name)
        guard file.status.isDirectory, try !file.isKernels() else { return }
        if depth >= Self.depthLimit {
            throw TimberError(.invalidArgument, "\(BytePath.printable(name)) is nested deeper than \(Self.depthLimit) directories")
        }
        try addContents(of: file.raw, prefix: name.last == UInt8(ascii: "/") ? name : name + [UInt8(ascii: "/")], depth: depth)
    }

    private func addContents(of directory: Int32, prefix: [UInt8], depth: Int) throws {
        try NameReader.forEach(in: directory) { name in
            guard let file = try Self.handle(directory, name) else { return }
            try add(file, as: prefix + name.bytes, depth: depth + 1)
        }
    }

    /// - Returns: nil when it has vanished.
    private static func handle(_ directory: Int32, _ name: BytePath) throws -> PathHandle? {
        do {
            return try PathHandle(directory, name)
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        }
    }

    // MARK: Members

    private func entry(_ status: FileStatus, _ name: [UInt8], _ kind: TarEntry.Kind) -> TarEntry {
        var entry = TarEntry(name: name, kind: kind, mode: status.mode & 0o7777)
        entry.uid = status.uid
        entry.gid = status.gid
        entry.modified = FileTime(seconds: status.modified.seconds)
        return entry
    }

    private func addDevice(_ status: FileStatus, _ name: [UInt8], _ kind: TarEntry.Kind) throws {
        var entry = entry(status, name, kind)
        (entry.major, entry.minor) = status.specialNumbers
        try tar.begin(entry)
    }

    private func addFile(_ file: borrowing PathHandle, _ name: [UInt8]) throws {
        // Files of the kernel's have no length that could be believed, and reading them may do something.
        if try file.isKernels() { return }
        let identity = Identity(device: file.status.device, inode: file.status.inode)
        if file.status.links > 1 {
            if let first = written[identity] {
                var entry = entry(file.status, name, .hardLink)
                entry.link = first
                return try tar.begin(entry)
            }
            if written.count < Self.linkLimit { written[identity] = name }
        }
        let content = try file.open(O_RDONLY | O_NONBLOCK)
        let status = try DirectoryCalls.status(of: content.raw)
        var entry = entry(status, name, .file)
        entry.size = status.size
        entry.attributes = try Self.attributes(content.raw, .file)
        try tar.begin(entry)
        var rest = entry.size
        while rest > 0 {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<Int(min(rest, Int64(buffer.bytes.count)))])
            var count = try Transfer.readSome(content.raw, into: piece)
            if count == 0 {
                piece.initializeMemory(as: UInt8.self, repeating: 0)
                count = piece.count
            }
            try tar.write(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            rest -= Int64(count)
            contentSize += Int64(count)
        }
    }

    private static func attributes(_ file: Int32, _ kind: TarEntry.Kind) throws -> [TarEntry.Attribute] {
        let names: [BytePath]
        do {
            names = try FileMetadata.attributeNames(file)
        } catch let error as SystemError where error.errno == EOPNOTSUPP {
            return []
        }
        var attributes: [TarEntry.Attribute] = []
        for name in names where AttributePolicy.isAllowed(Array(name.bytes), for: kind) {
            guard let value = try FileMetadata.attribute(file, name) else { continue }
            attributes.append(TarEntry.Attribute(name: Array(name.bytes), value: value))
        }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}
