internal import Networks
internal import Synchronization

/// A container as others see it: a value that list and inspect read without waiting for the container.
struct Snapshot: Sendable {
    var id: String
    var name: String
    let shared: SharedDefinition
    var lifecycle: Lifecycle
    var endpoints: [Endpoint] = []
    var ports: [PublishedPort] = []
    var execIDs: [String] = []
    var health: HealthState?

    var definition: Definition {
        _read { yield shared.value }
    }
}

/// A definition by reference: it has a hundred fields, and lists copy a thousand snapshots.
final class SharedDefinition: Sendable {
    let value: Definition

    init(_ value: Definition) {
        self.value = value
    }
}

/// Every container by id and name. Names are reserved here before the database is asked, so that two requests at once cannot both
/// have one.
final class Registry: Sendable {
    private struct State {
        var containers: [String: Container] = [:]
        var snapshots: [String: Snapshot] = [:]
        var ids: [String: String] = [:]
        var execs: [String: String] = [:]
    }

    private let state = Mutex(State())

    /// Reserves a name for an id.
    /// - Returns: nil, or the id of the container that has the name.
    func reserve(name: String, for id: String) -> String? {
        state.withLock { state in
            if let owner = state.ids[name] { return owner }
            state.ids[name] = id
            return nil
        }
    }

    /// Gives a reserved name back.
    func release(name: String, of id: String) {
        state.withLock { state in
            if state.ids[name] == id { state.ids[name] = nil }
        }
    }

    func add(_ container: Container, _ snapshot: Snapshot) {
        state.withLock { state in
            state.containers[container.id] = container
            state.snapshots[container.id] = snapshot
        }
    }

    func publish(_ snapshot: Snapshot) {
        state.withLock { state in
            if state.containers[snapshot.id] != nil { state.snapshots[snapshot.id] = snapshot }
        }
    }

    func remove(_ id: String) {
        state.withLock { state in
            if let name = state.snapshots[id]?.name, state.ids[name] == id { state.ids[name] = nil }
            state.containers[id] = nil
            state.snapshots[id] = nil
            state.execs = state.execs.filter { $0.value != id }
        }
    }

    func bind(exec: String, to container: String) {
        state.withLock { $0.execs[exec] = container }
    }

    func forget(exec: String) {
        state.withLock { $0.execs[exec] = nil }
    }

    func container(ofExec exec: String) -> Container? {
        state.withLock { state in state.execs[exec].flatMap { state.containers[$0] } }
    }

    func container(id: String) -> Container? {
        state.withLock { $0.containers[id] }
    }

    func snapshot(id: String) -> Snapshot? {
        state.withLock { $0.snapshots[id] }
    }

    var snapshots: [Snapshot] {
        state.withLock { Array($0.snapshots.values) }
    }

    /// Ids that a name, an id or the beginning of an id may mean: one, none, or several that begin alike.
    func ids(matching name: String) -> [String] {
        state.withLock { state in
            if state.containers[name] != nil { return [name] }
            let plain = name.hasPrefix("/") ? String(name.dropFirst()) : name
            if let id = state.ids[plain], state.containers[id] != nil { return [id] }
            guard !name.isEmpty else { return [] }
            return state.containers.keys.filter { $0.hasPrefix(name) }
        }
    }
}
