internal import Errors
internal import Glibc
internal import LinuxKernel

/// Puts the members of an archive into a tree that others use meanwhile.
///
/// Every path is resolved by openat2(2) with RESOLVE_IN_ROOT under the tree's descriptor, so no link leads out of it, whoever makes or
/// changes links meanwhile (CVE-2018-15664). What is made is made under its directory's descriptor and never through a link.
public final class TreeExtractor {
    /// How to extract.
    public struct Options: Sendable {
        /// Refuse to replace a directory by something else, and something else by a directory.
        public var keepsKinds: Bool
        /// Whose the files become; nil: as `setsOwner` says.
        public var owner: (uid: UInt32, gid: UInt32)?
        /// Give files the owners that the archive names; otherwise they are the caller's, and nothing is set-user-ID or set-group-ID.
        public var setsOwner: Bool

        /// Makes options.
        public init(keepsKinds: Bool = false, owner: (uid: UInt32, gid: UInt32)? = nil, setsOwner: Bool = true) {
            self.keepsKinds = keepsKinds
            self.owner = owner
            self.setsOwner = setsOwner
        }
    }

    private struct Directory {
        var path: MemberPath
        var entry: TarEntry
    }

    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private let root: Int32
    private let base: [UInt8]
    private let options: Options
    private var directories: [Identity: Directory] = [:]
    private var cachedParent: (path: [UInt8], descriptor: SharedDescriptor)?
    /// Bytes of content so far.
    public private(set) var contentSize: Int64 = 0

    /// Their names stay in memory until the end.
    private static let directoryLimit = 1_000_000

    /// Makes an extractor.
    /// - Parameters:
    ///   - root: nothing outside of it is touched; the caller's as long as the extractor lives.
    ///   - base: the directory below it that members' names are relative to; empty: the root itself.
    public init(root: Int32, base: [UInt8] = [], options: Options) {
        self.root = root
        self.base = base
        self.options = options
    }

    /// Extracts a whole archive.
    /// - Parameters:
    ///   - reader: its members.
    ///   - rename: another name for a member.
    /// - Throws: `TimberError` that names the member; what the reader throws.
    public func extract(_ reader: TarReader, rename: ([UInt8]) -> [UInt8] = { $0 }) throws {
        while var entry = try reader.next() {
            entry.name = rename(entry.name)
            if entry.kind == .hardLink { entry.link = rename(entry.link) }
            do {
                try add(entry, reader)
            } catch let error as SystemError {
                throw Self.failure(error, entry)
            }
        }
        try finish()
    }

    private static func failure(_ error: SystemError, _ entry: TarEntry) -> TimberError {
        let request: Set<Int32> = [
            ENAMETOOLONG, EINVAL, ELOOP, ENOTDIR, EEXIST, ERANGE, EISDIR, E2BIG, EMLINK, EROFS, EACCES, EPERM, EXDEV, ENOENT,
        ]
        return TimberError(
            request.contains(error.errno) ? .invalidArgument : .internal, "cannot extract \"\(entry.shownName)\"", cause: error)
    }

    private func add(_ entry: TarEntry, _ reader: TarReader) throws {
        let path = try MemberPath(entry.name)
        if path.isRoot {
            guard entry.kind == .directory else {
                throw TimberError(.invalidArgument, "the archive's root \"\(entry.shownName)\" is not a directory")
            }
            // The directory that is extracted into is somebody's already.
            return
        }
        let parent = try openParent(path)
        if entry.kind != .directory { try makeRoom(parent, path, entry) }
        switch entry.kind {
        case .directory: try addDirectory(entry, parent, path)
        case .file: try addFile(entry, parent, path, reader)
        case .symbolicLink: try addSymbolicLink(entry, parent, path)
        case .hardLink: try addHardLink(entry, parent, path)
        case .characterDevice: try addNode(entry, parent, path, S_IFCHR)
        case .blockDevice: try addNode(entry, parent, path, S_IFBLK)
        case .fifo: try addNode(entry, parent, path, S_IFIFO)
        }
    }

    // MARK: Members

