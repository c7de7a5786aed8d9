internal import AsyncHTTPClient
internal import Errors
public import Layers
internal import LinuxKernel
internal import NIOCore
internal import NIOHTTP1

/// Where a blob goes that is being fetched. One writer at a time; called on a thread that may block.
public protocol BlobSink: Sendable {
    /// How many bytes of the blob, from its beginning, are there already.
    var received: Int64 { get }
    /// Takes the bytes that follow. What was taken is never taken back: somebody may have read it.
    func append(_ bytes: UnsafeRawBufferPointer) throws
}

extension Repository {
    /// As many bytes are written at a time.
    private static let batch = 256 << 10
    /// So many failures in a row, without a byte in between, end a fetch.
    private static let failureLimit = 5

    /// Fetches what is missing of a blob; goes on where a connection broke off.
    /// - Parameters:
    ///   - digest: names it; whether the bytes are right is for the sink's reader to find out.
    ///   - size: as its descriptor says; not one byte more is taken.
    ///   - sink: what has come so far, and where the rest goes.
    /// - Throws: `TimberError`, `CancellationError`, what the sink throws.
    public func fetch(_ digest: Digest, size: Int64, into sink: some BlobSink) async throws {
        try await fromAny { endpoint in
            var failures = 0
            while sink.received < size || (size == 0 && failures == 0) {
                let before = sink.received
                do {
                    try await self.fetchSome(digest, size: size, into: sink, from: endpoint)
                    if size == 0 { return }
                    if sink.received < size { throw Unreachable("it closed the connection too early", await endpoint.currentOrigin) }
                } catch let error as Unreachable {
                    failures = sink.received > before ? 1 : failures + 1
                    if failures >= Self.failureLimit {
                        throw TimberError(
                            .unavailable, "blob \(digest) of \(self.name) broke off after \(sink.received) of \(size) bytes", cause: error)
                    }
                    try await Task.sleep(for: Retry.pause(attempt: failures))
                }
            }
        }
    }

    private func fetchSome(_ digest: Digest, size: Int64, into sink: some BlobSink, from endpoint: Endpoint) async throws {
        let what = "blob \(digest) of \(name)"
        var question = Endpoint.Question(method: .GET, path: "\(path)/blobs/\(digest)", scope: pullScope)
        question.isLong = true
        let start = sink.received
        if start > 0 { question.headers.add(name: "Range", value: "bytes=\(start)-") }
        let response = try await endpoint.ask(question)
        let origin = await endpoint.currentOrigin
        switch response.status.code {
        case 206 where response.headers.first(name: "Content-Range")?.hasPrefix("bytes \(start)-") == true:
            try await receive(response, skipping: 0, size: size, into: sink, what, origin)
        case 200:
            // It cannot go on where we are: what we have comes again and is left out.
            try await receive(response, skipping: start, size: size, into: sink, what, origin)
        case 206, 416: throw Unreachable("it has no bytes \(start) to \(size) of the \(what)", origin)
        default: throw refusal(Answer(response, try await Answer.body(response, limit: 64 << 10, what: what, origin)), what)
        }
    }

    private func receive(
        _ response: HTTPClientResponse, skipping: Int64, size: Int64, into sink: some BlobSink, _ what: String,
        _ origin: WebAddress.Origin
    ) async throws {
        var surplus = skipping
        var waiting: [ByteBuffer] = []
        var count = 0
        func flush() async throws {
            if waiting.isEmpty { return }
            let pieces = waiting
            waiting = []
            count = 0
            try await BlockingPool.shared.run {
                for piece in pieces { try piece.withUnsafeReadableBytes { try sink.append($0) } }
            }
        }
        do {
            for try await var piece in response.body {
                let skipped = Int(min(surplus, Int64(piece.readableBytes)))
                piece.moveReaderIndex(forwardBy: skipped)
                surplus -= Int64(skipped)
                let room = size - sink.received - Int64(count)
                if Int64(piece.readableBytes) > room {
                    throw TimberError(.corrupt, "the \(what) is longer than the \(size) bytes that its manifest says")
                }
                waiting.append(piece)
                count += piece.readableBytes
                if count >= Self.batch { try await flush() }
            }
        } catch let error as TimberError {
            throw error
        } catch let error as SystemError {
            throw error
        } catch {
            try await flush()
            throw Transport.failure(error, origin)
        }
        try await flush()
    }
}
