internal import Errors
internal import Layers
internal import LinuxKernel
internal import Registries
internal import Synchronization
internal import Tar

/// A blob of a registry, as one pull sees it: nothing is fetched before somebody wants it.
final class RemoteBlob: Sendable {
    let digest: Digest
    let size: Int64
    private let repository: Repository
    private let downloads: Downloads
    private let content: ContentStore
    private let progress: @Sendable (Int64) -> Void
    private struct State {
        var download: Result<Download, any Error>?
        var hasEnded = false
    }

    private let state = Mutex(State())

    /// - Parameter progress: told how many bytes there are, from several threads.
    init(
        _ digest: Digest, size: Int64, of repository: Repository, by downloads: Downloads, or content: ContentStore,
        progress: @escaping @Sendable (Int64) -> Void
    ) {
        self.digest = digest
        self.size = size
        self.repository = repository
        self.downloads = downloads
        self.content = content
        self.progress = progress
    }

    /// Lets it come.
    func start() {
        // What cannot be asked now fails when it is read.
        if hasBegun || (try? content.has(digest)) == true { return }
        _ = download()
    }

    private func download() -> Result<Download, any Error> {
        state.withLock { state in
            if state.hasEnded { return .failure(CancellationError()) }
            if let download = state.download { return download }
            let result = Result { try downloads.join(digest, size: size, from: repository) }
            if case .success(let download) = result { download.observe(as: self, progress) }
            state.download = result
            return result
        }
    }

    /// Reads it from its beginning, while it comes.
    /// - Throws: `TimberError`.
    func reader() throws -> any ByteReader {
        // Pinned: what another pull has brought meanwhile stays.
        if !hasBegun, try content.has(digest) { return FileReader(try content.open(digest)) }
        return DownloadReader(try download().get())
    }

    private var hasBegun: Bool { state.withLock { $0.download != nil } }

    /// Whether a part of it came from an earlier download.
    var isResumed: Bool {
        state.withLock { state in
            guard case .success(let download) = state.download else { return false }
            return download.isResumed
        }
    }

    /// Gives it its name in the content store; it has been read to its end.
    /// - Returns: false when somebody has done so.
    /// - Throws: `TimberError`, `SystemError`.
    func place(in content: SharedDescriptor) throws -> Bool { try download().get().place(in: content) }

    /// Wants it no more; who is reading it gets an error, unless somebody else wants it.
    func end() {
        state.withLock { state in
            if case .success(let download) = state.download, !state.hasEnded {
                download.unobserve(self)
                downloads.leave(download)
            }
            state.hasEnded = true
        }
    }
}
