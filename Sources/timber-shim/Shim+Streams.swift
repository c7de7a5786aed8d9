import CTimber

// Bytes between a process and its attached clients.
extension Shim {
    // MARK: output

    /// Reads what a stream has, logs it and hands it to the clients.
    func readOutput(_ process: ContainerProcess, _ stream: Stream) {
        // A bounded number of rounds, so that a process that writes for ever does not starve the others.
        for _ in 0..<16 {
            if process.isHeld { return }
            let source = stream == .output ? process.output.raw : process.error.raw
            if source < 0 { return }
            let count = retrying { result(read(source, readBuffer.baseAddress, readBuffer.count)) }
            if count == -Int(EAGAIN) { return }
            if count <= 0 {
                // 0, or EIO from a terminal: no writer is left.
                closeOutput(process, stream)
                return
            }
            deliver(process, stream, UnsafeRawBufferPointer(rebasing: readBuffer[..<count]))
            updateHold(process)
        }
    }

    private func deliver(_ process: ContainerProcess, _ stream: Stream, _ bytes: UnsafeRawBufferPointer) {
        if process.number == 0 { log?.append(stream, bytes) }
        let wanted = stream == .output ? TIMBER_ATTACH_STDOUT : TIMBER_ATTACH_STDERR
        // Docker's multiplexed stream: number, three zeros, big-endian length; a terminal is raw.
        var header: (UInt8, UInt8, UInt8, UInt8, UInt32) = (stream.rawValue, 0, 0, 0, UInt32(truncatingIfNeeded: bytes.count).bigEndian)
        withUnsafeBytes(of: &header) { header in
            let head = process.has(TIMBER_PROCESS_TTY) ? noBytes : header
            for connection in connections where isAttached(connection, process) && connection.streams & wanted != 0 {
                connection.send(head, bytes)
            }
        }
    }

    private func isAttached(_ connection: Connection, _ process: ContainerProcess) -> Bool {
        connection.isStream && connection.process == process.number && !connection.isDead
    }

    func closeOutput(_ process: ContainerProcess, _ stream: Stream) {
        switch stream {
        case .output:
            poller.set(process.output.raw, Token(.output, process.number), &process.outputWatch, to: nil)
            process.output = Descriptor()
        case .error:
            poller.set(process.error.raw, Token(.error, process.number), &process.errorWatch, to: nil)
            process.error = Descriptor()
        }
    }

    /// Whether a client reads this process's output and has little waiting. A stream of nothing stands for one that follows the log,
    /// which gets no further than the process.
    private func keepsUp(_ connection: Connection, _ process: ContainerProcess) -> Bool {
        isAttached(connection, process)
            && (connection.streams == 0 || connection.streams & (TIMBER_ATTACH_STDOUT | TIMBER_ATTACH_STDERR) != 0)
            && connection.output.count <= Connection.lowWater
    }

    /// A client that takes nothing holds a process back for itself, as a pipe would, but not for ever for others who do read: after
    /// `stallPatience` it is cut off.
    /// - Returns: when to look again (monotonic milliseconds); nil: nobody is held back by somebody else.
    func cutStalled(_ process: ContainerProcess) -> Int? {
        guard process.isHeld, !process.hasExited else { return nil }
        var othersWait = false
        for connection in connections where keepsUp(connection, process) { othersWait = true }
        let now = monotonicMilliseconds()
        var next: Int?
        for connection in connections where isAttached(connection, process) && connection.output.count > Connection.lowWater {
            if connection.stalledSince == 0 { connection.stalledSince = now }
            guard othersWait else { continue }
            let end = connection.stalledSince + Connection.stallPatience
            if now >= end { connection.isDead = true } else { next = min(next ?? end, end) }
        }
        return next
    }

