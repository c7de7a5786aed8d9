internal import Errors
internal import Glibc
internal import Layers
internal import LinuxKernel
internal import Registries
internal import Synchronization

/// The downloads under way: one for each blob, whoever wants it.
final class Downloads: Sendable {
    /// `content/partial`.
    private let directory: SharedDescriptor
    private let active = Mutex<[Key: Download]>([:])
    /// By registry, so that one that does not answer holds up nobody else.
    private let gates = Mutex<[String: Gate]>([:])

    private struct Key: Hashable {
        var digest: Digest
        var size: Int64
    }

    /// As many blobs of one registry at a time.
    private static let perRegistry = 6

    init(_ directory: SharedDescriptor) {
        self.directory = directory
    }

    /// Takes part in the download of a blob, which begins if nobody has begun it.
    /// - Throws: `TimberError` when there can be no file for it.
    func join(_ digest: Digest, size: Int64, from repository: Repository) throws -> Download {
        let gate = gates.withLock { gates in
            let gate = gates[repository.registry] ?? Gate(limit: Self.perRegistry)
            gates[repository.registry] = gate
            return gate
        }
        return try active.withLock { active in
            let key = Key(digest: digest, size: size)
            if let download = active[key] {
                if download.join() { return download }
                // Given up, and perhaps in the middle of a write: what it writes must not end in another's file.
                if download.isWriting { download.removeFile() }
            }
            let download: Download
            do {
                download = try Download(digest, size: size, in: directory)
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot store the blob \(digest)", cause: error)
            }
            active[key] = download
            download.start { download in
                try await gate.runUnlessCancelled { try await repository.fetch(digest, size: size, into: download) }
            } ended: {
                self.forgetIfOver($0)
            }
            return download
        }
    }

    /// Removes what nobody has continued for a week; before anything is downloaded.
    /// - Throws: `SystemError`.
    func removeAbandoned() throws {
        let limit = Int64(time(nil)) - 7 * 24 * 3600
        for name in try DirectoryCalls.names(in: directory.raw) {
            guard let status = try DirectoryCalls.status(directory.raw, name), status.modified.seconds < limit else { continue }
            try DirectoryCalls.remove(directory.raw, name)
        }
    }

    /// Lets go of a download.
    func leave(_ download: Download) {
        download.leave()
        forgetIfOver(download)
    }

    private func forgetIfOver(_ download: Download) {
        active.withLock { active in
            let key = Key(digest: download.digest, size: download.size)
            guard active[key] === download, download.isOver else { return }
            active[key] = nil
            if download.isUseless { download.removeFile() }
        }
    }
}
