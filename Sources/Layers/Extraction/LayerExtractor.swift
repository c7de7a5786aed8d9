internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Tar

/// Writes the members of one layer into an empty directory, in the form that overlayfs wants for a lower directory.
///
/// Each layer is unpacked on its own, whatever lies below it, so layers can be unpacked in parallel and shared between images.
/// Every path is resolved by openat2(2) with RESOLVE_IN_ROOT under the layer's descriptor: links of the layer are followed
/// inside the layer, as other runtimes do, and can never lead out of it. All directories stay 0700 until `finish`, which sets
/// their modes and times last.
///
/// For one thread whose umask is 0.
final class LayerExtractor {
    struct Directory {
        var path: MemberPath
        /// nil as long as there is no member for the directory.
        var entry: TarEntry?
        var isOpaque = false
        var modified: FileTime
    }

    let root: Int32
    let limits: ExtractionLimits
    /// By inode, because a path can lead through a link.
    var directories: [UInt64: Directory] = [:]
    let rootInode: UInt64
    /// Hard links whose target is not there (yet).
    var pendingLinks: [(entry: TarEntry, path: MemberPath, target: MemberPath)] = []
    var size: Int64 = 0
    private var entries = 0
    /// Bytes that directories and waiting links take until the end.
    private var kept: Int64 = 0
    private var cachedParent: (path: [UInt8], descriptor: SharedDescriptor)?

    /// - Parameters:
    ///   - root: an empty directory that nobody else can reach.
    init(root: Int32, limits: ExtractionLimits) throws {
        self.root = root
        self.limits = limits
        rootInode = try DirectoryCalls.status(of: root).inode
    }

    /// Writes one member.
    /// - Parameter reader: where its content comes from.
    /// - Throws: `TimberError` that names the member.
    func add(_ entry: TarEntry, from reader: TarReader) throws {
        entries += 1
        if entries > limits.entries { throw TimberError(.invalidArgument, "more members than the limit of \(limits.entries)") }
        do {
            let path = try MemberPath(entry.name)
            if try addWhiteout(entry, path) { return }
            switch entry.kind {
            case .file: try addFile(entry, path, reader)
            case .directory: try addDirectory(entry, path)
            case .symbolicLink: try addSymbolicLink(entry, path)
            case .hardLink: try addHardLink(entry, path)
            case .characterDevice, .blockDevice, .fifo: try addNode(entry, path)
            }
        } catch let error as SystemError {
            throw Self.failure(error, entry)
        }
    }

    static func failure(_ error: SystemError, _ entry: TarEntry) -> TimberError {
        // What the archive is to blame for; the rest is the machine's state.
        let archive: Set<Int32> = [ENAMETOOLONG, EINVAL, ELOOP, ENOTDIR, EEXIST, ERANGE, EISDIR, E2BIG, EMLINK]
        return TimberError(
            archive.contains(error.errno) ? .invalidArgument : .internal, "cannot unpack \"\(entry.shownName)\"", cause: error)
    }

    // MARK: Members

    private func addFile(_ entry: TarEntry, _ path: MemberPath, _ reader: TarReader) throws {
        try refuseRoot(entry, path)
        let parent = try openParent(path, for: entry)
        let file = try creating(in: parent, path) {
            try DirectoryCalls.open(parent.raw, path.basePath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: entry.mode & 0o777)
        }
        try reader.readBody { piece in
            try Transfer.writeFully(file.raw, piece)
            // As it comes: what the header promised may never arrive.
            size += Int64(piece.count)
        }
        if entry.uid != 0 || entry.gid != 0 { try FileMetadata.setOwner(file.raw, uid: entry.uid, gid: entry.gid) }
        // After chown(2), which clears set-user-id.
        if entry.mode & 0o7000 != 0 { try FileMetadata.setMode(file.raw, entry.mode) }
        try setAttributes(entry) { try FileMetadata.setAttribute(file.raw, $0, $1) }
        try FileMetadata.setTime(file.raw, entry.modified)
    }

