internal import Errors
internal import Layers
internal import LinuxKernel
internal import Synchronization

/// Layer blobs by digest: `content/sha256/<hex>`.
///
/// A blob is written to a file without a name, hashed on the way, and named only when its digest is known, so a name always has
/// the right content. It belongs to the rows of the state database; what no row refers to is removed at the next start.
final class ContentStore: Sendable {
    /// `content/sha256`; temporary files live on the same file system.
    let directory: SharedDescriptor
    private let trash: Trash
    /// Blobs that a load is about to refer to, with how many loads do.
    private let pinned = Mutex<[Digest: Int]>([:])

    init(_ directory: SharedDescriptor, trash: Trash) {
        self.directory = directory
        self.trash = trash
    }

    /// Names a blob and protects it from `remove` until `unpin`.
    /// - Returns: false when it was there already.
    /// - Throws: `SystemError`.
    func add(_ member: Blob) throws -> Bool {
        pin(member.digest)
        do {
            switch member.storage {
            case .remote(let blob):
                // Somebody else's image may have brought it meanwhile.
                return try has(member.digest) ? false : blob.place(in: directory)
            case .file(let file):
                return try DirectoryCalls.give(file.raw, name: BytePath(member.digest.hex), in: directory.raw)
            case .memory(let bytes):
                let file = try DirectoryCalls.temporaryFile(in: directory.raw)
                try bytes.withUnsafeBytes { try Transfer.writeFully(file.raw, $0) }
                return try DirectoryCalls.give(file.raw, name: BytePath(member.digest.hex), in: directory.raw)
            }
        } catch {
            unpin([member.digest])
            throw error
        }
    }

    /// Protects a blob from `remove` until `unpin`, whether it is there yet or not.
    func pin(_ digest: Digest) {
        pinned.withLock { $0[digest, default: 0] += 1 }
    }

    /// Ends the protection of `add` or `pin`.
    func unpin(_ digests: some Sequence<Digest>) {
        pinned.withLock { pinned in
            for digest in digests {
                guard let count = pinned[digest] else { continue }
                pinned[digest] = count > 1 ? count - 1 : nil
            }
        }
    }

    /// Whether a blob is there.
    /// - Throws: `SystemError`.
    func has(_ digest: Digest) throws -> Bool { try DirectoryCalls.status(directory.raw, BytePath(digest.hex)) != nil }

    /// Opens a blob.
    /// - Throws: `TimberError.corrupt` when it is missing.
    func open(_ digest: Digest) throws -> SharedDescriptor {
        do {
            return SharedDescriptor(try DirectoryCalls.open(directory.raw, BytePath(digest.hex), 0))
        } catch let error as SystemError {
            throw TimberError(.corrupt, "the blob \(digest) cannot be opened: load the image again", cause: error)
        }
    }

    /// Removes a blob that no row refers to, unless a load is about to.
    /// - Parameter isUsed: asks the database.
    /// - Throws: `SystemError`, or what the question throws.
    func remove(_ digest: Digest, unless isUsed: () throws -> Bool) throws {
        // Under the lock, so that no load pins the blob and commits between the question and the rename.
        try pinned.withLock { pinned in
            if try pinned[digest] != nil || isUsed() { return }
            try trash.take(directory.raw, BytePath(digest.hex))
        }
    }

    /// The names of everything in the store.
    /// - Throws: `SystemError`.
    func names() throws -> [String] {
        try DirectoryCalls.names(in: directory.raw).map(\.description)
    }

    /// Removes what is not a blob at all.
    /// - Throws: `SystemError`.
    func removeStray(_ name: String) throws {
        try trash.take(directory.raw, BytePath(name))
    }
}
