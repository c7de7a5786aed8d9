internal import DockerAPI
internal import Logging
internal import NIOCore
internal import Synchronization

/// What all connections of a server share.
final class ServerContext: Sendable {
    let backend: any Backend
    let router = Router()
    let log: Logger
    let configuration: APIServer.Configuration
    let connections = Connections()
    /// Moves the bytes of hijacked connections; there while the server runs.
    let relays = Mutex<RelayLoop?>(nil)
    let idleWatch: IdleWatch?

    private let commonHeaders: String
    private let date = Mutex<(second: Int64, headers: String)>((0, ""))

    init(backend: any Backend, log: Logger, configuration: APIServer.Configuration) {
        self.backend = backend
        self.log = log
        self.configuration = configuration
        idleWatch = configuration.whenIdle.map { IdleWatch(after: configuration.idleAfter, call: $0) }
        commonHeaders = ResponseHead.common(version: configuration.version)
    }

    /// The headers of every answer, with the date of this second.
    var headers: String {
        let second = HTTPDate.now()
        return date.withLock { date in
            if date.second != second { date = (second, commonHeaders + "Date: \(HTTPDate.text(second))\r\n") }
            return date.headers
        }
    }
}

/// Calls when nobody has been answered for a while: once, until somebody is. While nothing happens, no timer runs.
final class IdleWatch: Sendable {
    private struct State {
        var answers: UInt64 = 0
        var isWaiting = false
    }

    private let state = Mutex(State())
    private let delay: Duration
    private let call: @Sendable () -> Void

    init(after delay: Duration, call: @escaping @Sendable () -> Void) {
        self.delay = delay
        self.call = call
    }

    func answered(on eventLoop: any EventLoop) {
        let first: UInt64? = state.withLock { state in
            state.answers &+= 1
            if state.isWaiting { return nil }
            state.isWaiting = true
            return state.answers
        }
        if let first { wait(on: eventLoop, seen: first) }
    }

    private func wait(on eventLoop: any EventLoop, seen: UInt64) {
        eventLoop.scheduleTask(in: TimeAmount(delay)) { [self] in
            let answers: UInt64? = state.withLock { state in
                if state.answers == seen { state.isWaiting = false }
                return state.answers == seen ? nil : state.answers
            }
            if let answers { wait(on: eventLoop, seen: answers) } else { call() }
        }
    }
}

/// The open connections, so that a stop can reach them.
final class Connections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Connections that the relay loop has.
        var relays = 0
        var stopping = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Adds a connection until it closes.
    /// - Returns: false when there are too many or the server stops; then it is not added.
    func add(_ channel: any Channel, limit: Int) -> Bool {
        let id = ObjectIdentifier(channel)
        let added = state.withLock { state in
            guard !state.stopping, state.channels.count + state.relays < limit else { return false }
            state.channels[id] = channel
            return true
        }
        if added { channel.closeFuture.whenComplete { _ in self.remove(id) } }
        return added
    }

    private func remove(_ id: ObjectIdentifier) {
        let waiting: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.channels[id] = nil
            guard state.channels.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// A connection was hijacked; it still counts.
    func relayBegan() {
        state.withLock { $0.relays += 1 }
    }

    /// A hijacked connection has ended.
    func relayEnded() {
        state.withLock { $0.relays -= 1 }
    }

    /// Lets no more in.
    /// - Returns: those that are open.
    func stop() -> [any Channel] {
        state.withLock { state in
            state.stopping = true
            return Array(state.channels.values)
        }
    }

    /// Those that are open.
    var all: [any Channel] { state.withLock { Array($0.channels.values) } }

    /// Returns when none is open any more.
    func untilEmpty() async {
        await withCheckedContinuation { continuation in
            let empty = state.withLock { state in
                if !state.channels.isEmpty { state.waiting.append(continuation) }
                return state.channels.isEmpty
            }
            if empty { continuation.resume() }
        }
    }
}
