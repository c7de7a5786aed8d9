internal import LinuxKernel
internal import Logging
internal import NIOCore

extension Connection {
    /// The head of a hijacked connection: 101, or 200 for clients that did not ask for an upgrade.
    func beginRaw(contentType: String, webSocket: WebSocketHandshake?) {
        var head = ResponseHead(status: wantsUpgrade ? 101 : 200)
        if let webSocket {
            head.headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Accept", webSocket.accept)]
        } else {
            head.headers = [("Content-Type", contentType)]
            if wantsUpgrade { head.headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")] }
        }
        keepsAlive = false
        answer = .raw
        write(head.text(common: server.headers))
    }

    /// Whether the client has read everything that was written, as far as the kernel tells.
    var everythingIsRead: Bool {
        get throws {
            guard let context, context.channel.isActive else { return true }
            let unread = try context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                try SocketQueue.unreadByPeer($0)
            }
            return unread ?? 0 == 0
        }
    }

    /// Leaves HTTP: the relay loop has the connection from here on, by a descriptor of its own.
    func join(_ socket: HandedOver, detachKeys: [UInt8], webSocket: WebSocket?) {
        guard let context, let relays = server.relays.withLock({ $0 }) else { return close() }
        let server = server
        abandoned = .finishes
        leave()
        context.afterWrites { channel in
            defer { channel.close(promise: nil) }
            do {
                let client = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                    HandedOver(try Descriptor.duplicating($0))
                }
                guard let client else { return }
                let early = Array(self.buffer.readableBytesView)
                server.connections.relayBegan()
                relays.add(RelayLoop.Joined(client: client, process: socket, early: early, detachKeys: detachKeys, webSocket: webSocket))
            } catch {
                server.log.error("cannot join a client to its process", metadata: ["error": "\(error)"])
            }
        }
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

    /// Runs something when everything that was written has gone out.
    func afterWrites(_ body: @escaping (any Channel) -> Void) {
        let channel = channel
        // Writes are completed in order, so an empty one is complete when all before it are. If they failed the channel is closed.
        let empty = channel.writeAndFlush(ByteBuffer())
        empty.assumeIsolated().whenSuccess { body(channel) }
    }
}
