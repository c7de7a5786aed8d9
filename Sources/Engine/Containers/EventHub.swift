internal import DockerAPI
internal import Synchronization

/// Hands every event to everybody who listens; somebody too slow loses the oldest of his.
final class EventHub: Sendable {
    private struct State {
        var listeners: [Int: AsyncStream<EventMessage>.Continuation] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Listens from now on; ends with the task that reads.
    func listen() -> AsyncStream<EventMessage> {
        let (stream, continuation) = AsyncStream.makeStream(of: EventMessage.self, bufferingPolicy: .bufferingNewest(4096))
        let number = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[number] = nil }
        }
        return stream
    }

    func send(_ event: EventMessage) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.yield(event) }
    }

    /// Something happened to a container.
    func container(_ action: String, _ snapshot: Snapshot, extra: [String: String] = [:]) {
        var attributes = snapshot.definition.config.labels
        attributes["name"] = snapshot.name
        attributes["image"] = snapshot.definition.config.image
        attributes.merge(extra) { $1 }
        let now = Timestamp.now()
        send(
            EventMessage(
                status: action, id: snapshot.id, from: snapshot.definition.config.image, type: "container", action: action,
                actor: EventActor(id: snapshot.id, attributes: attributes), time: now.seconds,
                timeNano: now.seconds * 1_000_000_000 + Int64(now.nanoseconds)))
    }
}
