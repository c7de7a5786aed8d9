internal import Errors
internal import Glibc
public import LinuxKernel
internal import Tar

/// Completing a layer with what the layers below it say, as they look through overlayfs.
extension LowerNeeds {
    /// Gives implied directories the attributes of the directories that they cover, and resolves hard links to lower files.
    ///
    /// Such a link becomes a copy of the file, which is what overlayfs makes of a link to a lower file; all links of the layer to
    /// the same file stay links of each other.
    /// - Parameters:
    ///   - layer: the unpacked layer.
    ///   - lower: the directories of the layers below, highest first, all complete.
    ///   - budget: what the copies may cost together with everything else that is unpacked: a layer of a few links can ask for
    ///     copies of all that lies below it, and the layer above it for twice that.
    ///   - progress: called now and then; an error ends the work.
    /// - Returns: how many bytes were copied.
    /// - Throws: `TimberError.invalidArgument` for a link whose target is nowhere; what the budget and the progress throw; `SystemError`.
    public func complete(
        _ layer: SharedDescriptor, over lower: [SharedDescriptor], budget: ExtractionBudget?, progress: () throws -> Void = {}
    ) throws -> Int64 {
        var copied: Int64 = 0
        for path in impliedDirectories {
            try progress()
            if try isHidden(path, in: layer) { continue }
            guard let found = try Self.find(path, in: lower), found.status.isDirectory else { continue }
            let source = try DirectoryCalls.openDirectory(found.parent.raw, path.basePath)
            let target = try DirectoryCalls.openDirectory(layer.raw, path.path, resolve: DirectoryCalls.inRoot)
            try Self.copyMetadata(source.raw, target.raw, found.status)
        }
        // By target the first copy of it, and by path what it is a copy of: a later link can take the path of an earlier one.
        var copies: [MemberPath: MemberPath] = [:]
        var meanings: [MemberPath: MemberPath] = [:]
        for (path, target) in links {
            try progress()
            let parent = try DirectoryCalls.openDirectory(layer.raw, path.parentPath.path, resolve: DirectoryCalls.inRoot)
            let modified = try DirectoryCalls.status(of: parent.raw).modified
            // A whiteout, or an earlier link of the same name: this one is what shows.
            if try DirectoryCalls.status(parent.raw, path.basePath) != nil { try DirectoryCalls.remove(parent.raw, path.basePath) }
            if let copy = copies[target], meanings[copy] == target {
                let from = try DirectoryCalls.openDirectory(layer.raw, copy.parentPath.path, resolve: DirectoryCalls.inRoot)
                try DirectoryCalls.makeHardLink(from.raw, copy.basePath, parent.raw, path.basePath)
            } else {
                guard let found = try Self.find(target, in: lower), !found.status.isDirectory else {
                    throw TimberError(.invalidArgument, "\"\(path)\" is a hard link to \"\(target)\", which is in no layer")
                }
                try Self.copy(found, target, to: parent.raw, path) { count in
                    try progress()
                    try budget?.spend(count)
                    copied += count
                }
                copies[target] = path
            }
            meanings[path] = target
            // The layer's own directory times were set already.
            try FileMetadata.setTime(parent.raw, modified)
        }
        return copied
    }

    /// Whether the layer itself has an opaque directory on the way to a path.
    private func isHidden(_ path: MemberPath, in layer: SharedDescriptor) throws -> Bool {
        for prefix in path.prefixes.dropLast() {
            let directory = try DirectoryCalls.openDirectory(layer.raw, prefix.path, resolve: DirectoryCalls.inRoot)
            if try Self.isOpaque(directory.raw) { return true }
        }
        return false
    }

    private typealias Found = (parent: SharedDescriptor, status: FileStatus)

    /// Looks a path up as overlayfs does: the highest layer that has it, unless a whiteout, an opaque directory or something
    /// that is not a directory lies above.
    private static func find(_ path: MemberPath, in lower: [SharedDescriptor]) throws -> Found? {
        for layer in lower {
            switch try look(path, in: layer) {
            case .found(let parent, let status): return (parent, status)
            case .hidden: return nil
            case .absent: continue
            }
        }
        return nil
    }

    private enum Look {
        case found(SharedDescriptor, FileStatus)
        case hidden
        case absent
    }

    private static func look(_ path: MemberPath, in layer: SharedDescriptor) throws -> Look {
        var parent = layer
        var isOpaque = false
        let prefixes = path.prefixes
        for (index, prefix) in prefixes.enumerated() {
            guard let status = try DirectoryCalls.status(parent.raw, prefix.basePath) else { return isOpaque ? .hidden : .absent }
            if status.isWhiteout { return .hidden }
            if index == prefixes.count - 1 { return .found(parent, status) }
            guard status.isDirectory else { return .hidden }
            parent = SharedDescriptor(try DirectoryCalls.openDirectory(parent.raw, prefix.basePath))
            if try Self.isOpaque(parent.raw) { isOpaque = true }
        }
        return .absent
    }

    private static func isOpaque(_ directory: Int32) throws -> Bool {
        try FileMetadata.attribute(directory, LayerExtractor.opaqueAttribute) == [UInt8(ascii: "y")]
    }

    // MARK: Copies

    /// - Parameter spend: told how many bytes come next, before they are written.
    private static func copy(
        _ found: Found, _ target: MemberPath, to parent: Int32, _ path: MemberPath, spend: (Int64) throws -> Void
    ) throws {
        let status = found.status
        switch status.kind {
        case UInt32(S_IFREG):
            let source = SharedDescriptor(try DirectoryCalls.open(found.parent.raw, target.basePath, O_RDONLY | O_NOFOLLOW))
            let file = try DirectoryCalls.open(parent, path.basePath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            let chunks = ReaderChunks(FileReader(source))
            while let chunk = try chunks.next() {
                try spend(Int64(chunk.count))
                try Transfer.writeFully(file.raw, chunk)
            }
            try copyMetadata(source.raw, file.raw, status)
        case UInt32(S_IFLNK):
            try DirectoryCalls.makeSymbolicLink(
                parent, path.basePath, target: try DirectoryCalls.target(found.parent.raw, target.basePath))
            try FileMetadata.setOwner(parent, path.basePath, uid: status.uid, gid: status.gid)
            try FileMetadata.setTime(parent, path.basePath, status.modified)
        default:
            try DirectoryCalls.makeNode(parent, path.basePath, mode: status.mode, device: status.specialNumbers)
            try FileMetadata.setOwner(parent, path.basePath, uid: status.uid, gid: status.gid)
            try FileMetadata.setMode(parent, path.basePath, status.mode)
            try FileMetadata.setTime(parent, path.basePath, status.modified)
        }
    }

    private static func copyMetadata(_ source: Int32, _ target: Int32, _ status: FileStatus) throws {
        try FileMetadata.setOwner(target, uid: status.uid, gid: status.gid)
        try FileMetadata.setMode(target, status.mode)
        for name in try FileMetadata.attributeNames(source) where AttributePolicy.isAllowed(Array(name.bytes), for: .file) {
            if let value = try FileMetadata.attribute(source, name) { try FileMetadata.setAttribute(target, name, value) }
        }
        try FileMetadata.setTime(target, status.modified)
    }
}