    private func addFile(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath, _ reader: TarReader) throws {
        if try isMountPoint(parent, path) {
            // It cannot be replaced: it is what the host has mounted there, and keeps its owner and mode.
            let file = try PathHandle(parent.raw, path.basePath).open(O_WRONLY | O_TRUNC)
            return try write(reader, to: file.raw)
        }
        let file = try DirectoryCalls.open(parent.raw, path.basePath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        try write(reader, to: file.raw)
        if let owner = owner(of: entry) { try FileMetadata.setOwner(file.raw, uid: owner.uid, gid: owner.gid) }
        // After chown(2), which clears set-user-id.
        try FileMetadata.setMode(file.raw, mode(of: entry))
        try setAttributes(entry, file.raw)
        try FileMetadata.setTime(file.raw, entry.modified)
    }

    private func write(_ reader: TarReader, to file: Int32) throws {
        try reader.readBody { piece in
            try Transfer.writeFully(file, piece)
            contentSize += Int64(piece.count)
        }
    }

    private func addDirectory(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath) throws {
        if let present = try DirectoryCalls.status(parent.raw, path.basePath), !present.isDirectory {
            if options.keepsKinds {
                throw TimberError(
                    .invalidArgument, "cannot overwrite non-directory \"\(path)\" with directory \"\(entry.shownName)\"")
            }
            try remove(parent, path)
        }
        do {
            try DirectoryCalls.makeDirectory(parent.raw, path.basePath, mode: 0o700)
        } catch let error as SystemError where error.errno == EEXIST {
            // Its content stays, what the archive says of it holds.
        }
        let made = try PathHandle(parent.raw, path.basePath)
        guard made.status.isDirectory else { throw SystemError(call: "mkdirat", errno: EEXIST, what: path.description) }
        if directories.count >= Self.directoryLimit {
            throw TimberError(.invalidArgument, "more directories in one archive than \(Self.directoryLimit): copy it in parts")
        }
        directories[Identity(device: made.status.device, inode: made.status.inode)] = Directory(path: path, entry: entry)
    }

    private func addSymbolicLink(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath) throws {
        guard !entry.link.isEmpty, let target = BytePath(entry.link) else {
            throw TimberError(.invalidArgument, "the symbolic link \"\(entry.shownName)\" has no target")
        }
        try DirectoryCalls.makeSymbolicLink(parent.raw, path.basePath, target: target)
        try finish(entry, parent, path, kind: UInt32(S_IFLNK))
    }

    private func addHardLink(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath) throws {
        let target = try MemberPath(entry.link)
        if target.isRoot { throw TimberError(.invalidArgument, "\"\(entry.shownName)\" is a hard link to a directory") }
        let from = try openDirectory(target.parentPath)
        try DirectoryCalls.makeHardLink(from.raw, target.basePath, parent.raw, path.basePath)
    }

    private func addNode(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath, _ type: mode_t) throws {
        try DirectoryCalls.makeNode(parent.raw, path.basePath, mode: type | 0o600, device: (entry.major, entry.minor))
        try finish(entry, parent, path, kind: UInt32(type))
    }

    /// Metadata of what cannot be opened: through a handle, and only of what was made.
    private func finish(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath, kind: UInt32) throws {
        let made = try PathHandle(parent.raw, path.basePath)
        guard made.status.kind == kind, made.status.links == 1 else {
            throw SystemError(call: "fstat", errno: EEXIST, what: path.description)
        }
        if let owner = owner(of: entry) { try made.setOwner(uid: owner.uid, gid: owner.gid) }
        if kind != UInt32(S_IFLNK) { try made.setMode(mode(of: entry)) }
        try made.setTime(entry.modified)
    }

    private func finish() throws {
        for (identity, directory) in directories {
            do {
                let handle = try PathHandle(
                    root, Self.path(base, directory.path.bytes), followsLink: true, resolve: DirectoryCalls.inRoot)
                // Somebody has put something else there meanwhile.
                guard handle.status.device == identity.device, handle.status.inode == identity.inode else { continue }
                let opened = try handle.open(O_RDONLY | O_DIRECTORY)
                if let owner = owner(of: directory.entry) { try FileMetadata.setOwner(opened.raw, uid: owner.uid, gid: owner.gid) }
                try FileMetadata.setMode(opened.raw, mode(of: directory.entry))
                try setAttributes(directory.entry, opened.raw)
                try FileMetadata.setTime(opened.raw, directory.entry.modified)
            } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
                continue
            } catch let error as SystemError {
                throw Self.failure(error, directory.entry)
            }
        }
    }

