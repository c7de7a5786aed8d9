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
    ///   - memory: bytes at the most for the changes and their paths.
    ///   - check: ends the comparison when it throws.
    /// - Throws: `TimberError` when the tree is too deep or has too many changes; `SystemError`; what `check` throws.
    public init(
        upper: SharedDescriptor, lower: SharedDescriptor, placeholders: Set<String>, memory: Int = 256 << 20,
        check: @escaping () throws -> Void = {}
    ) throws {
        var walk = Walk(placeholders: Set(placeholders.map { Array($0.utf8) }), memory: memory, check: check)
        _ = try walk.compare(upper, lower, path: [], isHidden: false, depth: 0)
        changes = walk.changes
        self.upper = upper
    }

    /// Writes the changes as a layer (OCI image-spec, layer.md): every directory on the way to a change has a member, what is gone a
    /// whiteout.
    /// - Parameter tar: `end` is the caller's.
    /// - Throws: what the writer throws; `SystemError`.
    public func write(to tar: TarWriter) throws {
        let archiver = TreeArchiver(tar)
        for change in changes where !change.isImplied {
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
        private(set) var changes: [Change] = []
        private let memory: Int
        private let check: () throws -> Void
        private var used = 0

        init(placeholders: Set<[UInt8]>, memory: Int, check: @escaping () throws -> Void) {
            self.placeholders = placeholders
            self.memory = memory
            self.check = check
        }

        private mutating func add(_ change: Change) throws {
            used += Self.cost(change)
            if used > memory {
                throw TimberError(
                    .invalidArgument, "more than \(changes.count) changes are too many to compare: export the container's files instead")
            }
            changes.append(change)
        }

        private mutating func takeBack() {
            used -= Self.cost(changes.removeLast())
        }

        /// With what an array has besides its bytes.
        private static func cost(_ change: Change) -> Int { MemoryLayout<Change>.stride + 32 + change.path.count }

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
            try NameReader.forEach(in: upper.raw) { name in
                try check()
                guard let present = try DirectoryCalls.status(upper.raw, name) else { return }
                let before = try lower.flatMap { try DirectoryCalls.status($0.raw, name) }
                let full = path.isEmpty ? Array(name.bytes) : path + [UInt8(ascii: "/")] + name.bytes
                if present.isWhiteout {
                    if before != nil { try add(Change(path: full, kind: .deleted)) }
                } else if present.isDirectory {
                    hasPlaceholder = try compareDirectory(full, name, upper, lower, present, before, isHidden, depth) || hasPlaceholder
                } else if before == nil && present.isRegular && present.size == 0 && placeholders.contains(full) {
                    hasPlaceholder = true
                } else {
                    try add(Change(path: full, kind: before == nil ? .added : .modified))
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
            try add(change)
            var below: SharedDescriptor?
            if let lower, before?.isDirectory == true { below = SharedDescriptor(try DirectoryCalls.openDirectory(lower.raw, name)) }
            let hidesBelow = isHidden || change.isOpaque
            if hidesBelow, let below { try addDeleted(directory, below, path) }
            let hasPlaceholder = try compare(directory, below, path: path, isHidden: hidesBelow, depth: depth + 1)
            if changes.count > position + 1 { return false }
            guard let before, before.isDirectory else {
                // Made by the runtime, or by somebody else.
                guard before == nil, placeholders.contains(path) else { return false }
                takeBack()
                return true
            }
            let isSame =
                present.mode == before.mode && present.uid == before.uid && present.gid == before.gid
                && (present.modified == before.modified || hasPlaceholder)
            if isSame && !change.isOpaque { takeBack() }
            return false
        }

        /// What a directory hides and does not replace.
        private mutating func addDeleted(_ directory: SharedDescriptor, _ below: SharedDescriptor, _ path: [UInt8]) throws {
            try NameReader.forEach(in: below.raw) { name in
                guard try DirectoryCalls.status(directory.raw, name) == nil else { return }
                try add(Change(path: path + [UInt8(ascii: "/")] + name.bytes, kind: .deleted, isImplied: true))
            }
        }
    }
}
