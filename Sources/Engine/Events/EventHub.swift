internal import DockerAPI
internal import Synchronization

/// Hands every event to everybody who listens, and remembers the last ones for those who ask what happened before.
final class EventHub: Sendable {
    /// What somebody gets who listens.
    struct Subscription: Sendable {
        /// The remembered events, oldest first.
        let past: [EventMessage]
        /// Those that come; somebody too slow loses the oldest of his.
        let coming: AsyncStream<EventMessage>
        fileprivate let continuation: AsyncStream<EventMessage>.Continuation

        /// Ends `coming` behind what has been sent to it.
        func end() { continuation.finish() }
    }

    private struct State {
        var listeners: [Int: AsyncStream<EventMessage>.Continuation] = [:]
        var next = 0
        var memory = EventMemory()
    }

    private let state = Mutex(State())

    /// Listens from now on, with nothing missing or double between past and coming; ends with the task that reads.
    func listen() -> Subscription {
        let (stream, continuation) = AsyncStream.makeStream(of: EventMessage.self, bufferingPolicy: .bufferingNewest(4096))
        let (number, past) = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = continuation
            return (state.next, state.memory.events)
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[number] = nil }
        }
        return Subscription(past: past, coming: stream, continuation: continuation)
    }

    func send(_ event: EventMessage) {
        let listeners = state.withLock { state in
            state.memory.add(event)
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.yield(event) }
    }

    /// How many listen.
    var listeners: Int { state.withLock { $0.listeners.count } }

    /// Something happened to a container.
    func container(_ action: String, _ snapshot: Snapshot, extra: [String: String] = [:]) {
        var attributes = snapshot.definition.config.labels
        attributes["name"] = snapshot.name
        attributes["image"] = snapshot.definition.config.image
        attributes.merge(extra) { $1 }
        send(type: "container", action, EventActor(id: snapshot.id, attributes: attributes))
    }

    /// Something happened to an image.
    /// - Parameter name: the reference that it is about, or the id.
    func image(_ action: String, id: String, name: String, labels: [String: String] = [:]) {
        send(type: "image", action, EventActor(id: id, attributes: labels.merging(["name": name]) { $1 }))
    }

    /// Something happened to a volume.
    func volume(_ action: String, _ name: String) {
        send(type: "volume", action, EventActor(id: name, attributes: ["driver": "local"]))
    }

    /// What nobody needed of a kind of object was removed.
    func pruned(_ type: String, reclaimed: Int64) {
        send(type: type, "prune", EventActor(id: "", attributes: ["reclaimed": "\(reclaimed)"]))
    }

    private func send(type: String, _ action: String, _ actor: EventActor) {
        let now = Timestamp.now()
        send(
            EventMessage(
                type: type, action: action, actor: actor, time: now.seconds,
                timeNano: now.seconds * 1_000_000_000 + Int64(now.nanoseconds)))
    }
}

/// The last events, by count and by size: labels are as large as clients make them.
struct EventMemory: Sendable {
    private var list: [EventMessage] = []
    /// How many at the front are forgotten; they go in blocks, so that adding does not move all the others.
    private var forgotten = 0
    private var bytes = 0
    private let limit: Int
    private let byteLimit: Int

    init(limit: Int = 1_024, byteLimit: Int = 4 << 20) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// Oldest first.
    var events: [EventMessage] { Array(list[forgotten...]) }

    mutating func add(_ event: EventMessage) {
        list.append(event)
        bytes += Self.size(event)
        while list.count - forgotten > limit || bytes > byteLimit && list.count - forgotten > 1 {
            bytes -= Self.size(list[forgotten])
            // Its memory goes now, its place later.
            list[forgotten] = EventMessage()
            forgotten += 1
        }
        if forgotten > limit {
            list.removeFirst(forgotten)
            forgotten = 0
        }
    }

    private static func size(_ event: EventMessage) -> Int {
        event.actor.attributes.reduce(event.action.utf8.count) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}
