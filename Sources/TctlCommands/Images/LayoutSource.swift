internal import CTimber
internal import Glibc
internal import LinuxKernel

/// An OCI layout directory as a tar archive: `oci-layout`, `index.json` and the blobs, in ustar form.
final class LayoutSource: BodySource {
    private struct Entry {
        let name: String
        let size: Int
    }

    private static let pieceSize = 262144

    private let root: Descriptor
    private let path: String
    private var entries: ArraySlice<Entry> = []
    private var current: (file: SharedDescriptor, name: String, remaining: Int, padding: Int)?
    private var isAtEnd = false
    let length: Int?

    /// Lists the directory.
    /// - Throws: `CommandFailure` when it is not an OCI layout.
    init(directory path: String) throws {
        self.path = path
        root = Descriptor(owning: try retrying("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        var entries: [Entry] = []
        for name in ["oci-layout", "index.json"] {
            guard let size = try LayoutSource.size(of: name, below: root.raw) else {
                throw CommandFailure("\(Printable(path)) is a directory but not an OCI layout: it has no file \(name)")
            }
            entries.append(Entry(name: name, size: size))
        }
        for algorithm in try LayoutSource.names(in: "blobs", below: root.raw) {
            for name in try LayoutSource.names(in: "blobs/\(algorithm)", below: root.raw) {
                let blob = "blobs/\(algorithm)/\(name)"
                if let size = try LayoutSource.size(of: blob, below: root.raw) { entries.append(Entry(name: blob, size: size)) }
            }
        }
        self.entries = entries[...]
        // Header and padded content of each file, and two empty blocks at the end.
        length = entries.reduce(1024) { $0 + 512 + ($1.size + 511) / 512 * 512 }
    }

    func next() throws -> [UInt8] {
        if let (file, name, remaining, padding) = current {
            if remaining == 0 {
                current = nil
                if padding > 0 { return [UInt8](repeating: 0, count: padding) }
                return try next()
            }
            let bytes = try read(file, name: name, count: min(LayoutSource.pieceSize, remaining))
            current = (file, name, remaining - bytes.count, padding)
            return bytes
        }
        if let entry = entries.popFirst() {
            let number = try retrying("openat", entry.name) { openat(root.raw, entry.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) }
            current = (SharedDescriptor(Descriptor(owning: number)), entry.name, entry.size, (512 - entry.size % 512) % 512)
            return try UstarHeader.make(name: entry.name, size: entry.size)
        }
        if isAtEnd { return [] }
        isAtEnd = true
        return [UInt8](repeating: 0, count: 1024)
    }

    private func read(_ file: SharedDescriptor, name: String, count: Int) throws -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: count)
        let got = try retrying("read", name) { Glibc.read(file.raw, &piece, count) }
        if got == 0 { throw CommandFailure("\(Printable(path))/\(Printable(name)) became shorter while it was read") }
        piece.removeLast(count - got)
        return piece
    }

    /// The size of a regular file; nil for everything else.
    private static func size(of name: String, below directory: Int32) throws -> Int? {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// The names in a directory, sorted; empty when there is none.
    private static func names(in name: String, below directory: Int32) throws -> [String] {
        let number = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0, let stream = fdopendir(number) else {
            if number >= 0 { close(number) }
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// The header of a file in a tar archive (POSIX.1-1988, ustar).
enum UstarHeader {
    /// - Parameters:
    ///   - name: its path, at most 100 bytes: a blob's has 77.
    ///   - size: its length in bytes.
    /// - Throws: `CommandFailure` for what does not fit.
    static func make(name: String, size: Int) throws -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
        guard name.utf8.count <= 100 else { throw CommandFailure("the name \(Printable(name)) is too long for an archive") }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        if size < 1 << 33 {
            put(octal(size, 11), at: 124)
        } else {
            // Above 8 GiB the size is binary (GNU's base 256), which every reader of today takes.
            header[124] = 0x80
            for index in 0..<8 { header[135 - index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
        }
        put(octal(0, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6), at: 148)
        header[154] = 0
        return header
    }

    private static func octal(_ value: Int, _ width: Int) -> String {
        let digits = String(value, radix: 8)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
