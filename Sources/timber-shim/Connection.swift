import CTimber

/// A connection from timberd: frames, until an ATTACH makes it the byte stream of one process.
final class Connection {
    /// Bytes waiting for a reader, above which its process is held back, and below which it goes on.
    static let highWater = 1 << 20
    static let lowWater = 1 << 19
    /// The same once the process has ended: room for what its pipes still hold.
    static let finalWater = highWater + 4 << 20
    /// A control connection on which this much waits is not being read.
    static let controlLimit = 1 << 20

    let number: UInt32
    let socket: Int32
    var watch: Watch = nil
    /// To be closed at the end of the event batch.
    var isDead = false

    // Control.
    var frame = timber_frame()
    var headerFilled = 0
    var payload: UnsafeMutableRawBufferPointer?
    var payloadFilled = 0
    /// Descriptors that came with the current frame.
    var descriptors: [Int32] = []

    // Stream.
    var isStream = false
    var process: UInt32 = 0
    var streams: UInt32 = 0
    var inputEnded = false
    /// The peer is gone: nothing can be written any more.
    var outputEnded = false
    /// The process has ended: close when everything is delivered.
    var closesWhenFlushed = false

    var output = ByteQueue()
    /// Since when it holds its process back and takes nothing itself (monotonic milliseconds); 0: it does not.
    var stalledSince = 0
    /// How long it may do that to others who read the same process.
    static let stallPatience = 5_000

    init(_ number: UInt32, socket: Int32) {
        self.number = number
        self.socket = socket
    }

    deinit {
        dropFrame()
        close(socket)
    }

    var token: Token { Token(.connection, number) }

    /// Forgets the current frame, with the descriptors that nobody took.
    func dropFrame() {
        for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
        descriptors.removeAll()
        payload?.deallocate()
        payload = nil
        headerFilled = 0
        payloadFilled = 0
    }

    /// Writes what fits at once and queues the rest: `head`, then `body`.
    func send(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) {
        if isDead || outputEnded { return }
        var done = 0
        if output.isEmpty {
            done = write(head, body)
            if done < 0 { return }
        }
        if done < head.count {
            output.append(UnsafeRawBufferPointer(rebasing: head[done...]))
            output.append(body)
        } else {
            output.append(UnsafeRawBufferPointer(rebasing: body[(done - head.count)...]))
        }
        if !isStream && output.count > Self.controlLimit { isDead = true }
    }

    /// Writes from the queue until the socket is full.
    /// - Returns: whether anything was written.
    @discardableResult
    func flush() -> Bool {
        var progressed = false
        while !output.isEmpty && !outputEnded {
            let count = write(output.bytes, UnsafeRawBufferPointer(start: nil, count: 0))
            if count <= 0 { break }
            output.remove(count)
            stalledSince = 0
            progressed = true
        }
        return progressed
    }

    /// Marks the output as gone; what waits is dropped.
    func endOutput() {
        outputEnded = true
        output.clear()
        if !isStream { isDead = true }
    }

    /// - Returns: bytes written, 0 when the socket is full, -1 when the peer is gone.
    private func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { vectors in
            vectors[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count)
            vectors[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
            var message = msghdr()
            message.msg_iov = vectors.baseAddress
            message.msg_iovlen = 2
            let count = retrying { result(sendmsg(socket, &message, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))) }
            if count >= 0 { return count }
            if count == -Int(EAGAIN) { return 0 }
            endOutput()
            return -1
        }
    }
}
