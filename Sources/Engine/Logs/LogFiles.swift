internal import CTimber
internal import Glibc
internal import LinuxKernel

/// The files of one container's log, oldest first: `log.4` … `log.1`, `log`. The shim appends to `log` and rotates by rename.
struct LogFiles: Sendable {
    let directory: String

    /// An open log file; its inode tells whether it has been rotated away.
    struct File: Sendable {
        let descriptor: SharedDescriptor
        let inode: UInt64

        /// Reads the next piece from where the last read ended.
        func read() throws -> [UInt8] {
            try [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
                count = try retrying("read", "log") { Glibc.read(descriptor.raw, buffer.baseAddress, buffer.count) }
            }
        }

        /// Lets `read` go on at another place.
        func seek(to offset: Int) throws {
            try retrying("lseek", "log") { lseek(descriptor.raw, off_t(offset), SEEK_SET) }
        }
    }

    /// The complete lines of a file from the last to the first, read in blocks from its end.
    struct Backwards {
        private static let blockSize = 64 * 1024

        private let file: File
        /// Where the block begins in the file.
        private var start: Int
        private var block: [UInt8] = []
        /// What of the block is not returned yet.
        private var rest = 0
        /// What follows of a line that began in an earlier block, last part first.
        private var parts: [[UInt8]] = []
        /// Where the line ends that is being put together, after its newline; nil in what has no newline yet.
        private var lineEnd: Int?

        init(_ file: File) throws {
            var status = stat()
            try retrying("fstat", "log") { fstat(file.descriptor.raw, &status) }
            self.file = file
            start = Int(status.st_size)
        }

        /// The next line towards the beginning, without its newline, and where it ends in the file with it.
        mutating func next() throws -> (text: [UInt8], end: Int)? {
            while true {
                let newline = block[..<rest].lastIndex(of: UInt8(ascii: "\n"))
                if newline == nil && start > 0 {
                    if lineEnd != nil { parts.append(Array(block[..<rest])) }
                    try readBlock()
                    continue
                }
                let text = Array(block[(newline.map { $0 + 1 } ?? 0)..<rest]) + parts.reversed().joined()
                let end = lineEnd
                lineEnd = newline.map { start + $0 + 1 }
                rest = newline ?? 0
                parts = []
                if let end { return (text, end) }
                if newline == nil { return nil }
            }
        }

        private mutating func readBlock() throws {
            let size = min(Self.blockSize, start)
            let offset = off_t(start - size)
            block = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                while count < size {
                    let more = try retrying("pread", "log") {
                        pread(file.descriptor.raw, buffer.baseAddress?.advanced(by: count), size - count, offset + off_t(count))
                    }
                    if more == 0 { throw SystemError(call: "pread", errno: EIO, what: "log") }
                    count += more
                }
            }
            start -= size
            rest = size
        }
    }

    /// Opens every file that is there, oldest first.
    func openAll() throws -> [File] {
        var files: [File] = []
        var number = 0
        while let file = try open(number) {
            // A rotation between two opens would show the same file twice under two names.
            if file.inode != files.last?.inode { files.append(file) }
            number += 1
        }
        return files.reversed()
    }

    /// Opens what was written after `file`: its successors, oldest first; nil when `file` is still the newest.
    func openAfter(_ file: File) throws -> [File]? {
        let all = try openAll()
        guard let newest = all.last, newest.inode != file.inode else { return nil }
        guard let position = all.firstIndex(where: { $0.inode == file.inode }) else { return all }
        return Array(all[(position + 1)...])
    }

    private func open(_ number: Int) throws -> File? {
        let path = number == 0 ? "\(directory)/log" : "\(directory)/log.\(number)"
        do {
            let descriptor = SharedDescriptor(try Files.open(path, O_RDONLY | O_NOFOLLOW))
            var status = stat()
            try retrying("fstat", path) { fstat(descriptor.raw, &status) }
            return File(descriptor: descriptor, inode: UInt64(status.st_ino))
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        }
    }
}
