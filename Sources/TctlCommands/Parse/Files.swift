internal import CTimber
internal import Glibc
internal import LinuxKernel

/// Files that flags name.
enum Files {
    /// Reads a whole file.
    /// - Parameters:
    ///   - path: its path.
    ///   - limit: the most bytes it may have.
    ///   - status: the exit status when it cannot be read.
    static func read(_ path: String, limit: Int, status: Int32 = 1) throws -> [UInt8] {
        do {
            let descriptor = try open(path)
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = try retrying("read", path) { Glibc.read(descriptor.raw, &piece, piece.count) }
                if count == 0 { return bytes }
                bytes += piece[..<count]
                if bytes.count > limit { throw CommandFailure("\(Printable(path)) has more than \(limit) bytes", status: status) }
            }
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be read: \(error.reason)", status: status)
        }
    }

    /// Opens a file for reading.
    static func open(_ path: String) throws -> Descriptor {
        Descriptor(owning: try retrying("open", path) { Glibc.open(path, O_RDONLY | O_CLOEXEC) })
    }

    /// The working directory.
    static func workingDirectory() throws -> String {
        guard let path = getcwd(nil, 0) else { throw CommandFailure("the working directory has no path", status: 125) }
        defer { free(path) }
        return String(cString: path)
    }
}
