internal import CTimber
internal import Dispatch
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// The thread that answers all containers' questions.
///
/// Everything is bounded: how many questions a second a container may ask, how many of them may wait for a name server, how many
/// connections it may have and how long each lives. A container over its bounds is not listened to for a moment; the others do not
/// notice. A few datagrams of one container are taken at a time, then the next container has its turn.
final class DNSLoop: Sendable {
    enum Message: Sendable {
        case serve(ContainerDNS.Service, DNSStation)
        case update(container: String, forwards: Bool)
        case stop(container: String)
        case end
    }

    let names: NameTable
    let log: NetworkManager.Log
    private let mail = Mutex<[Message]>([])
    private let epoll: SharedDescriptor
    private let bell: SharedDescriptor

    init(names: NameTable, log: @escaping NetworkManager.Log) throws {
        self.names = names
        self.log = log
        epoll = SharedDescriptor(Descriptor(owning: try retrying("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }))
        bell = SharedDescriptor(
            Descriptor(owning: try retrying("eventfd") { eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) }))
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
        try retrying("epoll_ctl") { epoll_ctl(epoll.raw, EPOLL_CTL_ADD, bell.raw, &event) }
    }

    /// Starts the thread, which ends by `.end`; its sockets to name servers are in the host's namespace.
    /// - Throws: `SystemError` when there is no thread or it cannot enter the namespace; then it has ended.
    func start(in host: HostNetwork) throws {
        let start = DNSThread(loop: self, host: host)
        let box = Unmanaged.passRetained(start)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<DNSThread>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            throw SystemError(call: "pthread_create", errno: result, what: "dns")
        }
        pthread_detach(thread)
        try start.result()
    }

    func send(_ message: Message) {
        mail.withLock { $0.append(message) }
        // Fails only when the counter is full, and then the thread is woken already.
        eventfd_write(bell.raw, 1)
    }

    // MARK: On the thread

    func received() -> [Message] {
        mail.withLock { mail in
            defer { mail = [] }
            return mail
        }
    }

    /// Watches a descriptor until it is closed.
    func watch(_ descriptor: Int32, _ token: UInt64, _ events: EPOLL_EVENTS) throws {
        var event = epoll_event(events: events.rawValue, data: epoll_data_t(u64: token))
        try retrying("epoll_ctl") { epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor, &event) }
    }

    func change(_ descriptor: Int32, _ token: UInt64, _ events: UInt32) throws {
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        try retrying("epoll_ctl") { epoll_ctl(epoll.raw, EPOLL_CTL_MOD, descriptor, &event) }
    }

    /// Ends watching before a descriptor that others may hold, too, is let go.
    func forget(_ descriptor: Int32) {
        epoll_ctl(epoll.raw, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Waits for events.
    /// - Parameter timeout: milliseconds; -1: for ever.
    func wait(_ events: inout [epoll_event], timeout: Int32) -> ArraySlice<epoll_event> {
        let count = epoll_wait(epoll.raw, &events, Int32(events.count), timeout)
        for event in events.prefix(max(0, Int(count))) where event.data.u64 == 0 {
            var rung: eventfd_t = 0
            eventfd_read(bell.raw, &rung)
        }
        return events.prefix(max(0, Int(count)))
    }
}

/// What the thread begins with.
private final class DNSThread: Sendable {
    private let loop: DNSLoop
    private let host: HostNetwork
    private let begun = DispatchSemaphore(value: 0)
    private let failure = Mutex<(any Error)?>(nil)

    init(loop: DNSLoop, host: HostNetwork) {
        self.loop = loop
        self.host = host
    }

    func run() {
        do {
            // A thread's network namespace is its own.
            if let namespace = host.namespace {
                try checking("setns", "network namespace") { timber_setns(namespace.raw, CLONE_NEWNET) }
            }
        } catch {
            failure.withLock { $0 = error }
            begun.signal()
            return
        }
        begun.signal()
        DNSWorker(loop).run()
    }

    /// Waits until it has begun.
    func result() throws {
        begun.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
