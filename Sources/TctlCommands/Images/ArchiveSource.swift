internal import CTimber
internal import Glibc
internal import LinuxKernel

/// Opens what `load -i` names.
enum ArchiveSource {
    /// A file as it is; a directory, which must be an OCI layout, as an archive made on the fly.
    static func open(_ path: String) throws -> any BodySource {
        do {
            var status = stat()
            try retrying("stat", path) { stat(path, &status) }
            if status.st_mode & S_IFMT == S_IFDIR { return try LayoutSource(directory: path) }
            return try openFile(path)
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be read: \(error.reason)")
        }
    }

    /// A file as it is.
    static func openFile(_ path: String) throws -> FileSource {
        do {
            return FileSource(try Files.open(path), name: path)
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be read: \(error.reason)")
        }
    }
}

/// A file or a pipe.
final class FileSource: BodySource {
    private static let pieceSize = 262144

    private let descriptor: Descriptor
    private let name: String
    let length: Int?
    private var remaining: Int?

    init(_ descriptor: consuming Descriptor, name: String) {
        var status = stat()
        let isRegular = fstat(descriptor.raw, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        // Behind redirection the file may have been read in part.
        let offset = isRegular ? lseek(descriptor.raw, 0, SEEK_CUR) : 0
        length = isRegular && offset >= 0 ? max(0, Int(status.st_size) - Int(offset)) : nil
        remaining = length
        self.descriptor = descriptor
        self.name = name
    }

    func next() throws -> [UInt8] {
        let wanted = min(FileSource.pieceSize, remaining ?? FileSource.pieceSize)
        if wanted == 0 { return [] }
        var failure: (any Error)?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            do { count = try retrying("read") { read(descriptor.raw, buffer.baseAddress, wanted) } } catch { failure = error }
        }
        if let error = failure as? SystemError { throw CommandFailure("\(Printable(name)) cannot be read: \(error.reason)") }
        if let held = remaining {
            // The length was promised in the request's head.
            if bytes.isEmpty { throw CommandFailure("\(Printable(name)) became shorter while it was read") }
            remaining = held - bytes.count
        }
        return bytes
    }
}
