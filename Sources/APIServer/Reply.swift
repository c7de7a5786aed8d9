internal import DockerAPI
internal import Errors
internal import LinuxKernel
internal import Logging
internal import NIOCore
internal import Synchronization

/// The side of a request that runs in a task: calls the handler and hands its answer to the connection's event loop.
struct Reply: Sendable {
    let connection: NIOLoopBound<Connection>
    let exchange: UInt64

    private var eventLoop: any EventLoop { connection.eventLoop }

    func run(_ route: Route, _ request: Request, _ server: ServerContext) async {
        do {
            let response = try await route.handler(request, server.backend)
            switch consume response {
            case .whole(let answer): onLoop { $0.respond(answer) }
            case .stream(let body): try await stream(body)
            case .hijack(let hijack): try await self.hijack(hijack)
            }
        } catch {
            onLoop { $0.respond(to: error) }
        }
    }

    /// Runs on the event loop, unless the client has gone or the connection is at another request.
    private func onLoop(_ body: @escaping @Sendable (Connection) -> Void) {
        let (connection, exchange) = (connection, exchange)
        eventLoop.execute {
            let connection = connection.value
            if connection.exchange == exchange { body(connection) }
        }
    }

    /// As `onLoop`, and waits.
    private func ask(_ body: @escaping @Sendable (Connection) throws -> Void) async throws {
        let (connection, exchange) = (connection, exchange)
        try await eventLoop.submit {
            let connection = connection.value
            guard connection.exchange == exchange else { throw ClientHasGone() }
            try body(connection)
        }.get()
    }

    private func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        let (connection, exchange) = (connection, exchange)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            eventLoop.execute {
                let connection = connection.value
                guard connection.exchange == exchange else { return continuation.resume(throwing: ClientHasGone()) }
                connection.write(bytes, continuation)
            }
        }
    }

    // MARK: Bodies of unknown length

    private func stream(_ body: StreamedBody) async throws {
        let begun = Flag()
        let begin: @Sendable () -> Void = {
            if begun.raise() { onLoop { $0.beginStream(contentType: body.contentType, headers: body.headers) } }
        }
        if body.commit == .immediately { begin() }
        do {
            try await body.bytes.run { bytes in
                begin()
                try await write(bytes)
            }
            begin()
            onLoop { $0.endStream() }
        } catch {
            // Without a beginning the failure still gets a status of its own.
            guard begun.isRaised else { throw error }
            guard let failure = body.failure, !(error is ClientHasGone) else { return cutShort(error) }
            do {
                try await write(failure(error))
                onLoop { $0.endStream() }
            } catch {
                cutShort(error)
            }
        }
    }

    /// Ends a body without its last chunk: the client sees that it is not complete.
    private func cutShort(_ error: any Error) {
        onLoop { connection in
            connection.server.log.debug("answer cut short", metadata: ["error": "\(error)"])
            connection.close()
        }
    }

    // MARK: Hijack

    /// Waits until the client has read the head of the hijack, about a second at the most; `Relay` says why, and does it by itself.
    private func headIsRead() async throws {
        var pause = TimeAmount.microseconds(20)
        for _ in 0..<16 {
            let read = Flag()
            try await ask { if try $0.everythingIsRead { _ = read.raise() } }
            if read.isRaised { return }
            try await eventLoop.scheduleTask(in: pause) {}.futureResult.get()
            pause = pause * 2
        }
    }

    private func hijack(_ hijack: consuming Hijack) async throws {
        let (contentType, prelude, detachKeys, web) = (hijack.contentType, hijack.prelude, hijack.detachKeys, hijack.webSocket)
        var socket: HandedOver?
        if let stream = hijack.stream.take() { socket = HandedOver(stream.socket) }
        let joined = socket
        let begin: @Sendable (Connection) -> Void = { $0.beginRaw(contentType: contentType, webSocket: web?.handshake) }
        let join: @Sendable (Connection) -> Void = { connection in
            guard let joined else { return connection.answered() }
            connection.join(joined, detachKeys: detachKeys, webSocket: web.map { WebSocket(encoder: $0.encoder) })
        }
        do {
            guard let prelude else {
                return try await ask { connection in
                    begin(connection)
                    join(connection)
                }
            }
            try await ask(begin)
            try await headIsRead()
            if let web {
                let encoder = Mutex(web.encoder)
                try await prelude.run { bytes in try await write(try encoder.withLock { try $0.encode(bytes) }) }
                if joined == nil { try await write(WebSocketFrame.close(.normal)) }
            } else {
                try await prelude.run { try await write($0) }
            }
            try await ask(join)
        } catch {
            // Behind the head there is no status left to fail with.
            onLoop { $0.close() }
        }
    }
}
