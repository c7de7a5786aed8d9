internal import CTimber
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import Synchronization

/// One thread that moves the bytes of all hijacked connections.
final class RelayLoop: Sendable {
    private struct Mail {
        var added: [Joined] = []
        var stops = false
    }

    /// What the thread gets to begin a relay with.
    struct Joined: Sendable {
        var client: HandedOver
        var process: HandedOver
        var early: [UInt8]
        var detachKeys: [UInt8]
        var webSocket: WebSocket?
    }

    private let mail = Mutex(Mail())
    private let epoll: SharedDescriptor
    private let bell: SharedDescriptor
    private let linger: Duration
    private let log: Logger
    private let ended: @Sendable () -> Void

    /// - Parameters:
    ///   - linger: how long a client may take to close its end.
    ///   - ended: called once for each relay that was added.
    init(linger: Duration, log: Logger, ended: @escaping @Sendable () -> Void) throws {
        self.linger = linger
        self.log = log
        self.ended = ended
        epoll = SharedDescriptor(Descriptor(owning: try retrying("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }))
        let flags = Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)
        bell = SharedDescriptor(Descriptor(owning: try retrying("eventfd") { eventfd(0, flags) }))
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
        try retrying("epoll_ctl") { epoll_ctl(epoll.raw, EPOLL_CTL_ADD, bell.raw, &event) }
        try startThread()
    }

    /// Joins two sockets.
    func add(_ joined: Joined) {
        let stopped = mail.withLock { mail in
            if !mail.stops { mail.added.append(joined) }
            return mail.stops
        }
        if stopped { ended() } else { ring() }
    }

    /// Closes all relays and ends the thread.
    func stop() {
        mail.withLock { $0.stops = true }
        ring()
    }

    private func ring() {
        // Fails only when the counter is full, and then the thread is woken already.
        eventfd_write(bell.raw, 1)
    }

    private func startThread() throws {
        let box = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<RelayLoop>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            throw SystemError(call: "pthread_create", errno: result)
        }
        pthread_detach(thread)
    }

    // MARK: On the thread

    private func run() {
        var relays: [UInt64: Relay] = [:]
        var next: UInt64 = 1
        var scratch = [UInt8](repeating: 0, count: 64 << 10)
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        /// Those with something to do.
        var ready: Set<UInt64> = []
        /// Those with a deadline.
        var timed: Set<UInt64> = []
        while true {
            var mail = self.mail.withLock { mail in
                defer { mail.added = [] }
                return mail
            }
            for joined in mail.added {
                guard let relay = begin(joined, number: next) else { continue }
                relays[next] = relay
                ready.insert(next)
                next += 1
            }
            mail.added = []
            if mail.stops {
                for _ in relays { ended() }
                return
            }
            let now = MonotonicClock.now()
            for number in timed {
                if let deadline = relays[number]?.deadline, deadline <= now { ready.insert(number) }
            }
            for number in ready {
                guard let relay = relays[number] else { continue }
                let outcome = relay.advance(&scratch)
                if outcome != .again { ready.remove(number) }
                if outcome == .ended {
                    relays[number] = nil
                    ended()
                }
                if outcome != .ended, relay.deadline != nil { timed.insert(number) } else { timed.remove(number) }
            }
            let deadline = ready.isEmpty ? timed.compactMap { relays[$0]?.deadline }.min() : 0
            wait(relays, &events, until: deadline) { ready.insert($0) }
        }
    }

    private func begin(_ joined: Joined, number: UInt64) -> Relay? {
        do {
            let relay = try Relay(
                client: joined.client.take(), process: joined.process.take(), early: joined.early, detachKeys: joined.detachKeys,
                webSocket: joined.webSocket, linger: linger.nanoseconds)
            try watch(relay.clientSocket, number << 1)
            try watch(relay.processSocket, number << 1 | 1)
            return relay
        } catch {
            log.error("cannot join a client to its process", metadata: ["error": "\(error)"])
            ended()
            return nil
        }
    }

    private func watch(_ socket: Int32, _ mark: UInt64) throws {
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        var event = epoll_event(events: events, data: epoll_data_t(u64: mark))
        try retrying("epoll_ctl") { epoll_ctl(epoll.raw, EPOLL_CTL_ADD, socket, &event) }
    }

    /// Waits for events or the next deadline, and notes the events.
    private func wait(_ relays: [UInt64: Relay], _ events: inout [epoll_event], until deadline: Int64?, _ note: (UInt64) -> Void) {
        var timeout: Int32 = -1
        if let deadline { timeout = Int32(clamping: max(0, deadline - MonotonicClock.now() + 999_999) / 1_000_000) }
        let count = epoll_wait(epoll.raw, &events, Int32(events.count), timeout)
        guard count > 0 else { return }
        for event in events[..<Int(count)] {
            let mark = event.data.u64
            if mark == 0 {
                var rung: eventfd_t = 0
                eventfd_read(bell.raw, &rung)
                continue
            }
            guard let relay = relays[mark >> 1] else { continue }
            let readable = event.events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0
            let writable = event.events & EPOLLOUT.rawValue != 0
            let hungUp = event.events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
            if mark & 1 == 0 {
                relay.clientEvent(readable: readable, writable: writable, hungUp: hungUp)
            } else {
                relay.processEvent(readable: readable, writable: writable, hungUp: hungUp)
            }
            note(mark >> 1)
        }
    }
}

enum MonotonicClock {
    /// Nanoseconds of CLOCK_MONOTONIC.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension Duration {
    /// In whole nanoseconds.
    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
