internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Container {
    /// Connects a client to the container's streams, before or while it runs.
    /// - Returns: the client's end of the stream, and whether the process has a terminal.
    func attach(stdin: Bool, stdout: Bool, stderr: Bool) throws -> (stream: SharedDescriptor, isTerminal: Bool) {
        switch lifecycle.phase {
        case .removing: throw TimberError(.conflict, "container \(name) is being removed")
        case .running(let run) where run.paused:
            throw TimberError(.conflict, "container \(name) is paused: unpause it before you attach to it")
        case .restarting: throw TimberError(.conflict, "container \(name) is restarting, wait until it is running")
        case .created, .starting, .running, .exited: break
        }
        var streams: UInt32 = 0
        if stdin && definition.config.openStdin { streams |= TIMBER_ATTACH_STDIN }
        if stdout { streams |= TIMBER_ATTACH_STDOUT }
        if stderr { streams |= TIMBER_ATTACH_STDERR }
        let (client, shimEnd) = try UnixSocket.pair()
        if let shim = run.shim {
            // Before LAUNCH too: the shim keeps it for the process.
            try shim.send(TIMBER_REQUEST_ATTACH, value: streams, descriptors: [shimEnd.raw])
        } else if lifecycle.run == nil {
            let watch = try HangupWatch(shimEnd) { [weak self] in
                Task { await self?.forgetStream(shimEnd) }
            }
            waitingStreams.append(WaitingStream(stream: shimEnd, streams: streams, watch: watch))
        }
        // Else the run is ending, and with this function so does the stream.
        services.events.container("attach", snapshot)
        return (client, definition.config.tty)
    }

    /// Counts as one who reads the output, for as long as the stream is there: the log that somebody follows goes no further than the
    /// process, and a client that holds the process back is then cut off.
    /// - Returns: a stream of nothing; nil when nothing runs.
    func followLog() throws -> SharedDescriptor? {
        guard let shim = run.shim else { return nil }
        let (client, shimEnd) = try UnixSocket.pair()
        do {
            try shim.send(TIMBER_REQUEST_ATTACH, value: 0, descriptors: [shimEnd.raw])
        } catch let error as SystemError where error.errno == EPIPE {
            // It has just ended.
            return nil
        }
        return client
    }

    /// A client went away before the start. What it sent is still the process's input.
    private func forgetStream(_ stream: SharedDescriptor) {
        do {
            if try SocketQueue.unread(stream.raw) > 0 { return }
        } catch {
            services.log.warning("cannot look at a client's stream", metadata: ["container": "\(id)", "error": "\(error)"])
        }
        waitingStreams.removeAll { $0.stream === stream }
    }
}

/// The stream of a client that attached before there was a shim.
struct WaitingStream: Sendable {
    /// The shim's end.
    let stream: SharedDescriptor
    /// TIMBER_ATTACH_*.
    let streams: UInt32
    /// Sees the client go.
    let watch: HangupWatch
}
