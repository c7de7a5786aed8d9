internal import Errors
internal import Glibc
public import LinuxKernel
public import Tar

/// What an overlay's upper directory changes of what lies below it: `docker diff`, and the layer of `docker commit`.
public struct UpperTree: Sendable {
    /// What became of a path.
    public enum Kind: Int, Sendable {
        /// It is there below and is another now.
        case modified = 0
        /// It is new.
        case added = 1
        /// It is there below and is gone.
        case deleted = 2
    }

    /// One path that was changed.
    public struct Change: Sendable, Equatable {
        /// Relative to the root: `etc/passwd`.
        public var path: [UInt8]
        /// What became of it.
        public var kind: Kind
        /// A directory that hides all that is below it.
        var isOpaque = false
        /// Gone because the directory that it was in was replaced.
        var isImplied = false
    }

    /// Directories before what is in them, names in the order of their bytes.
    public let changes: [Change]
    private let upper: SharedDescriptor

    private static let depthLimit = 512
    private static let whiteoutPrefix = Array(".wh.".utf8)

    /// Compares.
    /// - Parameters:
    ///   - upper: the directory itself, not through the overlay; something may write to it meanwhile.
    ///   - lower: what lies below it, as one tree.
    ///   - placeholders: paths that the runtime made to mount something on: as long as they are empty they are nobody's change.
    /// - Throws: `TimberError` when the tree is too deep; `SystemError`.
    public init(upper: SharedDescriptor, lower: SharedDescriptor, placeholders: Set<String>) throws {
        var walk = Walk(placeholders: Set(placeholders.map { Array($0.utf8) }))
        _ = try walk.compare(upper, lower, path: [], isHidden: false, depth: 0)
        changes = walk.changes
        self.upper = upper
    }

    /// Writes the changes as a layer (OCI image-spec, layer.md): every directory on the way to a change has a member, what is gone a
    /// whiteout.
    /// - Parameters:
    ///   - tar: `end` is the caller's.
    ///   - check: called now and then; an error ends the work.
    /// - Throws: what the sink and the check throw; `SystemError`.
    public func write(to tar: TarWriter, check: () throws -> Void = {}) throws {
        let archiver = TreeArchiver(tar)
        for change in changes where !change.isImplied {
            try check()
            let path = try MemberPath(change.path)
            // Layers have no way to say that there is a file of such a name.
            if path.base.starts(with: Self.whiteoutPrefix) { continue }
            if change.kind == .deleted {
                try Self.mark(path.sibling(Self.whiteoutPrefix + path.base).bytes, tar)
                continue
            }
            guard let file = try Self.handle(upper, path.path) else { continue }
            try archiver.addAlone(file, as: change.path)
            if change.isOpaque { try Self.mark(change.path + Array("/.wh..wh..opq".utf8), tar) }
        }
    }

    private static func mark(_ name: [UInt8], _ tar: TarWriter) throws {
        try tar.begin(TarEntry(name: name, kind: .file, mode: 0o600))
    }

    /// - Returns: nil when it has vanished.
    private static func handle(_ directory: SharedDescriptor, _ path: BytePath) throws -> PathHandle? {
        do {
            return try PathHandle(directory.raw, path)
        } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP {
            return nil
        }
    }

    private struct Walk {
        let placeholders: Set<[UInt8]>
        var changes: [Change] = []

        init(placeholders: Set<[UInt8]>) {
            self.placeholders = placeholders
        }

        /// - Parameters:
        ///   - lower: nil when nothing lies below.
        ///   - isHidden: whether what lies below shows nowhere, because this directory or one above it is opaque.
        /// - Returns: whether there is a placeholder in it.
        mutating func compare(
            _ upper: SharedDescriptor, _ lower: SharedDescriptor?, path: [UInt8], isHidden: Bool, depth: Int
        ) throws -> Bool {
            if depth > UpperTree.depthLimit {
                throw TimberError(.invalidArgument, "\(BytePath.printable(path)) is nested deeper than \(UpperTree.depthLimit) directories")
            }
            var hasPlaceholder = false
            let names = try DirectoryCalls.names(in: upper.raw).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            for name in names {
                guard let present = try DirectoryCalls.status(upper.raw, name) else { continue }
                let before = try lower.flatMap { try DirectoryCalls.status($0.raw, name) }
                let full = path.isEmpty ? Array(name.bytes) : path + [UInt8(ascii: "/")] + name.bytes
                if present.isWhiteout {
                    if before != nil { changes.append(Change(path: full, kind: .deleted)) }
                } else if present.isDirectory {
                    hasPlaceholder = try compareDirectory(full, name, upper, lower, present, before, isHidden, depth) || hasPlaceholder
                } else if before == nil && present.isRegular && present.size == 0 && placeholders.contains(full) {
                    hasPlaceholder = true
                } else {
                    changes.append(Change(path: full, kind: before == nil ? .added : .modified))
                }
            }
            return hasPlaceholder
        }

        /// - Returns: whether it is a placeholder itself.
        private mutating func compareDirectory(
            _ path: [UInt8], _ name: BytePath, _ upper: SharedDescriptor, _ lower: SharedDescriptor?, _ present: FileStatus,
            _ before: FileStatus?, _ isHidden: Bool, _ depth: Int
        ) throws -> Bool {
            let directory: SharedDescriptor
            do {
                directory = SharedDescriptor(try DirectoryCalls.openDirectory(upper.raw, name))
            } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP {
                return false
            }
            let position = changes.count
            var change = Change(path: path, kind: before == nil ? .added : .modified)
            change.isOpaque = try FileMetadata.attribute(directory.raw, LayerExtractor.opaqueAttribute) == [UInt8(ascii: "y")]
            changes.append(change)
            var below: SharedDescriptor?
            if let lower, before?.isDirectory == true { below = SharedDescriptor(try DirectoryCalls.openDirectory(lower.raw, name)) }
            let hidesBelow = isHidden || change.isOpaque
            if hidesBelow, let below { try addDeleted(directory, below, path) }
            let hasPlaceholder = try compare(directory, below, path: path, isHidden: hidesBelow, depth: depth + 1)
            if changes.count > position + 1 { return false }
            guard let before, before.isDirectory else {
                // Made by the runtime, or by somebody else.
                guard before == nil, placeholders.contains(path) else { return false }
                changes.removeLast()
                return true
            }
            let isSame =
                present.mode == before.mode && present.uid == before.uid && present.gid == before.gid
                && (present.modified == before.modified || hasPlaceholder)
            if isSame && !change.isOpaque { changes.removeLast() }
            return false
        }

        /// What a directory hides and does not replace.
        private mutating func addDeleted(_ directory: SharedDescriptor, _ below: SharedDescriptor, _ path: [UInt8]) throws {
            let names = try DirectoryCalls.names(in: below.raw).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            for name in names where try DirectoryCalls.status(directory.raw, name) == nil {
                changes.append(Change(path: path + [UInt8(ascii: "/")] + name.bytes, kind: .deleted, isImplied: true))
            }
        }
    }
}
