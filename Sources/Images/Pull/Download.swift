internal import Errors
internal import Glibc
internal import Layers
internal import LinuxKernel
internal import Registries
internal import Tar

/// A blob on its way from a registry into `content/partial/<hex>-<size>`: fetched once however many want it, and read while it still comes.
///
/// What has come stays when the fetch breaks off, and the next one goes on there. The file counts for nothing until a reader has
/// hashed it from the first byte to the last.
final class Download: BlobSink {
    let digest: Digest
    let size: Int64
    let file: SharedDescriptor
    private let directory: SharedDescriptor
    private let name: BytePath
    /// Whether a part of it was there when it began.
    let isResumed: Bool

    struct State {
        var received: Int64
        /// How the fetch ended.
        var ending: Result<Void, any Error>?
        /// Its file has been hashed, and is what the digest names.
        var isVerified = false
        /// It has its place in the content store.
        var isPlaced = false
        /// The name in the directory is its own: not yet placed, removed, or another one's.
        var ownsName = true
        var task: Task<Void, Never>?
        var users = 1
        var observers: [ObjectIdentifier: @Sendable (Int64) -> Void] = [:]
    }

    private let state: Monitor<State>

    /// Opens or makes the file.
    /// - Throws: `SystemError`.
    init(_ digest: Digest, size: Int64, in directory: SharedDescriptor) throws {
        self.digest = digest
        self.size = size
        self.directory = directory
        // Who says another size means another file: what one manifest says must not touch what another one has proven.
        let name = BytePath("\(digest.hex)-\(size)")
        self.name = name
        let file = SharedDescriptor(try DirectoryCalls.open(directory.raw, name, O_RDWR | O_CREAT, mode: 0o600))
        var there = try DirectoryCalls.status(of: file.raw).size
        if there > size {
            try retrying("ftruncate", digest.hex) { ftruncate(file.raw, 0) }
            there = 0
        }
        try retrying("lseek", digest.hex) { lseek(file.raw, off_t(there), SEEK_SET) }
        self.file = file
        isResumed = there > 0
        state = Monitor(State(received: there))
    }

    // MARK: Receiving

    /// Fetches what is missing, once.
    /// - Parameters:
    ///   - fetch: brings it.
    ///   - ended: called when nobody writes to the file any more.
    func start(_ fetch: @escaping @Sendable (Download) async throws -> Void, ended: @escaping @Sendable (Download) -> Void) {
        state.withLock { state in
            if state.task != nil { return }
            state.task = Task {
                let ending: Result<Void, any Error>
                do {
                    try await fetch(self)
                    ending = .success(())
                } catch let error as SystemError {
                    ending = .failure(TimberError(.internal, "cannot store the blob \(self.digest)", cause: error))
                } catch {
                    ending = .failure(error)
                }
                self.state.withLock { $0.ending = ending }
                ended(self)
            }
        }
    }

    var received: Int64 { state.withLock { $0.received } }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try Transfer.writeFully(file.raw, bytes)
        let (received, observers) = state.withLock { state in
            state.received += Int64(bytes.count)
            return (state.received, Array(state.observers.values))
        }
        for observer in observers { observer(received) }
    }

    // MARK: Sharing

    /// Takes part in it.
    /// - Returns: false when it has failed: another one must be made.
    func join() -> Bool {
        state.withLock { state in
            if case .failure = state.ending { return false }
            if state.users == 0 { return false }
            state.users += 1
            return true
        }
    }

    /// Lets go of it; without users it is given up.
    func leave() {
        state.withLock { state in
            state.users -= 1
            if state.users == 0 { state.task?.cancel() }
        }
    }

    /// Whether somebody may still write to the file.
    var isWriting: Bool { state.withLock { $0.ending == nil } }

    /// Whether nobody wants it and nobody writes to it.
    var isOver: Bool { state.withLock { $0.users == 0 && $0.ending != nil } }

    /// Whether its file is good for nothing.
    var isUseless: Bool { state.withLock { $0.received == 0 && !$0.isPlaced } }

    /// Tells somebody how many bytes there are, after each piece.
    func observe(as observer: AnyObject, _ body: @escaping @Sendable (Int64) -> Void) {
        state.withLock { $0.observers[ObjectIdentifier(observer)] = body }
    }

    func unobserve(_ observer: AnyObject) {
        state.withLock { $0.observers[ObjectIdentifier(observer)] = nil }
    }

    // MARK: Reading

    /// Waits until there is more than what was read.
    /// - Returns: how many bytes there are; `offset` at the end.
    /// - Throws: why the fetch failed.
    fileprivate func wait(past offset: Int64) throws -> Int64 {
        try state.wait { state in
            if state.received > offset { return state.received }
            guard let ending = state.ending else { return nil }
            try ending.get()
            return offset
        }
    }

    /// - Throws: `TimberError.corrupt` when what has come is something else than the digest says; then it is forgotten.
    fileprivate func verify(_ found: Digest) throws {
        if found == digest {
            state.withLock { $0.isVerified = true }
        } else {
            let failure = TimberError(.corrupt, "wrong digest: the registry's content is \(found)")
            // First the file: who comes after this must begin with a new one.
            removeFile()
            state.withLock { $0.ending = .failure(failure) }
            throw failure
        }
    }

    /// Gives it its name in the content store.
    /// - Returns: false when that was done before.
    /// - Throws: `TimberError`, `SystemError`.
    func place(in content: SharedDescriptor) throws -> Bool {
        try state.withLock { state in
            if state.isPlaced { return false }
            guard state.isVerified, state.ownsName else { throw TimberError(.internal, "the blob \(digest) has not been read to its end") }
            try DirectoryCalls.rename(directory.raw, name, to: content.raw, BytePath(digest.hex))
            state.isPlaced = true
            state.ownsName = false
            return true
        }
    }

    /// Takes the file's name away; what has come is lost.
    func removeFile() {
        state.withLock { state in
            guard state.ownsName else { return }
            state.ownsName = false
            do {
                try DirectoryCalls.remove(directory.raw, name)
            } catch {
                // Nothing of that name: what was to be done. Anything else is found at a later start.
            }
        }
    }
}

/// Reads a download from its beginning, waiting for what has not come yet, and hashes it.
final class DownloadReader: ByteReader {
    private let download: Download
    private var offset: Int64 = 0
    private var hasher = Digest.Hasher()

    init(_ download: Download) {
        self.download = download
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let available = try download.wait(past: offset)
        if available == offset {
            try download.verify(hasher.digest())
            return 0
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(min(Int64(buffer.count), available - offset))))
        let count = try Transfer.readSome(download.file.raw, at: offset, into: room)
        if count == 0 { throw TimberError(.internal, "the file of the blob \(download.digest) was cut while it was read") }
        hasher.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
        offset += Int64(count)
        return count
    }
}
