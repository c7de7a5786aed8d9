internal import Glibc

/// A process whose streams are connected to this one's, from the upgrade of a connection to its end.
struct Attached {
    /// What the streams belong to.
    enum Target {
        case container(String)
        case exec(String)

        /// The path that resizes its terminal.
        var resizePath: String {
            switch self {
            case .container(let id): "/containers/\(PercentEncoding.segment(id))/resize"
            case .exec(let id): "/exec/\(PercentEncoding.segment(id))/resize"
            }
        }
    }

    let client: Client
    let target: Target
    /// The container's process has a terminal.
    let hasTerminal: Bool
    let input: Bool
    let detachKeys: DetachKeys
    /// Signals go on to the container.
    var forwardsSignals: Bool

    /// How many interrupts a container may ignore before tctl leaves it.
    private static let patience = 3

    /// Carries the streams.
    /// - Parameters:
    ///   - exchange: the upgraded exchange.
    ///   - exit: what tells the end; nil when only the streams count.
    ///   - start: what to do when everything is connected, before the first byte is carried.
    /// - Returns: why it ended.
    func run(_ exchange: Exchange, exit: PendingExit?, start: () throws -> Void = {}) throws -> StreamLoop.Ending {
        let isRaw = hasTerminal && input && Terminal.isTerminal(STDIN_FILENO)
        let signals = try SignalQueue(waitedSignals(isRaw: isRaw))
        if isRaw { try RawMode.enter(terminal: STDIN_FILENO) }
        defer { if isRaw { RawMode.leave() } }
        var loop = StreamLoop(
            connection: exchange.connection, multiplexed: try isMultiplexed(exchange), input: input ? STDIN_FILENO : nil,
            detachKeys: hasTerminal && input ? detachKeys : nil)
        try start()
        if hasTerminal { resize() }
        var interrupts = 0
        let ending = try loop.run(signals: signals, exit: exit) { number in
            if number == SIGWINCH {
                resize()
                return nil
            }
            guard forwardsSignals, case .container(let id) = target else { return .signal(number) }
            if number == SIGINT || number == SIGTERM { interrupts += 1 }
            if interrupts > Attached.patience {
                Console.note(
                    "tctl: the container goes on running, it ignored \(Attached.patience) interrupts; end it with tctl kill \(id.prefix(12))"
                )
                return .signal(number)
            }
            forward(number, to: id)
            return nil
        }
        return ending
    }

    private func waitedSignals(isRaw: Bool) -> [Int32] {
        var signals = hasTerminal ? [SIGWINCH] : []
        if forwardsSignals { signals += SignalQueue.forwarded } else if isRaw { signals += SignalQueue.ending }
        return signals
    }

    private func isMultiplexed(_ exchange: Exchange) throws -> Bool {
        // A daemon before API 1.42 calls both kinds raw; then the container's terminal tells.
        try exchange.head().field("content-type") == "application/vnd.docker.multiplexed-stream" || !hasTerminal
    }

    /// Gives the container's terminal this terminal's size.
    func resize(extraLines: Int = 0) {
        guard let size = Terminal.size(of: STDOUT_FILENO) ?? Terminal.size(of: STDIN_FILENO) else { return }
        // The process may have ended meanwhile; then there is nothing to resize.
        _ = Result { try client.perform(.post(target.resizePath, query: [("h", "\(size.height + extraLines)"), ("w", "\(size.width)")])) }
    }

    private func forward(_ number: Int32, to id: String) {
        // Fails when the container has just ended, and its exit is on the way.
        _ = Result {
            try client.perform(.post("/containers/\(PercentEncoding.segment(id))/kill", query: [("signal", SignalQueue.name(of: number))]))
        }
    }
}
