internal import CTimber
internal import Glibc
internal import LinuxKernel

/// The local end of `cp`.
enum LocalFiles {
    /// Refuses what nothing can be copied to.
    /// - Throws: `CommandFailure` in Docker's words.
    static func checkOutput(_ path: String) throws {
        let directory = CopyPath.split(CopyPath.clean(path)).directory
        if try status(directory) == nil {
            throw CommandFailure("invalid output path: directory \"\(Printable(directory))\" does not exist")
        }
        if let status = try status(path), ![S_IFDIR, S_IFREG].contains(status.st_mode & S_IFMT) {
            throw CommandFailure("invalid output path: \"\(Printable(path))\" must be a directory or a regular file")
        }
    }

    /// What is there, links followed; one that leads nowhere is made to lead somewhere.
    static func target(_ path: String) throws -> CopyTarget {
        var path = path
        // As many links in a row as the kernel follows.
        for _ in 0..<40 {
            guard let link = try link(path) else { break }
            path = CopyPath.resolve(link, from: path)
        }
        if let status = try status(path) { return CopyTarget(path: path, isDirectory: status.st_mode & S_IFMT == S_IFDIR) }
        let parent = CopyPath.split(path).directory
        guard let status = try status(parent) else { throw CommandFailure("lstat \(Printable(parent)): no such file or directory") }
        if status.st_mode & S_IFMT != S_IFDIR { throw CommandFailure("not a directory") }
        return CopyTarget(path: path, isDirectory: nil)
    }

    /// Opens a directory, links followed: it is the caller's own.
    static func open(_ path: String) throws -> Descriptor {
        do {
            return try LinuxKernel.Files.directory(path)
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be opened: \(error.reason)")
        }
    }

    /// - Returns: nil when there is nothing.
    private static func status(_ path: String) throws -> stat? {
        var status = stat()
        do {
            try retrying("stat", path) { stat(path, &status) }
            return status
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        } catch let error as SystemError {
            throw CommandFailure("stat \(Printable(path)): \(error.reason)")
        }
    }

    /// - Returns: nil when it is no symbolic link.
    private static func link(_ path: String) throws -> String? {
        do {
            let target = try DirectoryCalls.target(AT_FDCWD, BytePath(path))
            return String(decoding: target.bytes, as: UTF8.self)
        } catch let error as SystemError where [ENOENT, EINVAL].contains(error.errno) {
            return nil
        }
    }
}