    private func addDirectory(_ entry: TarEntry, _ path: MemberPath) throws {
        if path.isRoot { return try note(rootInode, path, entry) }
        let parent = try openParent(path, for: entry)
        var isOpaque = false
        if let present = try DirectoryCalls.status(parent.raw, path.basePath) {
            // A second member for a directory changes its attributes and keeps its content.
            if present.isDirectory { return try note(present.inode, path, entry) }
            // The same layer hides the lower directory and has one of its own.
            isOpaque = present.isWhiteout
            try replace(parent, path, present)
        }
        try makeDirectory(parent, path, entry, isOpaque: isOpaque)
    }

    private func addSymbolicLink(_ entry: TarEntry, _ path: MemberPath) throws {
        try refuseRoot(entry, path)
        guard !entry.link.isEmpty, let target = BytePath(entry.link) else {
            throw TimberError(.invalidArgument, "the symbolic link \"\(entry.shownName)\" has no target")
        }
        let parent = try openParent(path, for: entry)
        try creating(in: parent, path) { try DirectoryCalls.makeSymbolicLink(parent.raw, path.basePath, target: target) }
        try setMetadata(entry, parent, path)
    }

    private func addNode(_ entry: TarEntry, _ path: MemberPath) throws {
        try refuseRoot(entry, path)
        let type: UInt32
        switch entry.kind {
        case .characterDevice: type = S_IFCHR
        case .blockDevice: type = S_IFBLK
        default: type = S_IFIFO
        }
        if type == S_IFCHR && entry.major == 0 && entry.minor == 0 {
            throw TimberError(
                .invalidArgument, "\"\(entry.shownName)\" is a character device 0:0, which overlayfs would take for a whiteout")
        }
        let parent = try openParent(path, for: entry)
        try creating(in: parent, path) {
            try DirectoryCalls.makeNode(parent.raw, path.basePath, mode: type | entry.mode, device: (entry.major, entry.minor))
        }
        try setMetadata(entry, parent, path)
    }

    /// Metadata of what cannot be opened.
    private func setMetadata(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: MemberPath) throws {
        if entry.uid != 0 || entry.gid != 0 {
            try FileMetadata.setOwner(parent.raw, path.basePath, uid: entry.uid, gid: entry.gid)
        }
        try setAttributes(entry) { try FileMetadata.setAttribute(parent.raw, path.basePath, $0, $1) }
        try FileMetadata.setTime(parent.raw, path.basePath, entry.modified)
    }

    private func refuseRoot(_ entry: TarEntry, _ path: MemberPath) throws {
        if path.isRoot { throw TimberError(.invalidArgument, "the layer's root \"\(entry.shownName)\" is not a directory") }
    }

    // MARK: Directories

