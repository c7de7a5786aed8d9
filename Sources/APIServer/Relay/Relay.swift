internal import Glibc
internal import LinuxKernel

/// A hijacked connection joined to the stream socket of a process: bytes both ways, each side read only as fast as the other takes
/// them. Both sockets are non-blocking and watched edge-triggered; lives on the relay loop's thread.
///
/// Not a pair of NIO channels: NIO closes a channel at the first failed write and throws away what it has not read, and the
/// last output of a process whose input fails is exactly that.
final class Relay {
    /// What became of an attempt to move bytes.
    enum Outcome {
        /// Everything is done; the sockets can be closed.
        case ended
        /// There may be more to do at once, but others wait.
        case again
        /// Nothing to do until an event or the deadline.
        case waits
    }

    /// One end, and what epoll said of it.
    private struct End: ~Copyable {
        var socket: Descriptor
        var readable = true
        var writable = true
    }

    /// One direction.
    private struct Flow {
        /// Read and not yet written; at most one read's worth.
        var pending: ArraySlice<UInt8> = []
        /// The source sends nothing more.
        var ended = false
        /// The sink takes nothing more: what comes is thrown away.
        var broken = false
        /// The sink was told of the end.
        var told = false

        var isDone: Bool { ended && pending.isEmpty || broken }
    }

    private enum Received {
        case bytes(Int), end, nothing
    }

    private var client: End
    private var process: End
    private var input: Flow
    private var output = Flow()
    private var scanner: DetachScanner?
    private var detached = false
    /// nil: the connection carries the bytes as they are.
    private var webSocket: WebSocket?
    /// The client gets what is pending and the end, whatever else the process says.
    private var dropsOutput = false
    /// The client has closed both directions.
    private var clientHasGone = false
    /// The client has read the head of the hijack.
    private var headIsRead = false
    /// When to stop waiting: for the head to be read, later for the client to close. Nanoseconds of the monotonic clock.
    private(set) var deadline: Int64?
    private let linger: Int64

    /// docker-py reads the head through a buffer, takes the rest from the socket itself, and so loses output that comes together
    /// with the head (docker-py issue 3332). Output waits for the head to be read, but not longer than this.
    private static let headPatience: Int64 = 1_000_000_000
    private static let rounds = 16

    /// - Parameters:
    ///   - client: the connection.
    ///   - process: the process's socket.
    ///   - early: what the client sent behind its request.
    ///   - detachKeys: keys that end the connection; empty: none.
    ///   - webSocket: how the connection carries the bytes; nil: as they are.
    ///   - linger: nanoseconds that a client may take to close its end.
    init(
        client: consuming Descriptor, process: consuming Descriptor, early: [UInt8], detachKeys: [UInt8], webSocket: WebSocket?,
        linger: Int64
    ) throws {
        try client.setNonBlocking()
        try process.setNonBlocking()
        self.client = End(socket: client)
        self.process = End(socket: process)
        self.linger = linger
        input = Flow()
        scanner = detachKeys.isEmpty ? nil : DetachScanner(keys: detachKeys)
        self.webSocket = webSocket
        deadline = MonotonicClock.now() + Self.headPatience
        take(early[...])
    }

    var clientSocket: Int32 { client.socket.raw }
    var processSocket: Int32 { process.socket.raw }

    /// Notes what epoll said of the client's end.
    func clientEvent(readable: Bool, writable: Bool, hungUp: Bool) {
        if readable || hungUp { client.readable = true }
        if writable || hungUp { client.writable = true }
        if hungUp { clientHasGone = true }
    }

    /// Notes what epoll said of the process's end.
    func processEvent(readable: Bool, writable: Bool, hungUp: Bool) {
        if readable || hungUp { process.readable = true }
        if writable || hungUp { process.writable = true }
    }

    /// Moves what can be moved.
    /// - Parameter scratch: memory to read into.
    func advance(_ scratch: inout [UInt8]) -> Outcome {
        for _ in 0..<Self.rounds {
            let movedInput = moveInput(&scratch)
            let movedOutput = moveOutput(&scratch)
            if isDone { return .ended }
            if !movedInput && !movedOutput { return .waits }
        }
        return .again
    }

    private var isDone: Bool {
        if let deadline, output.told || detached, MonotonicClock.now() >= deadline { return true }
        // The process has ended, and the client has closed, too.
        if output.told && input.ended { return true }
        // The client has gone, and the process has got all its input.
        return clientHasGone && input.isDone
    }

    // MARK: Client to process

