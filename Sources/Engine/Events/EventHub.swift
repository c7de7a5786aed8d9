internal import DockerAPI
internal import Synchronization

/// Hands every event to everybody who listens, and to the journal for those who ask later.
final class EventHub: Sendable {
    /// What somebody gets who listens.
    struct Subscription: Sendable {
        /// What has happened and may not be in the journal yet, oldest first.
        let pending: [NumberedEvent]
        /// The journal has everything that happened before this number.
        let journalEnd: Int64
        /// Those that come; somebody too slow loses the oldest of his.
        let coming: AsyncStream<EventMessage>
        fileprivate let queue: EventQueue

        /// Ends `coming` behind what has been sent to it.
        func end() { queue.finish() }
    }

    private struct State {
        var listeners: [Int: EventQueue] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let journal: EventJournal

    /// - Parameter journal: where events are kept.
    init(journal: EventJournal) {
        self.journal = journal
    }

    /// Listens from now on, with nothing missing or double between pending and coming; ends with the task that reads.
    func listen() -> Subscription {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        let (queue, coming) = EventQueue.make { [weak self] in
            self?.state.withLock { $0.listeners[number] = nil }
        }
        let waiting = state.withLock { state in
            state.listeners[number] = queue
            return journal.waiting
        }
        return Subscription(pending: waiting.events, journalEnd: waiting.first, coming: coming, queue: queue)
    }

    func send(_ event: EventMessage) {
        let listeners = state.withLock { state in
            journal.add(event)
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.add(event) }
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
    /// - Parameter extra: attributes beside the driver.
    func volume(_ action: String, _ name: String, extra: [String: String] = [:]) {
        send(type: "volume", action, EventActor(id: name, attributes: ["driver": "local"].merging(extra) { $1 }))
    }

    /// Something happened to a network.
    /// - Parameter container: the one that joined or left it.
    func network(_ action: String, _ id: String, name: String, container: String? = nil) {
        var attributes = ["name": name, "type": "bridge"]
        if let container { attributes["container"] = container }
        send(type: "network", action, EventActor(id: id, attributes: attributes))
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
