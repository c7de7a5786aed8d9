import CTimber

extension Shim {
    /// Descriptors kept for others: beyond this many connections the backlog waits.
    private static var connectionLimit: Int { 256 }

    func acceptConnections() {
        while connections.count < Self.connectionLimit {
            let accepted = timber_accept(listener)
            if accepted == -Int(EAGAIN) { break }
            if accepted < 0 {
                // No descriptor left: the connection stays in the backlog, and the loop does not spin meanwhile.
                acceptAgain = monotonicMilliseconds() + 100
                break
            }
            _ = addConnection(Int32(accepted))
        }
    }

    @discardableResult
    func addConnection(_ socket: Int32) -> Connection {
        let connection = Connection(nextConnection, socket: socket)
        nextConnection &+= 1
        connections.append(connection)
        return connection
    }

    func handle(_ connection: Connection, _ events: UInt32) {
        if events & writable != 0 { flush(connection) }
        if connection.isStream {
            handleStream(connection, events)
        } else if events & (readable | hungUp) != 0 {
            readFrames(connection)
        }
    }

    func flush(_ connection: Connection) {
        // A reader that reads is given more time, however slowly it does.
        if connection.flush() && phase == .leaving { deadline = monotonicMilliseconds() + Self.flushPatience }
        closeIfDelivered(connection)
    }

    /// Sets what the connection is watched for from its state.
    func watch(_ connection: Connection) {
        var events: UInt32 = 0
        if !connection.output.isEmpty { events |= writable }
        let reads = connection.isStream ? wantsInput(connection) : true
        if reads { events |= readable }
        // A peer that is gone is reported over and over: without anything to read or write it is not watched at all.
        let wanted: Watch = connection.outputEnded && events == 0 ? nil : events
        if !poller.set(connection.socket, connection.token, &connection.watch, to: wanted) { connection.isDead = true }
    }

    func watchListener() {
        if acceptAgain != 0 && monotonicMilliseconds() >= acceptAgain { acceptAgain = 0 }
        let accepts = connections.count < Self.connectionLimit && acceptAgain == 0
        poller.set(listener, Token(.listener), &listenerWatch, to: accepts ? readable : 0)
    }

    // MARK: frames

    /// Reads whole frames until the socket is empty.
    private func readFrames(_ connection: Connection) {
        while !connection.isDead && !connection.isStream {
            let count = readFramePart(connection)
            if count == -Int(EAGAIN) { return }
            if count <= 0 {
                connection.isDead = true
                return
            }
            let size = MemoryLayout<timber_frame>.size
            if connection.headerFilled < size { continue }
            let length = Int(connection.frame.length)
            if length > Int(TIMBER_FRAME_MAX) || connection.descriptors.count > Int(TIMBER_FDS_MAX) {
                connection.isDead = true
                return
            }
            if connection.payloadFilled < length {
                if connection.payload == nil { connection.payload = .allocate(byteCount: length, alignment: 16) }
                continue
            }
            if !perform(connection) { connection.isDead = true }
            connection.dropFrame()
        }
    }

    /// Reads what is missing of the header or of the payload, never beyond: what follows an ATTACH is a stream's.
    private func readFramePart(_ connection: Connection) -> Int {
        let size = MemoryLayout<timber_frame>.size
        let flags = Int32(MSG_DONTWAIT)
        if connection.headerFilled < size {
            let count = withUnsafeMutableBytes(of: &connection.frame) { bytes in
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[connection.headerFilled...])
                return receive(connection, rest, flags)
            }
            if count > 0 { connection.headerFilled += count }
            return count
        }
        guard let payload = connection.payload else { return -Int(EINVAL) }
        let rest = UnsafeMutableRawBufferPointer(rebasing: payload[connection.payloadFilled...])
        let count = receive(connection, rest, flags)
        if count > 0 { connection.payloadFilled += count }
        return count
    }

    private func receive(_ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer, _ flags: Int32) -> Int {
        var sender: pid_t = 0
        return timber_shim.receive(connection.socket, bytes, flags, into: &connection.descriptors, sender: &sender)
    }

    /// Sends an event to one connection.
    func send(_ connection: Connection, _ type: UInt32, process: UInt32, value: UInt32, _ payload: UnsafeRawBufferPointer) {
        var frame = timber_frame(length: UInt32(truncatingIfNeeded: payload.count), type: type, process: process, value: value)
        withUnsafeBytes(of: &frame) { connection.send($0, payload) }
    }

    /// Sends an event to every control connection.
    func broadcast(_ type: UInt32, process: UInt32, value: UInt32, _ payload: UnsafeRawBufferPointer) {
        for connection in connections where !connection.isStream { send(connection, type, process: process, value: value, payload) }
    }
}

var noBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
