internal import DockerAPI
internal import Errors
internal import Logging
internal import NIOCore

/// How far an answer is.
enum Answer {
    case none
    /// A body of unknown length is under way, in chunks or, to HTTP/1.0, until the connection closes.
    case streaming(chunked: Bool)
    /// Raw bytes behind the head of a hijack.
    case raw
}

extension Connection {
    /// A whole answer.
    func respond(_ answer: WholeAnswer) {
        guard let context else { return }
        var head = ResponseHead(status: answer.status, headers: answer.headers)
        let hasBody = answer.status != 204 && answer.status != 304
        if hasBody { head.headers.append(("Content-Length", "\(answer.body.count)")) }
        addConnection(&head)
        let text = head.text(common: server.headers)
        var bytes = context.channel.allocator.buffer(capacity: text.utf8.count + answer.body.count)
        bytes.writeString(text)
        if hasBody && !isHead { bytes.writeBytes(answer.body) }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        answered()
    }

    /// The answer to a failure, in Docker's shape.
    func respond(to error: any Error) {
        if error is CancellationError || error is ClientHasGone {
            return respond(WholeAnswer(json: ErrorResponse(message: "the daemon is stopping"), status: 503))
        }
        let failure = error as? TimberError ?? TimberError(.internal, "the request failed", cause: error)
        let status = failure.code.httpStatus
        if status >= 500 { server.log.error("request failed", metadata: ["error": "\(failure)", "code": "\(failure.code.rawValue)"]) }
        respond(status == 304 ? WholeAnswer(status: 304) : WholeAnswer(json: ErrorResponse(message: failure.description), status: status))
    }

    private func addConnection(_ head: inout ResponseHead) {
        if case .uploading = phase { keepsAlive = false }
        if !keepsAlive {
            head.headers.append(("Connection", "close"))
        } else if isHTTP10 {
            head.headers.append(("Connection", "keep-alive"))
        }
    }

    /// Status and headers of a body of unknown length.
    func beginStream(contentType: String, headers: [(String, String)]) {
        var head = ResponseHead(status: 200, headers: [("Content-Type", contentType)] + headers)
        if isHTTP10 { keepsAlive = false } else { head.headers.append(("Transfer-Encoding", "chunked")) }
        addConnection(&head)
        answer = .streaming(chunked: !isHTTP10)
        write(head.text(common: server.headers))
    }

    /// A piece of a body.
    /// - Parameter continuation: resumed when there is room for the next one.
    func write(_ bytes: [UInt8], _ continuation: CheckedContinuation<Void, any Error>) {
        guard let context, context.channel.isActive else { return continuation.resume(throwing: ClientHasGone()) }
        // An empty chunk would end the body.
        if !bytes.isEmpty {
            var buffer = context.channel.allocator.buffer(capacity: bytes.count + 16)
            if case .streaming(chunked: true) = answer {
                buffer.writeString(String(bytes.count, radix: 16))
                buffer.writeStaticString("\r\n")
                buffer.writeBytes(bytes)
                buffer.writeStaticString("\r\n")
            } else {
                buffer.writeBytes(bytes)
            }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        }
        // The write itself may have found that the client is gone: then nobody resumes writers any more.
        if case .left = phase { return continuation.resume(throwing: ClientHasGone()) }
        if context.channel.isWritable { continuation.resume() } else { writers.append(continuation) }
    }

    /// The end of a body.
    func endStream() {
        if case .streaming(chunked: true) = answer { write("0\r\n\r\n") }
        answered()
    }

    func write(_ text: String) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: text)), promise: nil)
    }

    func resumeWriters(_ result: Result<Void, any Error>) {
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume(with: result) }
    }
}
