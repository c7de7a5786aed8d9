internal import AsyncHTTPClient
internal import Errors
public import Layers
public import LinuxKernel
internal import NIOCore
internal import NIOHTTP1

extension Repository {
    /// Uploads that break off are begun again so often.
    private static let tries = 4

    /// What a blob is made of that is being pushed.
    public enum Content: Sendable {
        /// A document.
        case bytes([UInt8])
        /// A file, from its beginning.
        case file(SharedDescriptor)
    }

    /// Whether the repository has a blob.
    /// - Throws: `TimberError`.
    public func has(_ digest: Digest) async throws -> Bool {
        let question = Endpoint.Question(method: .HEAD, path: "\(path)/blobs/\(digest)", scope: pushScope)
        let response = try await own.ask(question)
        switch response.status.code {
        case 200: return true
        case 404: return false
        default: throw pushRefusal(Answer(response, []), "cannot ask for the blob \(digest)")
        }
    }

    /// Takes a blob over from another repository of the same registry, without sending it.
    /// - Parameter repository: `library/busybox`.
    /// - Returns: whether the registry did so.
    /// - Throws: `TimberError`.
    public func mount(_ digest: Digest, from repository: String) async throws -> Bool {
        do {
            let response = try await beginUpload(
                query: [("mount", digest.description), ("from", repository)], scope: "\(pushScope) repository:\(repository):pull")
            // Otherwise an upload was begun instead; the registry forgets it by itself.
            return response.status == .created
        } catch let error as TimberError where [.permissionDenied, .notFound, .invalidArgument].contains(error.code) {
            // Who may not read the other repository sends the blob.
            return false
        }
    }

    /// Sends a blob.
    /// - Parameters:
    ///   - size: of the content, bytes.
    ///   - progress: told how many bytes have been sent.
    /// - Throws: `TimberError`, `CancellationError`.
    public func upload(
        _ digest: Digest, size: Int64, _ content: Content, progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        for attempt in 1... {
            do {
                return try await uploadOnce(digest, size: size, content, progress)
            } catch let error as TimberError where error.code == .unavailable && attempt < Self.tries {
                try await Task.sleep(for: Retry.pause(attempt: attempt))
            }
        }
    }

    private func uploadOnce(
        _ digest: Digest, size: Int64, _ content: Content, _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        let begun = try await beginUpload(query: [], scope: pushScope)
        let base = WebAddress(await own.currentOrigin, target: "/v2/\(path)/blobs/uploads/")
        guard begun.status == .accepted, let location = begun.headers.first(name: "Location") else {
            throw pushRefusal(Answer(begun, []), "cannot begin to send the blob \(digest)")
        }
        var question = Endpoint.Question(method: .PUT, path: "", scope: pushScope)
        question.address = try Endpoint.address(location, from: base).adding([("digest", digest.description)])
        question.headers.add(name: "Content-Type", value: "application/octet-stream")
        question.isLong = true
        switch content {
        case .bytes(let bytes): question.body = { .bytes(ByteBuffer(bytes: bytes)) }
        case .file(let file):
            question.body = { .stream(FilePieces(file: file, size: size, progress: progress), length: .known(size)) }
        }
        let (response, bytes) = try await document(question, from: own, what: "the answer to blob \(digest)")
        guard response.status == .created else { throw pushRefusal(Answer(response, bytes), "cannot send the blob \(digest)") }
        progress(size)
    }

    private func beginUpload(query: [(name: String, value: String)], scope: String) async throws -> HTTPClientResponse {
        var question = Endpoint.Question(method: .POST, path: "\(path)/blobs/uploads/", scope: scope)
        question.query = query
        let (response, bytes) = try await document(question, from: own, what: "the answer to an upload")
        guard response.status == .accepted || response.status == .created else {
            throw pushRefusal(Answer(response, bytes), "cannot push to \(name)")
        }
        return response
    }

    /// Gives the repository a manifest; everything that it names must be there.
    /// - Parameters:
    ///   - tag: its name.
    ///   - mediaType: what it is.
    /// - Throws: `TimberError`.
    public func put(_ manifest: [UInt8], tag: String, mediaType: String) async throws {
        var question = Endpoint.Question(method: .PUT, path: "\(path)/manifests/\(tag)", scope: pushScope)
        question.headers.add(name: "Content-Type", value: mediaType)
        question.body = { .bytes(ByteBuffer(bytes: manifest)) }
        let (response, bytes) = try await document(question, from: own, what: "the answer to the manifest \(tag)")
        guard response.status == .created || response.status == .ok else {
            throw pushRefusal(Answer(response, bytes), "cannot store the manifest of \(name):\(tag)")
        }
    }

    private func pushRefusal(_ answer: Answer, _ what: String) -> TimberError {
        switch answer.status {
        case 401, 403:
            TimberError(.permissionDenied, "push access denied to \(name): \(answer.words): log in with tctl login \(registry)")
        default: answer.failure(what)
        }
    }
}

/// A file as the body of a request, read while it is sent.
private struct FilePieces: AsyncSequence, Sendable {
    let file: SharedDescriptor
    let size: Int64
    let progress: @Sendable (Int64) -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        let pieces: FilePieces
        var offset: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            let (file, offset, rest) = (pieces.file, self.offset, pieces.size - self.offset)
            if rest <= 0 { return nil }
            let most = Int(Swift.min(256 << 10, rest))
            let piece = try await BlockingPool.shared.run {
                var buffer = ByteBufferAllocator().buffer(capacity: most)
                try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { room in
                    try Transfer.readSome(file.raw, at: offset, into: UnsafeMutableRawBufferPointer(rebasing: room.prefix(most)))
                }
                return buffer
            }
            if piece.readableBytes == 0 { throw TimberError(.corrupt, "the blob's file is shorter than it should be") }
            pieces.progress(offset)
            self.offset += Int64(piece.readableBytes)
            return piece
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: self) }
}
