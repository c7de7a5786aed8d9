internal import DockerAPI
internal import Errors
internal import Logging
internal import NIOCore

/// One client's connection: reads requests one after another, runs their handlers and writes the answers, until it is hijacked
/// or closes. Lives on its event loop.
///
/// One request is worked on at a time, and nothing is read meanwhile: pipelined requests wait in the socket, which holds their
/// sender back.
final class Connection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        /// Between requests, or in the middle of a head.
        case head
        /// Reading a body that the handler gets whole.
        case collecting(Route, Request)
        /// Reading a body that goes on as it comes; the handler runs already.
        case uploading(Upload)
        /// The request is complete, its handler runs.
        case answering
        /// The last answer is out; what the client still sends is thrown away, so that it gets to read the answer.
        case lingering
        /// Hijacked or closed.
        case left
    }

    private enum Deadline {
        case idle, head, body, upload, linger
    }

    let server: ServerContext
    private var parser: RequestParser
    /// Bytes that were read and not used yet.
    var buffer = ByteBuffer()
    var phase = Phase.head
    var context: ChannelHandlerContext?
    var inputClosed = false
    private var isAdvancing = false
    private var timer: Scheduled<Void>?
    private var deadline: Deadline?

    // The request that is being worked on; Connection+Answer.swift writes its answer.

    /// Counts requests: an answer to an earlier one comes too late.
    var exchange: UInt64 = 0
    var work: Task<Void, Never>?
    var abandoned = Route.Abandoned.finishes
    var answer = Answer.none
    var isHead = false
    var isHTTP10 = false
    var wantsUpgrade = false
    var keepsAlive = true
    /// Producers that wait for the client to take what was written.
    var writers: [CheckedContinuation<Void, any Error>] = []

    init(server: ServerContext) {
        self.server = server
        parser = RequestParser(limits: server.configuration.head)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        setDeadline(.idle)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .lingering = phase { return }
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        advance()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resumeWriters(.success(())) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            inputClosed = true
            advance()
        case is StopEvent:
            keepsAlive = false
            switch phase {
            case .head, .collecting, .lingering: close()
            case .uploading, .answering: if abandoned == .isCancelled { close() }
            case .left: break
            }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A connection reset, mostly; there is nobody to tell.
        server.log.debug("connection failed", metadata: ["error": "\(error)"])
        close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    // MARK: Reading

    /// Uses up what was read, as far as the phase allows, and asks for more when it needs more.
    func advance() {
        isAdvancing = true
        defer { isAdvancing = false }
        while true {
            switch phase {
            case .left: return
            case .answering:
                // Only its end is of interest: a half-closed client still reads its answer, a closed one comes as channelInactive.
                return
            case .lingering:
                return inputClosed ? close() : read()
            case .uploading(let upload) where !upload.hasRoom:
                // It is not the client that the upload waits for.
                return setDeadline(nil)
            case .head, .collecting, .uploading: break
            }
            do {
                guard let event = try parser.next(&buffer) else { return needMore() }
                switch event {
                case .head(let head): begin(head)
                case .body(let bytes): received(bytes)
                case .end: received()
                }
            } catch {
                refuse(status: error.status, message: error.message)
            }
        }
    }

    private func needMore() {
        guard inputClosed else {
            if case .head = phase, buffer.readableBytes > 0, deadline != .head { setDeadline(.head) }
            if case .uploading = phase { setDeadline(.upload) }
            return read()
        }
        // The client ends between two requests, or in the middle of one; nothing to answer either way.
        close()
    }

    private func read() {
        context?.read()
    }

    private func begin(_ head: RequestHead) {
        setDeadline(nil)
        answer = .none
        abandoned = .finishes
        exchange &+= 1
        keepsAlive = head.keepsAlive
        isHead = head.method == "HEAD"
        isHTTP10 = head.isHTTP10
        wantsUpgrade = head.wantsUpgrade
        do {
            let target = try Target(head.target)
            let (route, variables) = try server.router.route(method: head.method, path: target.path)
            if case .length(let length) = head.framing, route.body == .collected, length > server.configuration.maximumBody {
                return refuse(status: 413, message: "request body larger than \(server.configuration.maximumBody) bytes")
            }
            let contentType = head["content-type"]?.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
            var request = Request(
                version: target.version ?? .newest, variables: variables, query: target.query, contentType: contentType,
                registryAuth: head["x-registry-auth"],
                webSocket: head.wantsUpgrade ? WebSocketHandshake(head) : nil)
            if head.expectsContinue { write("HTTP/1.1 100 Continue\r\n\r\n") }
            switch route.body {
            case .collected:
                phase = .collecting(route, request)
                if head.framing != .none { setDeadline(.body) }
            case .uploaded:
                guard let context else { return }
                let upload = try Upload(eventLoop: context.eventLoop)
                upload.onProgress = { [weak self] in self?.advance() }
                request.upload = upload.pipe
                phase = .uploading(upload)
                start(route, request)
            }
        } catch {
            // The parser stands before the body, if there is one: it is read and thrown away with the connection.
            if head.framing != .none { keepsAlive = false }
            phase = .answering
            respond(to: error)
        }
    }

    private func received(_ bytes: ByteBuffer) {
        switch phase {
        case .collecting(let route, var request):
            guard request.body.count + bytes.readableBytes <= server.configuration.maximumBody else {
                return refuse(status: 413, message: "request body larger than \(server.configuration.maximumBody) bytes")
            }
            // Moved out of the phase, so that the array grows in place.
            phase = .left
            request.body.append(contentsOf: bytes.readableBytesView)
            phase = .collecting(route, request)
        case .uploading(let upload): upload.write(bytes)
        case .head, .answering, .lingering, .left: break
        }
    }

    private func received() {
        switch phase {
        case .collecting(let route, let request):
            setDeadline(nil)
            phase = .answering
            start(route, request)
        case .uploading(let upload):
            setDeadline(nil)
            upload.end()
            phase = .answering
        // Of a request that was answered from its head alone.
        case .head: break
        case .answering, .lingering, .left: break
        }
    }

    private func start(_ route: Route, _ request: Request) {
        guard let context else { return }
        abandoned = route.abandoned
        let reply = Reply(connection: NIOLoopBound(self, eventLoop: context.eventLoop), exchange: exchange)
        let server = server
        work = Task { await reply.run(route, request, server) }
    }

    /// Answers what is not HTTP as we accept it, and ends the connection.
    func refuse(status: Int, message: String) {
        keepsAlive = false
        exchange &+= 1
        if case .uploading(let upload) = phase {
            upload.abort()
            work?.cancel()
        }
        phase = .answering
        respond(WholeAnswer(json: ErrorResponse(message: message), status: status))
    }

    // MARK: Between requests, and the end

    /// The answer is written: goes on with the next request, or ends.
    func answered() {
        work = nil
        if let context { server.idleWatch?.answered(on: context.eventLoop) }
        answer = .none
        switch phase {
        case .answering where keepsAlive && !inputClosed:
            phase = .head
            setDeadline(.idle)
            // Inside of advance() its loop goes on by itself; calling it again would nest once a pipelined request.
            if !isAdvancing { advance() }
        case .uploading(let upload):
            // Answered before the body had come: there is no telling how much would follow.
            upload.abort()
            linger()
        case .answering: linger()
        case .head, .collecting, .lingering, .left: break
        }
    }

    /// Ends the connection so that the client can read the answer: closed at once, unread bytes would make it a reset.
    func linger() {
        phase = .lingering
        buffer.clear()
        setDeadline(.linger)
        context?.closeOutputAfterWrites()
        if !isAdvancing { advance() }
    }

    func close() {
        context?.close(promise: nil)
        leave()
    }

    /// Lets go of everything that belongs to the client.
    func leave() {
        setDeadline(nil)
        if case .uploading(let upload) = phase { upload.abort() }
        phase = .left
        exchange &+= 1
        if abandoned == .isCancelled { work?.cancel() }
        work = nil
        resumeWriters(.failure(ClientHasGone()))
    }

    private func setDeadline(_ new: Deadline?) {
        timer?.cancel()
        timer = nil
        deadline = new
        guard let new, let context else { return }
        let limits = server.configuration
        let delay =
            switch new {
            case .idle: limits.idleTimeout
            case .head: limits.headTimeout
            case .body: limits.bodyTimeout
            case .upload: limits.uploadTimeout
            case .linger: limits.lingerTimeout
            }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in self?.expired() }
    }

    private func expired() {
        switch deadline {
        case .head: refuse(status: 408, message: "the request's headers did not come in time")
        case .body: refuse(status: 408, message: "the request's body did not come in time")
        case .upload:
            // What has begun as another answer cannot become this one.
            guard case .none = answer else { return close() }
            refuse(status: 408, message: "nothing more came of the archive: send it again without long pauses")
        case .idle, .linger, nil: close()
        }
    }
}

/// Sent through every pipeline when the server stops.
struct StopEvent {}

/// The client closed its connection; nobody reads the answer.
struct ClientHasGone: Error {}