    private func moveInput(_ scratch: inout [UInt8]) -> Bool {
        if !input.pending.isEmpty, !input.broken {
            let count = Self.send(&process, &input)
            if !input.pending.isEmpty { return count > 0 }
        }
        if input.ended {
            if !input.told && !input.broken && !detached {
                shutdown(process.socket.raw, Int32(SHUT_WR))
                input.told = true
            }
            return false
        }
        switch Self.receive(&client, &scratch) {
        case .bytes(let count):
            take(scratch[..<count])
            return true
        case .end:
            input.ended = true
            return true
        case .nothing: return false
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        guard let outcome = webSocket?.decoder.decode(bytes) else { return takeInput(bytes) }
        takeInput(outcome.payload[...])
        if !dropsOutput, output.pending.count + outcome.replies.count <= WebSocket.mostReplies { output.pending += outcome.replies }
        guard let reason = outcome.closes else { return }
        input.ended = true
        closeWebSocket(reason)
    }

    private func takeInput(_ bytes: ArraySlice<UInt8>) {
        if input.broken || detached { return }
        guard var scanner else {
            // A copy, as the scratch memory is used again.
            input.pending = Array(bytes)[...]
            return
        }
        let (passed, found) = scanner.scan(bytes)
        self.scanner = scanner
        input.pending = passed[...]
        if found { detach() }
    }

    /// Behind what is pending, which may be half a frame, the client gets the reason and the end.
    private func closeWebSocket(_ reason: WebSocketStatus) {
        if webSocket?.hasClosed != false { return }
        webSocket?.hasClosed = true
        output.pending += WebSocketFrame.close(reason)
        dropsOutput = true
    }

    /// The user leaves: the process gets what was typed before, and no end of its input.
    private func detach() {
        detached = true
        if webSocket != nil { return closeWebSocket(.normal) }
        output.pending = []
        output.broken = true
        tellClient()
    }

    // MARK: Process to client

    private func moveOutput(_ scratch: inout [UInt8]) -> Bool {
        guard canBeginOutput else { return false }
        if !output.pending.isEmpty {
            let count = Self.send(&client, &output)
            if !output.pending.isEmpty { return count > 0 }
        }
        if output.ended || dropsOutput {
            if !output.told { tellClient() }
            return false
        }
        switch Self.receive(&process, &scratch) {
        case .bytes(let count):
            // A client that has gone must not hold the process back: its output is read and dropped.
            if !output.broken { give(scratch[..<count]) }
            return true
        case .end:
            output.ended = true
            closeWebSocket(.normal)
            // Nobody reads the input any more.
            input.pending = []
            input.broken = true
            return true
        case .nothing: return false
        }
    }

    private func give(_ bytes: ArraySlice<UInt8>) {
        guard webSocket != nil else {
            output.pending = Array(bytes)[...]
            return
        }
        do {
            output.pending += try webSocket?.encoder.encode(bytes) ?? []
        } catch {
            // Not what a shim sends; nothing behind it can be told apart.
            closeWebSocket(.protocolError)
        }
    }

    private var canBeginOutput: Bool {
        if headIsRead { return true }
        if let deadline, !clientHasGone, MonotonicClock.now() < deadline, hasUnreadHead { return false }
        headIsRead = true
        deadline = output.told ? deadline : nil
        return true
    }

    private var hasUnreadHead: Bool {
        do {
            return try SocketQueue.unreadByPeer(client.socket.raw) > 0
        } catch {
            // A kernel that cannot tell. The wait only spares docker-py; output that comes with the head is no error.
            return false
        }
    }

    /// The client gets the end of its output, and some time to close: closed from here with bytes of the client unread, it would
    /// see a reset instead.
    private func tellClient() {
        output.told = true
        shutdown(client.socket.raw, Int32(SHUT_WR))
        deadline = MonotonicClock.now() + linger
    }

    // MARK: Sockets

    private static func receive(_ end: inout End, _ scratch: inout [UInt8]) -> Received {
        guard end.readable else { return .nothing }
        do {
            let count = try retrying("recv") { recv(end.socket.raw, &scratch, scratch.count, 0) }
            return count > 0 ? .bytes(count) : .end
        } catch let error as SystemError where error.errno == EAGAIN {
            end.readable = false
            return .nothing
        } catch {
            // A reset: what there was to read has been read.
            return .end
        }
    }

    /// - Returns: how many bytes went out.
    private static func send(_ end: inout End, _ flow: inout Flow) -> Int {
        guard end.writable else { return 0 }
        do {
            let count = try flow.pending.withUnsafeBytes { bytes in
                try retrying("send") { Glibc.send(end.socket.raw, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
            }
            flow.pending = flow.pending.dropFirst(count)
            return count
        } catch let error as SystemError where error.errno == EAGAIN {
            end.writable = false
            return 0
        } catch {
            flow.pending = []
            flow.broken = true
            return 0
        }
    }
}
