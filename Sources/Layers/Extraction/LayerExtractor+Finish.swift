internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Tar

/// The end of a layer: links that waited, then modes and times of directories.
extension LayerExtractor {
    static let opaqueAttribute = BytePath("trusted.overlay.opaque")

    /// What a layer consists of.
    struct Content: Sendable {
        var size: Int64
        var root: RootDirectory?
        var hidesLower: Bool
        var needs: LowerNeeds?
    }

    /// Completes the layer's directory.
    /// - Throws: `TimberError`, `SystemError`.
    func finish() throws -> Content {
        let links = try retryLinks()
        var implied: [MemberPath] = []
        for (inode, directory) in directories where inode != rootInode {
            let descriptor: Descriptor
            do {
                descriptor = try DirectoryCalls.openDirectory(root, directory.path.path, resolve: DirectoryCalls.inRoot)
            } catch let error as SystemError where [ENOENT, ENOTDIR, ELOOP].contains(error.errno) {
                // Replaced by a later member.
                continue
            }
            guard try DirectoryCalls.status(of: descriptor.raw).inode == inode else { continue }
            try complete(descriptor.raw, directory)
            if directory.entry == nil && !directory.isOpaque { implied.append(directory.path) }
        }
        let own = directories[rootInode]
        if let own { try complete(root, own) } else { try FileMetadata.setMode(root, 0o755) }
        implied.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        return Content(
            size: max(0, size),
            root: own?.entry.map { RootDirectory(mode: $0.mode, uid: $0.uid, gid: $0.gid) },
            hidesLower: own?.isOpaque ?? false,
            needs: implied.isEmpty && links.isEmpty ? nil : LowerNeeds(impliedDirectories: implied, links: links))
    }

    private func complete(_ descriptor: Int32, _ directory: Directory) throws {
        if directory.isOpaque { try FileMetadata.setAttribute(descriptor, Self.opaqueAttribute, [UInt8(ascii: "y")]) }
        if let entry = directory.entry {
            if entry.uid != 0 || entry.gid != 0 { try FileMetadata.setOwner(descriptor, uid: entry.uid, gid: entry.gid) }
            try FileMetadata.setMode(descriptor, entry.mode)
            do {
                try setAttributes(entry) { try FileMetadata.setAttribute(descriptor, $0, $1) }
            } catch let error as SystemError {
                throw Self.failure(error, entry)
            }
        } else {
            try FileMetadata.setMode(descriptor, 0o755)
        }
        try FileMetadata.setTime(descriptor, directory.modified)
    }
}
