internal import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Tar

/// One container's files, reached by a root that was opened for it. Blocks; for threads that may.
struct ContainerFiles: Sendable {
    let root: MountedRoot
    /// As the client named it, for messages.
    let container: String

    /// Looks at a path without following a link in its last component.
    /// - Throws: `TimberError.notFound`, `.invalidArgument`.
    func status(_ path: ContainerPath) throws -> ContainerPathStat {
        try found(path) { file in try status(file, path) }
    }

    /// Writes a path as an archive, directories with everything below them.
    /// - Throws: `TimberError`; what the sink throws.
    func archive(_ path: ContainerPath, to tar: TarWriter) throws {
        try found(path) { file in
            let archiver = TreeArchiver(tar)
            if file.status.isDirectory && path.clean == "/" {
                try archiver.addAlone(file, as: Array("/".utf8))
                try archiver.addContents(of: file.raw, prefix: Array("/".utf8))
            } else {
                try archiver.add(file, as: path.prefix)
            }
            try tar.end()
        }
    }

    /// Extracts an archive into an existing directory.
    /// - Throws: `TimberError`.
    func extract(_ reader: TarReader, into path: ContainerPath, options: TreeExtractor.Options) throws {
        try open(path, followsLink: true) { directory in
            guard directory.status.isDirectory else { throw TimberError(.invalidArgument, "extraction point is not a directory") }
            if try directory.isReadOnly() {
                let isInRoot = try DirectoryCalls.status(of: root.root.raw).device == directory.status.device
                throw TimberError(
                    .invalidArgument, isInRoot ? "container rootfs is marked read-only" : "mounted volume is marked read-only")
            }
        }
        do {
            let extractor = TreeExtractor(root: root.root.raw, base: Array(path.clean.utf8), options: options)
            try extractor.extract(reader)
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot extract to \(path.written) in container \(container)", cause: error)
        }
    }

    private func status(_ file: borrowing PathHandle, _ path: ContainerPath) throws -> ContainerPathStat {
        let status = file.status
        let modified = Timestamp(seconds: status.modified.seconds, nanoseconds: Int32(status.modified.nanoseconds))
        return ContainerPathStat(
            name: path.name, size: status.size, mode: GoFileMode(mode: status.mode).rawValue, mtime: modified.rfc3339,
            linkTarget: status.isSymbolicLink ? try target(file, path) : "")
    }

    /// Where a link leads: as the kernel resolves it, or as it is written when nothing is there.
    private func target(_ link: borrowing PathHandle, _ path: ContainerPath) throws -> String {
        do {
            let found = try PathHandle(root.root.raw, path.path, followsLink: true, resolve: DirectoryCalls.inRoot)
            return String(decoding: try found.place().bytes, as: UTF8.self)
        } catch let error as SystemError where [ENOENT, ENOTDIR, ELOOP, EACCES].contains(error.errno) {
            let written = String(decoding: try link.target().bytes, as: UTF8.self)
            return cleanPath(written.hasPrefix("/") ? written : "\(path.clean)/../\(written)") ?? written
        }
    }

    /// Looks a path up; nothing of the kernel's own file systems is there for copying.
    private func found<Value>(_ path: ContainerPath, _ body: (borrowing PathHandle) throws -> Value) throws -> Value {
        try open(path, followsLink: path.isDirectory) { file in
            if path.isDirectory && !file.status.isDirectory {
                throw TimberError(.invalidArgument, "\(path.written) in container \(container) is not a directory")
            }
            return try body(file)
        }
    }

    private func open<Value>(
        _ path: ContainerPath, followsLink: Bool, _ body: (borrowing PathHandle) throws -> Value
    ) throws -> Value {
        do {
            let file = try PathHandle(root.root.raw, path.path, followsLink: followsLink, resolve: DirectoryCalls.inRoot)
            if try file.isKernels() { throw missing(path) }
            return try body(file)
        } catch let error as SystemError where error.errno == ENOENT {
            throw missing(path)
        } catch let error as SystemError {
            let isRequest = [ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EXDEV].contains(error.errno)
            throw TimberError(
                isRequest ? .invalidArgument : .internal, "cannot read \(path.written) in container \(container)", cause: error)
        }
    }

    private func missing(_ path: ContainerPath) -> TimberError {
        TimberError(.notFound, "Could not find the file \(path.written) in container \(container)")
    }
}
