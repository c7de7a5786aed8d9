internal import DockerAPI
internal import Errors
internal import Glibc
public import LinuxKernel
public import Logging
internal import NIOCore
internal import NIOPosix

/// Serves the Docker Engine API over HTTP/1.1 on a listening socket; all it does is done by a `Backend`.
public final class APIServer: Sendable {
    /// Limits and times.
    public struct Configuration: Sendable {
        /// The daemon's version, for the `Server` header.
        public var version = "dev"
        /// Threads that move bytes; handlers and hijacked connections run elsewhere. With more than one, a connection is handed from the
        /// one that accepts it to another, which a client of three connections waits for longer than one thread is ever busy.
        public var eventLoops = 1
        /// More are answered 503 and closed.
        public var maximumConnections = 4_096
        /// Bytes of a JSON body; an uploaded archive has no limit.
        public var maximumBody = 4 << 20
        /// Bytes of request line and headers.
        public var maximumHead = 64 << 10
        /// How long a connection may wait between requests.
        public var idleTimeout = Duration.seconds(300)
        /// How long a request's head may take from its first byte.
        public var headTimeout = Duration.seconds(10)
        /// How long a JSON body may take.
        public var bodyTimeout = Duration.seconds(60)
        /// How long an archive that is uploaded may stand still. A load that waits for its client keeps one of few places.
        public var uploadTimeout = Duration.seconds(300)
        /// How long the other end may take to close.
        public var lingerTimeout = Duration.seconds(2)
        /// How long requests under way may take when the server stops.
        public var stopTimeout = Duration.seconds(10)
        /// Called when nothing has been answered for a while, once until something is.
        public var whenIdle: (@Sendable () -> Void)?
        /// How long that while is.
        public var idleAfter = Duration.seconds(10)

        /// The defaults.
        public init() {}

        var head: RequestParser.Limits {
            var limits = RequestParser.Limits()
            limits.headBytes = maximumHead
            return limits
        }
    }

    private let context: ServerContext
    private let stopping = AsyncStream<Void>.makeStream()

    /// Makes a server that does not listen yet.
    /// - Parameters:
    ///   - backend: does the work.
    ///   - log: where it says what went wrong.
    ///   - configuration: limits and times.
    public init(backend: any Backend, log: Logger, configuration: Configuration = Configuration()) {
        context = ServerContext(backend: backend, log: log, configuration: configuration)
    }

    /// Serves until `shutdown()` is called or the task is cancelled.
    ///
    /// Then it lets nobody in any more, closes connections that wait or stream, and lets requests that change something finish
    /// within `stopTimeout`.
    /// - Parameter listening: a stream socket that listens; closed at the end.
    /// - Throws: when the socket cannot be used.
    public func run(listening: consuming Descriptor) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: context.configuration.eventLoops)
        do {
            try await serve(listening.release(), group)
        } catch {
            do {
                try await group.shutdownGracefully()
            } catch {
                // The first failure is the one to report; this one costs threads at worst, and the process is about to end.
                context.log.error("the event loops did not end", metadata: ["error": "\(error)"])
            }
            throw TimberError(.internal, "cannot serve the API", cause: error)
        }
        try await group.shutdownGracefully()
    }

    /// Makes `run` return; requests under way get `stopTimeout`.
    public func shutdown() {
        stopping.continuation.finish()
    }

    private func serve(_ socket: Int32, _ group: MultiThreadedEventLoopGroup) async throws {
        let context = context
        let relays = try RelayLoop(linger: context.configuration.lingerTimeout, log: context.log) { context.connections.relayEnded() }
        context.relays.withLock { $0 = relays }
        defer {
            context.relays.withLock { $0 = nil }
            relays.stop()
        }
        let listener = try await ServerBootstrap(group: group)
            // One at a time: a request that has come is read before further connections of the same client are.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause(log: context.log)) }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let limit = context.configuration.maximumConnections
                    let handler: any ChannelHandler =
                        !DescriptorReserve.isTouched && context.connections.add(channel, limit: limit)
                        ? Connection(server: context) : Refusal(server: context)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .withBoundSocket(socket)
            .get()
        // NIO has called listen(2) itself, with a backlog of 128. The kernel cuts this one to net.core.somaxconn.
        try retrying("listen") { listen(socket, Int32(UInt16.max)) }
        let stopping = stopping
        await withTaskCancellationHandler {
            for await _ in stopping.stream {}
        } onCancel: {
            stopping.continuation.finish()
        }
        try await listener.close()
        await stop()
    }

    private func stop() async {
        let context = context
        context.relays.withLock { $0 }?.stop()
        for channel in context.connections.stop() { channel.pipeline.fireUserInboundEventTriggered(StopEvent()) }
        let timer = Task {
            try await Task.sleep(for: context.configuration.stopTimeout)
            for channel in context.connections.all { channel.close(promise: nil) }
        }
        await context.connections.untilEmpty()
        timer.cancel()
    }
}

/// Waits a moment when a connection cannot be accepted, because the process or the machine has no descriptor or memory left. The
/// connection stays in the queue and would be tried again at once, which keeps a processor busy; NIO's AcceptBackoffHandler does not
/// prevent that, as a read that failed is still pending and the socket still watched.
private final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = Channel

    private static let length = TimeAmount.milliseconds(500)

    private let log: Logger

    init(log: Logger) {
        self.log = log
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        log.warning("cannot accept connections", metadata: ["error": "\(error)"])
        let channel = context.channel
        accept(false, on: channel)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.length) { self.accept(true, on: channel) }
    }

    private func accept(_ accepts: Bool, on channel: any Channel) {
        do {
            try channel.syncOptions?.setOption(.autoRead, value: accepts)
        } catch {
            // The server has stopped meanwhile.
            log.debug("cannot pause accepting", metadata: ["error": "\(error)"])
        }
    }
}

/// The last descriptors that the process may have are not for clients: it needs some for what it does itself, and libdispatch ends the
/// process when it cannot open a file of /proc to see how its threads do.
enum DescriptorReserve {
    private static let size: rlim_t = 32

    /// Whether so few are left. The kernel gives out the lowest number that is free.
    static var isTouched: Bool {
        let lowest = fcntl(0, F_DUPFD_CLOEXEC, 0)
        if lowest < 0 { return errno == EMFILE }
        close(lowest)
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return false }
        return rlim_t(lowest) + size >= limit.rlim_cur
    }
}

/// Answers one connection too many.
private final class Refusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let server: ServerContext

    init(server: ServerContext) {
        self.server = server
    }

    func channelActive(context: ChannelHandlerContext) {
        server.log.warning("connection refused: too many are open")
        let body = ErrorResponse(message: "too many connections to the daemon: close some and try again").json()
        let head = ResponseHead(
            status: 503,
            headers: [("Content-Type", "application/json"), ("Content-Length", "\(body.count)"), ("Connection", "close")])
        var bytes = ByteBuffer(string: head.text(common: server.headers))
        bytes.writeBytes(body)
        context.channel.writeAndFlush(bytes, promise: nil)
        context.closeAfterWrites()
    }
}
