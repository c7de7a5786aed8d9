internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Tar

/// Hard links and whiteouts.
extension LayerExtractor {
    /// Links to a member of this layer; a target that is not there waits for the end, and may then turn out to lie below.
    func addHardLink(_ entry: TarEntry, _ path: MemberPath) throws {
        let target = try MemberPath(entry.link)
        if path.isRoot || target.isRoot {
            throw TimberError(.invalidArgument, "\"\(entry.shownName)\" is a hard link to or from the layer's root")
        }
        // Its parent exists from here on, so that it is not implied later by something else.
        _ = try openParent(path, for: entry)
        if try !link(entry, path, target) {
            try keep(path, entry)
            pendingLinks.append((entry, path, target))
        }
    }

    /// - Returns: false when the layer has no such target.
    private func link(_ entry: TarEntry, _ path: MemberPath, _ target: MemberPath) throws -> Bool {
        let from: SharedDescriptor
        do {
            from = try openDirectory(target.parentPath)
        } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
            return false
        }
        // A whiteout is not a member: the link means the file of the layer below that the whiteout hides (a renamed file).
        guard let status = try DirectoryCalls.status(from.raw, target.basePath), !status.isWhiteout else { return false }
        if status.isDirectory {
            throw TimberError(.invalidArgument, "\"\(entry.shownName)\" is a hard link to the directory \"\(target)\"")
        }
        let parent = try openParent(path, for: entry)
        if let present = try DirectoryCalls.status(parent.raw, path.basePath), present.inode == status.inode { return true }
        try creating(in: parent, path) { try DirectoryCalls.makeHardLink(from.raw, target.basePath, parent.raw, path.basePath) }
        return true
    }

    /// Tries the waiting links again, now that every member is there.
    /// - Returns: those whose target must lie below, in order.
    func retryLinks() throws -> [(path: MemberPath, target: MemberPath)] {
        var foreign: [(path: MemberPath, target: MemberPath)] = []
        // What a name that waits itself means: a link to it belongs to the same file below.
        var meanings: [MemberPath: MemberPath] = [:]
        for (entry, path, target) in pendingLinks {
            do {
                // A later member has the name now.
                let parent = try openParent(path, for: entry)
                if let present = try DirectoryCalls.status(parent.raw, path.basePath), !present.isWhiteout { continue }
                if let meaning = try meanings[target] ?? (link(entry, path, target) ? nil : target) {
                    foreign.append((path, meaning))
                    meanings[path] = meaning
                }
            } catch let error as SystemError {
                throw Self.failure(error, entry)
            }
        }
        return foreign
    }

    /// Takes `.wh.` names (OCI image-spec, layer.md, "Whiteouts").
    /// - Returns: false when the member is not a whiteout.
    func addWhiteout(_ entry: TarEntry, _ path: MemberPath) throws -> Bool {
        let prefix = Array(".wh.".utf8)
        if path.parent.split(separator: UInt8(ascii: "/")).contains(where: { $0.starts(with: prefix) }) {
            throw TimberError(.invalidArgument, "\"\(entry.shownName)\" lies below a whiteout")
        }
        guard path.base.starts(with: prefix) else { return false }
        let hidden = path.base.dropFirst(prefix.count)
        if hidden.starts(with: prefix) {
            // Of AUFS's own names only the opaque mark means anything.
            if hidden.elementsEqual(".wh..opq".utf8) { try makeOpaque(path, for: entry) }
            return true
        }
        if hidden.isEmpty || hidden.elementsEqual(".".utf8) || hidden.elementsEqual("..".utf8) {
            throw TimberError(.invalidArgument, "\"\(entry.shownName)\" is a whiteout of nothing")
        }
        try hide(path.sibling(hidden), for: entry)
        return true
    }

    private func hide(_ path: MemberPath, for entry: TarEntry) throws {
        let parent = try openParent(path, for: entry)
        guard let present = try DirectoryCalls.status(parent.raw, path.basePath) else {
            return try DirectoryCalls.makeNode(parent.raw, path.basePath, mode: S_IFCHR)
        }
        // A whiteout hides what lies below, never the same layer's own: a file does that by being there, a directory must say so.
        if present.isDirectory { directories[present.inode, default: Directory(path: path, modified: entry.modified)].isOpaque = true }
    }
}
