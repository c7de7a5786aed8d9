internal import DockerAPI
internal import Errors
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
        /// Threads that move bytes; handlers run elsewhere.
        public var eventLoops = 2
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
        /// How long the other end may take to close.
        public var lingerTimeout = Duration.seconds(2)
        /// How long requests under way may take when the server stops.
        public var stopTimeout = Duration.seconds(10)

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
            try? await group.shutdownGracefully()
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
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let limit = context.configuration.maximumConnections
                    let handler: any ChannelHandler =
                        context.connections.add(channel, limit: limit) ? Connection(server: context) : Refusal(server: context)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .withBoundSocket(socket)
            .get()
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
