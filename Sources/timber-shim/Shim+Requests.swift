import CTimber

extension Shim {
    /// Performs a whole frame.
    /// - Returns: false when the frame breaks the protocol; its connection is closed and nothing has changed.
    func perform(_ connection: Connection) -> Bool {
        let frame = connection.frame
        switch frame.type {
        case TIMBER_REQUEST_LAUNCH:
            guard phase == .waiting, frame.process == 0, let payload = connection.payload else { return false }
            withRequest(connection, payload) { launch($0) }
            return true
        case TIMBER_REQUEST_EXEC:
            guard frame.process != 0, process(frame.process) == nil, let payload = connection.payload else { return false }
            if ended.contains(frame.process) {
                let failure = LaunchFailure(stage: TIMBER_STAGE_PLAN.rawValue, error: ESTALE, detail: [])
                failure.payload.withUnsafeBytes {
                    send(connection, TIMBER_EVENT_FAILED, process: frame.process, value: failure.stage, $0)
                }
                return true
            }
            withRequest(connection, payload) { exec(frame.process, $0) }
            return true
        case TIMBER_REQUEST_SIGNAL:
            guard frame.length == 0, frame.value >= 1, frame.value <= 64 else { return false }
            if let process = process(frame.process) { signal(process, Int32(frame.value)) }
            return true
        case TIMBER_REQUEST_RESIZE:
            guard frame.length == 0 else { return false }
            if let process = process(frame.process) { resize(process, frame.value) }
            return true
        case TIMBER_REQUEST_ATTACH:
            guard frame.length == 0, connection.descriptors.count <= 1 else { return false }
            attach(connection, frame.process, frame.value)
            return true
        case TIMBER_REQUEST_STATUS:
            guard frame.length == 0 else { return false }
            sendStatus(connection)
            return true
        case TIMBER_REQUEST_HOLD:
            guard frame.length == 0 else { return false }
            for index in 0..<connection.descriptors.count {
                heldDescriptors.append(connection.descriptors[index])
                connection.descriptors[index] = -1
            }
            return true
        default:
            return false
        }
    }

    /// The frame's payload and descriptors as a plan's buffer.
    private func withRequest(_ connection: Connection, _ payload: UnsafeMutableRawBufferPointer, _ body: (PlanBuffer) -> Void) {
        connection.descriptors.withUnsafeBufferPointer { descriptors in
            guard let base = payload.baseAddress else { return }
            body(PlanBuffer(base: UnsafeRawPointer(base), size: payload.count, descriptors: descriptors))
        }
        for index in 0..<connection.descriptors.count where heldDescriptors.contains(connection.descriptors[index]) {
            connection.descriptors[index] = -1
        }
    }

    private func attach(_ connection: Connection, _ number: UInt32, _ streams: UInt32) {
        let lives = process(number) != nil || (phase != .leaving && !ended.contains(number))
        let wanted = streams & (TIMBER_ATTACH_STDIN | TIMBER_ATTACH_STDOUT | TIMBER_ATTACH_STDERR)
        if connection.descriptors.count == 1 {
            // Without a process the descriptor is closed with the frame.
            if !lives { return }
            let stream = addConnection(connection.descriptors[0])
            connection.descriptors[0] = -1
            makeStream(stream, number, wanted)
            return
        }
        send(connection, TIMBER_EVENT_ATTACHED, process: number, value: lives ? wanted : 0, noBytes)
        makeStream(connection, number, wanted)
        if !lives { endStream(connection) }
    }

    private func makeStream(_ connection: Connection, _ number: UInt32, _ streams: UInt32) {
        connection.isStream = true
        connection.process = number
        connection.streams = streams
    }

    private func sendStatus(_ connection: Connection) {
        var statuses = ended.latest
        for process in processes { statuses.append(process.status) }
        statuses.withUnsafeBytes { send(connection, TIMBER_EVENT_STATUS, process: 0, value: ended.floor, $0) }
    }

    private func resize(_ process: ContainerProcess, _ value: UInt32) {
        guard process.has(TIMBER_PROCESS_TTY) else { return }
        process.pendingSize = value
        if process.output.isOpen { applySize(process) }
    }

    func applySize(_ process: ContainerProcess) {
        if process.pendingSize == 0 { return }
        let rows = UInt16(truncatingIfNeeded: process.pendingSize >> 16)
        let columns = UInt16(truncatingIfNeeded: process.pendingSize)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        // Fails only when the terminal has hung up.
        _ = timber_ioctl_pointer(process.output.raw, UInt(TIOCSWINSZ), &size)
    }
}
