internal import LinuxKernel
internal import NIOCore
internal import NIOPosix

/// Joins a hijacked connection to the stream socket of a process: bytes both ways, each side read only as fast as the other takes
/// them; the end of the client's sending becomes the end of the process's input. Lives on the connection's event loop.
final class Relay {
    private let upstream: any Channel

    private init(_ upstream: any Channel) {
        self.upstream = upstream
    }

    /// Takes the process's socket into the event loop, without reading yet.
    static func connect(_ socket: HandedOver, eventLoop: any EventLoop) async throws -> NIOLoopBound<Relay> {
        let number = try socket.take().release()
        let upstream = try await ClientBootstrap(group: eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .withConnectedSocket(number)
            .get()
        return try await eventLoop.submit { NIOLoopBound(Relay(upstream), eventLoop: eventLoop) }.get()
    }

    /// There is nobody any more to join.
    func abandon() {
        upstream.close(promise: nil)
    }

    /// - Parameters:
    ///   - client: the connection, which has left HTTP.
    ///   - early: what the client sent behind its request.
    ///   - inputEnded: the client has ended its sending already.
    ///   - detachKeys: keys that end the connection; empty: none.
    ///   - linger: how long a client may take to close its end.
    func join(_ client: any Channel, early: ByteBuffer, inputEnded: Bool, detachKeys: [UInt8], linger: TimeAmount) {
        let near = RelaySide(scanner: detachKeys.isEmpty ? nil : DetachScanner(keys: detachKeys), linger: linger)
        let far = RelaySide(scanner: nil, linger: nil)
        near.other = far
        far.other = near
        do {
            try client.pipeline.syncOperations.addHandler(near)
            try upstream.pipeline.syncOperations.addHandler(far)
        } catch {
            client.close(promise: nil)
            return abandon()
        }
        near.begin(early: early, inputEnded: inputEnded)
        far.begin(early: ByteBuffer(), inputEnded: false)
    }
}

/// One side of a relay: passes what it reads to the other.
private final class RelaySide: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The two hold each other until one channel has gone.
    var other: RelaySide?

    private var scanner: DetachScanner?
    /// The client's side waits so long for the client to close; nil: the process's side, which closes at once.
    private let linger: TimeAmount?
    private var context: ChannelHandlerContext?
    private var inputEnded = false
    private var outputEnded = false
    /// What is read goes nowhere any more.
    private var discards = false
    private var waitsForRoom = false

    init(scanner: DetachScanner?, linger: TimeAmount?) {
        self.scanner = scanner
        self.linger = linger
    }

    func begin(early: ByteBuffer, inputEnded: Bool) {
        if early.readableBytes > 0 {
            pass(early)
            other?.context?.flush()
        }
        if inputEnded { endInput() } else { readMore() }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pass(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        other?.context?.flush()
        readMore()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { other?.roomAppeared() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: endInput()
        case is StopEvent: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset: channelInactive follows and ends the other side.
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        guard let other else { return }
        self.other = nil
        other.partnerHasGone()
    }

    // MARK: Bytes

    private func pass(_ bytes: ByteBuffer) {
        guard !discards, let other else { return }
        guard var scanner else { return other.write(bytes) }
        let (passed, detached) = scanner.scan(bytes.readableBytesView)
        self.scanner = scanner
        if !passed.isEmpty { other.write(ByteBuffer(bytes: passed)) }
        if detached {
            other.context?.flush()
            other.closeAfterWrites()
            endOutput()
        }
    }

    private func write(_ bytes: ByteBuffer) {
        context?.write(wrapOutboundOut(bytes), promise: nil)
    }

    private func readMore() {
        guard !inputEnded, let context else { return }
        if discards || other?.hasRoom == true { context.read() } else { waitsForRoom = true }
    }

    private var hasRoom: Bool {
        context?.channel.isWritable == true
    }

    private func roomAppeared() {
        guard waitsForRoom else { return }
        waitsForRoom = false
        readMore()
    }

    // MARK: Ends

    /// This side sends nothing more.
    private func endInput() {
        guard !inputEnded else { return }
        inputEnded = true
        if linger == nil {
            // The process has ended and everything is delivered.
            other?.endOutput()
            context?.close(promise: nil)
        } else if outputEnded {
            closeAfterWrites()
        } else {
            other?.endOutput()
        }
    }

    /// This side gets nothing more. The client then closes; closed from here with bytes of the client unread, it would see a
    /// reset instead of the end.
    private func endOutput() {
        guard !outputEnded, let context else { return }
        outputEnded = true
        context.closeOutputAfterWrites()
        guard let linger else { return }
        discards = true
        if inputEnded { return closeAfterWrites() }
        readMore()
        context.eventLoop.assumeIsolated().scheduleTask(in: linger) { [weak self] in self?.context?.close(promise: nil) }
    }

    private func partnerHasGone() {
        other = nil
        if linger == nil { context?.close(promise: nil) } else { endOutput() }
    }

    private func closeAfterWrites() {
        context?.closeAfterWrites()
    }
}

extension ChannelHandlerContext {
    /// Closes when everything that was written has gone out; a plain close would drop it.
    func closeAfterWrites() {
        afterWrites { $0.close(promise: nil) }
    }

    /// Ends this direction when everything that was written has gone out.
    func closeOutputAfterWrites() {
        afterWrites { $0.close(mode: .output, promise: nil) }
    }

    private func afterWrites(_ body: @escaping (any Channel) -> Void) {
        let channel = channel
        // Writes are completed in order, so an empty one is complete when all before it are. If they failed the channel is closed.
        let empty = channel.writeAndFlush(ByteBuffer())
        empty.assumeIsolated().whenSuccess { body(channel) }
    }
}