    /// The directory that holds a path, made if no member has been there for it.
    func openParent(_ path: MemberPath, for entry: TarEntry) throws -> SharedDescriptor {
        if let cachedParent, cachedParent.path.elementsEqual(path.parent) { return cachedParent.descriptor }
        let parent: SharedDescriptor
        do {
            parent = try openDirectory(path.parentPath)
        } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
            parent = try makeImplied(path.parentPath, for: entry)
        }
        cachedParent = (Array(path.parent), parent)
        return parent
    }

    func openDirectory(_ path: MemberPath) throws -> SharedDescriptor {
        SharedDescriptor(try DirectoryCalls.openDirectory(root, path.path, resolve: DirectoryCalls.inRoot))
    }

    private func makeImplied(_ path: MemberPath, for entry: TarEntry) throws -> SharedDescriptor {
        var parent = try openDirectory(try MemberPath([]))
        for prefix in path.prefixes {
            do {
                parent = try openDirectory(prefix)
                continue
            } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
                // Made below.
            }
            var isOpaque = false
            if let present = try DirectoryCalls.status(parent.raw, prefix.basePath) {
                guard present.isWhiteout else {
                    throw TimberError(.invalidArgument, "\"\(entry.shownName)\" lies below \"\(prefix)\", which is not a directory")
                }
                isOpaque = true
                try replace(parent, prefix, present)
            }
            try makeDirectory(parent, prefix, nil, isOpaque: isOpaque, modified: entry.modified)
            parent = try openDirectory(prefix)
        }
        return parent
    }

    private func makeDirectory(
        _ parent: SharedDescriptor, _ path: MemberPath, _ entry: TarEntry?, isOpaque: Bool, modified: FileTime? = nil
    ) throws {
        try keep(path, entry)
        try DirectoryCalls.makeDirectory(parent.raw, path.basePath, mode: 0o700)
        guard let status = try DirectoryCalls.status(parent.raw, path.basePath) else {
            throw SystemError(call: "fstatat", errno: ENOENT, what: path.description)
        }
        directories[status.inode] = Directory(
            path: path, entry: entry, isOpaque: isOpaque, modified: entry?.modified ?? modified ?? FileTime(seconds: 0))
    }

    private func note(_ inode: UInt64, _ path: MemberPath, _ entry: TarEntry) throws {
        try keep(path, entry)
        directories[inode, default: Directory(path: path, modified: entry.modified)].entry = entry
        directories[inode]?.modified = entry.modified
    }

    /// Marks the directory of `.wh..wh..opq`.
    func makeOpaque(_ path: MemberPath, for entry: TarEntry) throws {
        let parent = try openParent(path, for: entry)
        let inode = try DirectoryCalls.status(of: parent.raw).inode
        directories[inode, default: Directory(path: path.parentPath, modified: entry.modified)].isOpaque = true
    }

    /// Counts what stays in memory until the end.
    /// - Throws: `TimberError.invalidArgument` when it is more than the limit.
    func keep(_ path: MemberPath, _ entry: TarEntry?) throws {
        // The fixed part is about what the tables take for one of them.
        kept += 256 + Int64(path.bytes.count)
        if let entry {
            kept += Int64(entry.name.count + entry.link.count)
            for attribute in entry.attributes { kept += Int64(attribute.name.count + attribute.value.count) }
        }
        if kept > limits.memory {
            throw TimberError(.invalidArgument, "the names of its directories take more than the limit of \(limits.memory) bytes of memory")
        }
    }

    // MARK: What is there already

    /// Creates a name; what has it already is replaced, as a later member of a tar archive does.
    func creating<Value: ~Copyable>(in parent: SharedDescriptor, _ path: MemberPath, _ create: () throws -> Value) throws -> Value {
        do {
            return try create()
        } catch let error as SystemError where error.errno == EEXIST {
            if let present = try DirectoryCalls.status(parent.raw, path.basePath) { try replace(parent, path, present) }
            return try create()
        }
    }

    private func replace(_ parent: SharedDescriptor, _ path: MemberPath, _ present: FileStatus) throws {
        if present.isRegular && present.links == 1 { size -= present.size }
        if present.isDirectory { size -= try Tree.size(below: parent.raw, path.basePath) }
        if present.isDirectory || present.isSymbolicLink { cachedParent = nil }
        try TreeRemoval.remove(parent.raw, path.basePath)
    }

    // MARK: Attributes

    /// Sets those extended attributes that an image may have.
    func setAttributes(_ entry: TarEntry, _ set: (BytePath, [UInt8]) throws -> Void) throws {
        for attribute in entry.attributes where AttributePolicy.isAllowed(attribute.name, for: entry.kind) {
            guard let name = BytePath(attribute.name) else { continue }
            do {
                try set(name, attribute.value)
            } catch let error as SystemError where error.errno == EOPNOTSUPP && !attribute.name.starts(with: Array("security.".utf8)) {
                // The file system has no such attributes; nobody's safety depends on one of these.
                continue
            }
        }
    }
}
