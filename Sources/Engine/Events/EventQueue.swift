internal import DockerAPI
internal import Synchronization

/// The events that wait for one listener. Its limits hold however slow it is, and however large the labels of containers are: the
/// oldest events go first.
final class EventQueue: Sendable {
    private struct State {
        var waiting: [EventMessage] = []
        /// The first of `waiting` that has not been taken.
        var first = 0
        var bytes = 0
        var isFinished = false
    }

    private let state = Mutex(State())
    private let count: Int
    private let bytes: Int
    /// One token while there is something to take: its stream buffers no more than that.
    private let signal: AsyncStream<Void>.Continuation

    private init(count: Int, bytes: Int, signal: AsyncStream<Void>.Continuation) {
        self.count = count
        self.bytes = bytes
        self.signal = signal
    }

    /// A queue and its reader's end.
    /// - Parameters:
    ///   - count: how many events wait at the most.
    ///   - bytes: how large they are together at the most; one always has room.
    ///   - onEnd: called when nobody reads any more, or nothing more will come.
    static func make(
        count: Int = 4_096, bytes: Int = 4 << 20, onEnd: @escaping @Sendable () -> Void
    ) -> (queue: EventQueue, stream: AsyncStream<EventMessage>) {
        let (tokens, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        signal.onTermination = { _ in onEnd() }
        let queue = EventQueue(count: count, bytes: bytes, signal: signal)
        // Only the reader holds the tokens: when it lets go of them, that is the end.
        return (queue, AsyncStream { await queue.next(tokens) })
    }

    func add(_ event: EventMessage) {
        state.withLock { state in
            if state.isFinished { return }
            state.waiting.append(event)
            state.bytes += event.size
            while state.waiting.count - state.first > max(count, 1) || state.bytes > bytes && state.waiting.count - state.first > 1 {
                _ = Self.take(&state)
            }
        }
        signal.yield()
    }

    /// Nothing comes behind what is there.
    func finish() {
        state.withLock { $0.isFinished = true }
        signal.finish()
    }

    private func next(_ tokens: AsyncStream<Void>) async -> EventMessage? {
        while true {
            if let event = state.withLock({ Self.take(&$0) }) { return event }
            var iterator = tokens.makeAsyncIterator()
            if await iterator.next() == nil { return state.withLock { Self.take(&$0) } }
        }
    }

    private static func take(_ state: inout State) -> EventMessage? {
        guard state.first < state.waiting.count else { return nil }
        let event = state.waiting[state.first]
        state.bytes -= event.size
        state.first += 1
        if state.first == state.waiting.count || state.first >= 1_024 {
            state.waiting.removeFirst(state.first)
            state.first = 0
        }
        return event
    }
}

extension EventMessage {
    /// About how much memory it takes.
    var size: Int {
        actor.attributes.reduce(action.utf8.count + actor.id.utf8.count) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}