    /// Stops reading from a process while a client has too much waiting, and goes on when it has read.
    func updateHold(_ process: ContainerProcess) {
        var most = 0
        for connection in connections where isAttached(connection, process) { most = max(most, connection.output.count) }
        if process.hasExited {
            process.isHeld = most >= Connection.finalWater
        } else {
            process.isHeld = most > (process.isHeld ? Connection.lowWater : Connection.highWater)
        }
        let wanted: Watch = process.isHeld ? nil : readable
        poller.set(process.output.raw, Token(.output, process.number), &process.outputWatch, to: wanted)
        poller.set(process.error.raw, Token(.error, process.number), &process.errorWatch, to: wanted)
    }

    // MARK: input

    /// Whether bytes of an attached client can be taken now.
    func wantsInput(_ connection: Connection) -> Bool {
        if connection.inputEnded || connection.streams & TIMBER_ATTACH_STDIN == 0 { return false }
        guard let process = process(connection.process), process.state != .launching else { return false }
        return process.inputQueue.count < ContainerProcess.inputLimit
    }

    func handleStream(_ connection: Connection, _ events: UInt32) {
        if events & readable != 0 && wantsInput(connection) { readInput(connection) }
        if events & hungUp != 0 {
            connection.endOutput()
            // What the client sent before it left still belongs to the process.
            if !wantsInput(connection) && (connection.inputEnded || connection.streams & TIMBER_ATTACH_STDIN == 0) {
                connection.isDead = true
            } else if wantsInput(connection) {
                readInput(connection)
            }
        }
    }

    private func readInput(_ connection: Connection) {
        guard let process = process(connection.process) else { return }
        let room = ContainerProcess.inputLimit - process.inputQueue.count
        if room <= 0 { return }
        let count = retrying { result(recv(connection.socket, readBuffer.baseAddress, min(room, readBuffer.count), Int32(MSG_DONTWAIT))) }
        if count == -Int(EAGAIN) { return }
        if count <= 0 {
            connection.inputEnded = true
            if connection.outputEnded || count < 0 { connection.isDead = true }
            if process.has(TIMBER_PROCESS_STDIN_ONCE) && !process.has(TIMBER_PROCESS_TTY) { process.closesInputWhenDrained = true }
            writeInput(process)
            return
        }
        // Without a reader the bytes are thrown away, as a write to a closed pipe would be.
        if !process.input.isOpen { return }
        process.inputQueue.append(UnsafeRawBufferPointer(rebasing: readBuffer[..<count]))
        writeInput(process)
    }

    func writeInput(_ process: ContainerProcess) {
        while process.input.isOpen && !process.inputQueue.isEmpty {
            let bytes = process.inputQueue.bytes
            let count = retrying { result(write(process.input.raw, bytes.baseAddress, bytes.count)) }
            if count == -Int(EAGAIN) { break }
            if count < 0 {
                closeInput(process)
                return
            }
            process.inputQueue.remove(count)
        }
        if process.inputQueue.isEmpty && process.closesInputWhenDrained {
            closeInput(process)
            return
        }
        let wanted: Watch = process.inputQueue.isEmpty ? nil : writable
        poller.set(process.input.raw, Token(.input, process.number), &process.inputWatch, to: wanted)
    }

    func closeInput(_ process: ContainerProcess) {
        poller.set(process.input.raw, Token(.input, process.number), &process.inputWatch, to: nil)
        process.input = Descriptor()
        process.inputQueue.clear()
    }

    // MARK: ends

    /// The process has ended: its clients get what waits for them, then the end.
    func endStreams(_ number: UInt32) {
        for connection in connections where connection.isStream && connection.process == number { endStream(connection) }
    }

    func endStream(_ connection: Connection) {
        connection.closesWhenFlushed = true
        connection.inputEnded = true
        closeIfDelivered(connection)
    }

    func closeIfDelivered(_ connection: Connection) {
        guard connection.closesWhenFlushed, connection.output.isEmpty, !connection.isDead else { return }
        // Closing a socket with unread input would turn the peer's end of file into ECONNRESET.
        shutdown(connection.socket, Int32(SHUT_WR))
        for _ in 0..<16 {
            let count = recv(connection.socket, readBuffer.baseAddress, readBuffer.count, Int32(MSG_DONTWAIT))
            if count <= 0 { break }
        }
        connection.isDead = true
    }
}