    private func owner(of entry: TarEntry) -> (uid: UInt32, gid: UInt32)? {
        options.owner ?? (options.setsOwner ? (entry.uid, entry.gid) : nil)
    }

    /// Set-user-ID and set-group-ID are meant for the archive's owner, never for the caller: root's copy would be a program of root's.
    private func mode(of entry: TarEntry) -> UInt32 {
        owner(of: entry) == nil ? entry.mode & ~0o6000 : entry.mode
    }

    private func setAttributes(_ entry: TarEntry, _ file: Int32) throws {
        // Without its owner a file's capabilities would be somebody else's.
        guard options.setsOwner else { return }
        for attribute in entry.attributes where AttributePolicy.isAllowed(attribute.name, for: entry.kind) {
            guard let name = BytePath(attribute.name) else { continue }
            do {
                try FileMetadata.setAttribute(file, name, attribute.value)
            } catch let error as SystemError where error.errno == EOPNOTSUPP && !attribute.name.starts(with: Array("security.".utf8)) {
                // The file system has no such attributes; nobody's safety depends on one of these.
                continue
            }
        }
    }

    // MARK: Places

    private func openParent(_ path: MemberPath) throws -> SharedDescriptor {
        if let cachedParent, cachedParent.path.elementsEqual(path.parent) { return cachedParent.descriptor }
        let parent: SharedDescriptor
        do {
            parent = try openDirectory(path.parentPath)
        } catch let error as SystemError where error.errno == ENOENT {
            parent = try makeImplied(path.parentPath)
        }
        cachedParent = (Array(path.parent), parent)
        return parent
    }

    private func openDirectory(_ path: MemberPath) throws -> SharedDescriptor {
        SharedDescriptor(try DirectoryCalls.openDirectory(root, Self.path(base, path.bytes), resolve: DirectoryCalls.inRoot))
    }

    /// Directories that the archive has no member for.
    private func makeImplied(_ path: MemberPath) throws -> SharedDescriptor {
        var parent = try openDirectory(try MemberPath([]))
        for prefix in path.prefixes {
            do {
                parent = try openDirectory(prefix)
            } catch let error as SystemError where error.errno == ENOENT {
                try DirectoryCalls.makeDirectory(parent.raw, prefix.basePath, mode: 0o755)
                parent = try openDirectory(prefix)
            }
        }
        return parent
    }

    private static func path(_ base: [UInt8], _ name: [UInt8]) -> BytePath {
        let dot = BytePath(".")
        let joined = base.isEmpty ? name : name.isEmpty ? base : base + [UInt8(ascii: "/")] + name
        return joined.isEmpty ? dot : BytePath(joined) ?? dot
    }

    /// Takes away what has the name, as a later member of a tar archive does.
    private func makeRoom(_ parent: SharedDescriptor, _ path: MemberPath, _ entry: TarEntry) throws {
        guard let present = try DirectoryCalls.status(parent.raw, path.basePath) else { return }
        if present.isDirectory && options.keepsKinds {
            throw TimberError(
                .invalidArgument, "cannot overwrite directory \"\(path)\" with non-directory \"\(entry.shownName)\"")
        }
        if entry.kind == .file && present.isRegular, try isMountPoint(parent, path) { return }
        try remove(parent, path)
    }

    /// Whether something is mounted there. The kernel would not keep us from removing it: the mount is another namespace's.
    private func isMountPoint(_ parent: SharedDescriptor, _ path: MemberPath) throws -> Bool {
        do {
            _ = try PathHandle(parent.raw, path.basePath, resolve: DirectoryCalls.beneath | DirectoryCalls.sameMount)
            return false
        } catch let error as SystemError where error.errno == EXDEV {
            return true
        } catch let error as SystemError where error.errno == ENOENT {
            return false
        }
    }

    private func remove(_ parent: SharedDescriptor, _ path: MemberPath) throws {
        if try isMountPoint(parent, path) {
            throw TimberError(.invalidArgument, "cannot replace \"\(path)\": something is mounted there")
        }
        cachedParent = nil
        try TreeRemoval.remove(parent.raw, path.basePath)
    }
}
