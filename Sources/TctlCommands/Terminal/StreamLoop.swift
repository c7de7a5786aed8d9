internal import CTimber
internal import DockerAPI
internal import Glibc
internal import LinuxKernel

/// Carries bytes between this process's standard streams and a process in a container, in one poll(2) loop on one thread.
struct StreamLoop: ~Copyable {
    /// Why the loop ended.
    enum Ending: Equatable {
        /// The process closed its streams and, where that is waited for, ended.
        case finished
        /// The detach keys were typed.
        case detached
        /// A signal for this process.
        case signal(Int32)
    }

    private static let inputSize = 32768

    private let connection: Connection
    private var demultiplexer: StreamDemultiplexer?
    private var scanner: DetachScanner?
    private var input: Int32
    private var wantsOutput: Bool
    private var output = Output(STDOUT_FILENO)
    private var errors = Output(STDERR_FILENO)
    private var daemonError: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var streamEnded = false
    private var closesSending = false

    /// - Parameters:
    ///   - connection: the hijacked connection.
    ///   - multiplexed: whether output comes in frames (no terminal in the container).
    ///   - input: the descriptor whose bytes the process gets; nil for none.
    ///   - detachKeys: the keys to look for; nil where there is no terminal.
    init(connection: Connection, multiplexed: Bool, input: Int32?, detachKeys: DetachKeys?) {
        self.connection = connection
        demultiplexer = multiplexed ? StreamDemultiplexer() : nil
        scanner = detachKeys.map(DetachScanner.init)
        self.input = input ?? -1
        wantsOutput = true
        // A process that never gets input finds its end at once.
        closesSending = input == nil
        signal(SIGPIPE, SIG_IGN)
    }

    /// Runs until the streams end.
    /// - Parameters:
    ///   - signals: signals that are waited for meanwhile.
    ///   - exit: the status that comes when the process ends; nil when only the streams count.
    ///   - onSignal: what to do about a signal; an ending leaves the loop.
    /// - Throws: `SystemError`, `HTTPSyntaxError`, `CommandFailure` with what the daemon sent as an error.
    mutating func run(signals: borrowing SignalQueue, exit: PendingExit?, onSignal: (Int32) throws -> Ending?) throws -> Ending {
        var exitPending = exit != nil
        try takeReceived()
        while true {
            if streamEnded && !output.isPending && !errors.isPending {
                if !daemonError.isEmpty { throw CommandFailure(String(decoding: daemonError, as: UTF8.self)) }
                if !exitPending { return .finished }
            }
            var entries = pollEntries(signals: signals.raw, exit: exitPending ? exit?.raw : nil)
            try retrying("poll") { poll(&entries, nfds_t(entries.count), -1) }
            if entries[0].revents != 0 {
                while let number = signals.next() {
                    if let ending = try onSignal(number) { return ending }
                }
            }
            if entries[1].revents != 0 { try serveConnection(entries[1].revents) }
            if entries[2].revents != 0, try serveInput() { return .detached }
            if let ending = try serveOutputs(entries[3].revents, entries[4].revents) { return ending }
            if entries[5].revents != 0, let exit {
                exitPending = try !exit.advance(waiting: false)
            }
        }
    }

    private func pollEntries(signals: Int32, exit: Int32?) -> [pollfd] {
        var connectionEvents: Int32 = 0
        if !streamEnded {
            if !output.isPending && !errors.isPending { connectionEvents |= POLLIN }
            if !outgoing.isEmpty { connectionEvents |= POLLOUT }
        }
        return [
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
            pollfd(fd: connectionEvents == 0 ? -1 : connection.raw, events: Int16(connectionEvents), revents: 0),
            pollfd(fd: streamEnded || !outgoing.isEmpty ? -1 : input, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output.isPending ? output.raw : -1, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: errors.isPending ? errors.raw : -1, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: exit ?? -1, events: Int16(POLLIN), revents: 0),
        ]
    }

    private mutating func serveConnection(_ events: Int16) throws {
        if Int32(events) & POLLOUT != 0 && !outgoing.isEmpty { try sendOutgoing() }
        guard Int32(events) & (POLLIN | POLLHUP | POLLERR) != 0 else { return }
        switch try connection.receiveNow() {
        case .bytes: try takeReceived()
        case .nothing: break
        case .end:
            streamEnded = true
            outgoing.removeAll()
        }
    }

    private mutating func sendOutgoing() throws {
        do {
            let count = try outgoing.withUnsafeBytes { try connection.sendNow($0) }
            outgoing.removeFirst(count)
        } catch let error as SystemError where error.errno == EPIPE || error.errno == ECONNRESET {
            // The process has ended; what it wrote before is still to be read.
            outgoing.removeAll()
            input = -1
        }
        closeSendingWhenDone()
    }

    private mutating func closeSendingWhenDone() {
        if closesSending && outgoing.isEmpty {
            closesSending = false
            connection.closeSending()
        }
    }

    /// - Returns: true when the detach keys were typed.
    private mutating func serveInput() throws -> Bool {
        let descriptor = input
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: StreamLoop.inputSize) { buffer, count in
            let result = read(descriptor, buffer.baseAddress, buffer.count)
            if result < 0 { failure = timber_errno() }
            count = max(0, result)
        }
        if failure == EINTR || failure == EAGAIN { return false }
        if bytes.isEmpty {
            // End of file, or a terminal that went away (EIO): the process shall see the end too.
            if let scanner { outgoing += scanner.held }
            input = -1
            closesSending = true
            closeSendingWhenDone()
            return false
        }
        if scanner == nil {
            outgoing += bytes
        } else if scanner?.scan(bytes, into: &outgoing) == true {
            return true
        }
        if !outgoing.isEmpty { try sendOutgoing() }
        return false
    }

    /// Takes what is in the connection's buffer.
    private mutating func takeReceived() throws {
        closeSendingWhenDone()
        let bytes = Array(connection.pending)
        connection.consume(bytes.count)
        try bytes.withUnsafeBytes { bytes in
            guard demultiplexer != nil else { return output.append(bytes) }
            try demultiplexer?.consume(bytes) { stream, payload in
                switch stream {
                case .stdin, .stdout: output.append(payload)
                case .stderr: errors.append(payload)
                case .systemError: if daemonError.count < 65536 { daemonError += payload }
                }
            }
        }
    }

    private mutating func serveOutputs(_ outputEvents: Int16, _ errorEvents: Int16) throws -> Ending? {
        if outputEvents != 0, try !StreamLoop.flush(&output) { return .signal(SIGPIPE) }
        if errorEvents != 0, try !StreamLoop.flush(&errors) { errors.drop() }
        return nil
    }

    /// - Returns: false when nobody reads any more.
    private static func flush(_ output: inout Output) throws -> Bool {
        do {
            try output.flush()
        } catch let error as SystemError where error.errno == EPIPE {
            return false
        } catch let error as SystemError where error.errno == EAGAIN {
            return true
        }
        return true
    }
}
