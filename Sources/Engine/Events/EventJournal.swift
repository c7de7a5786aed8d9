internal import DockerAPI
internal import Errors
internal import Logging
internal import State
internal import Synchronization

/// An event and its place among all.
struct NumberedEvent: Sendable {
    var number: Int64
    var event: EventMessage
}

/// Keeps events in the database, a moment after they happened and many at once: no answer waits for it. A daemon that is killed loses
/// what happened in its last moment (`pause`), nothing else.
final class EventJournal: Sendable {
    /// What is kept.
    struct Limits: Sendable {
        var count: Int64 = 32_768
        var bytes: Int64 = 32 << 20
        var age: Int64 = 30 * 86_400
        /// What may wait to be written, while the disk stands still.
        var waiting = 4_096
        var waitingBytes = 4 << 20
    }

    private struct State {
        /// Not known to be in the database, oldest first.
        var waiting: [NumberedEvent] = []
        var bytes = 0
        var next: Int64
        var writer: Task<Void, Never>?
        var pause: Task<Void, Never>?
        /// Written since the limits were last looked at.
        var untrimmed = 0
        var untrimmedBytes = 0
    }

    private let state: Mutex<State>
    private let database: Database
    private let log: Logger
    private let limits: Limits

    /// How long events are collected before they are written.
    private static let pause = Duration.milliseconds(100)
    private static let batch = 512
    /// So many bytes are written without a pause.
    private static let urgent = 1 << 20

    init(database: Database, log: Logger, limits: Limits = Limits()) throws {
        self.database = database
        self.log = log
        self.limits = limits
        state = Mutex(State(next: try database.newestEvent() + 1))
    }

    /// What the database may not have yet, and the number of the first of these, or of the event that comes next.
    var waiting: (events: [NumberedEvent], first: Int64) {
        state.withLock { ($0.waiting, $0.waiting.first?.number ?? $0.next) }
    }

    /// Remembers an event.
    func add(_ event: EventMessage) {
        let lost = state.withLock { state in
            state.waiting.append(NumberedEvent(number: state.next, event: event))
            state.next += 1
            state.bytes += event.size
            var lost = 0
            while state.waiting.count - lost > limits.waiting || state.bytes > limits.waitingBytes && state.waiting.count - lost > 1 {
                state.bytes -= state.waiting[lost].event.size
                lost += 1
            }
            if lost > 0 { state.waiting.removeFirst(lost) }
            if state.writer == nil {
                let pause = Self.timer()
                state.pause = pause
                state.writer = Task.detached { [self] in await write(after: pause) }
            } else if state.bytes > Self.urgent {
                state.pause?.cancel()
            }
            return lost
        }
        if lost > 0 { log.warning("events are not kept: they come faster than they can be stored", metadata: ["lost": "\(lost)"]) }
    }

    /// Returns when everything that happened so far is stored, or could not be.
    func flush() async {
        let writer = state.withLock { state in
            state.pause?.cancel()
            return state.writer
        }
        await writer?.value
    }

    /// What of the database is in a range, page by page; empty at its end.
    func stored(in range: EventRange) async throws -> [NumberedEvent] {
        try await database.events(in: range).map { record in
            NumberedEvent(number: record.number, event: try decodeJSON(EventMessage.self, from: record.body))
        }
    }

    // MARK: Writing

    private static func timer() -> Task<Void, Never> {
        Task.detached {
            do { try await Task.sleep(for: pause) } catch { /* Somebody is in a hurry. */  }
        }
    }

    private func write(after pause: Task<Void, Never>) async {
        await pause.value
        while true {
            let batch: [NumberedEvent] = state.withLock { state in
                if state.waiting.isEmpty { state.writer = nil }
                return Array(state.waiting.prefix(Self.batch))
            }
            guard let last = batch.last else { return }
            do {
                try await database.append(
                    batch.map { EventRecord(number: $0.number, time: $0.event.timeNano, body: $0.event.json()) })
            } catch {
                log.error("cannot store events", metadata: ["lost": "\(batch.count)", "error": "\(error)"])
            }
            let isDue = state.withLock { state in
                let written = state.waiting.prefix { $0.number <= last.number }
                let bytes = written.reduce(0) { $0 + $1.event.size }
                state.waiting.removeFirst(written.count)
                state.bytes -= bytes
                state.untrimmed += written.count
                state.untrimmedBytes += bytes
                guard state.untrimmed >= 1_024 || state.untrimmedBytes >= 4 << 20 else { return false }
                state.untrimmed = 0
                state.untrimmedBytes = 0
                return true
            }
            if isDue { await trim() }
        }
    }

    private func trim() async {
        let oldest = (Timestamp.now().seconds - limits.age) * 1_000_000_000
        do {
            try await database.trimEvents(EventLimits(count: limits.count, bytes: limits.bytes, oldest: oldest))
        } catch {
            log.error("cannot forget old events", metadata: ["error": "\(error)"])
        }
    }
}
