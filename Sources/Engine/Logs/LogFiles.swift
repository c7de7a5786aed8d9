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
