internal import CTimber
internal import Errors
internal import Glibc
public import LinuxKernel
internal import Synchronization

/// A network namespace for one container: loopback is up, and the sysctls that Docker sets are set.
///
/// It lives as long as this object, a process in it, or another descriptor of it. Let the object go when the shim has its
/// descriptor, so that the namespace, and with it the container's veth pair, ends with the container.
public final class NetworkNamespace: Sendable {
    private let descriptor: Descriptor
    // rtnetlink as of inside, so that any thread can configure the namespace without entering it.
    private let socket: Mutex<NetlinkSocket>
    /// The index of the first interface that comes to those of a new namespace; nil in one that others have changed since.
    let nextIndex: Int32?

    /// The descriptor's number, for setns(2) and SCM_RIGHTS; valid as long as this object lives.
    public var raw: Int32 { descriptor.raw }

    private init(descriptor: consuming Descriptor, socket: consuming NetlinkSocket, nextIndex: Int32?) {
        self.descriptor = descriptor
        self.socket = Mutex(socket)
        self.nextIndex = nextIndex
    }

    /// Makes a namespace; takes milliseconds, most of them in unshare(2).
    /// - Throws: `TimberError.internal`.
    static func make() throws -> NetworkNamespace {
        do {
            return try OwnThread.run(named: "network") {
                try checking("unshare", "CLONE_NEWNET") { timber_unshare(CLONE_NEWNET) }
                let descriptor = Descriptor(
                    owning: try retrying("open", "/proc/thread-self/ns/net") { open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC) })
                let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
                try configure()
                let nextIndex = try bringUp(socket)
                return NetworkNamespace(descriptor: descriptor, socket: socket, nextIndex: nextIndex)
            }
        } catch {
            throw TimberError(.internal, "cannot make a network namespace", cause: error)
        }
    }

    /// The namespace of a container that runs.
    /// - Parameter descriptor: a namespace's, open.
    /// - Throws: `TimberError.internal`.
    public static func existing(_ descriptor: SharedDescriptor) throws -> NetworkNamespace {
        do {
            return try OwnThread.run(named: "network") {
                try checking("setns", "network namespace") { timber_setns(descriptor.raw, CLONE_NEWNET) }
                return NetworkNamespace(
                    descriptor: try descriptor.duplicate(), socket: try NetlinkSocket(protocolNumber: NETLINK_ROUTE), nextIndex: nil)
            }
        } catch {
            throw TimberError(.internal, "cannot enter a network namespace", cause: error)
        }
    }

    /// The index of an interface.
    /// - Throws: `SystemError`: ENODEV when there is none of that name.
    func index(of device: String) throws -> Int32 {
        guard let link = try socket.withLock({ try Links.list($0) }).first(where: { $0.name == device }) else {
            throw SystemError(call: "RTM_GETLINK", errno: ENODEV, what: device)
        }
        return link.index
    }

    /// Turns IPv6 on for an interface that is not up yet: with the addresses that it is given, and none or routes that a neighbour
    /// announces (CVE-2020-13401), nor its redirects.
    /// - Throws: `SystemError`.
    func allowIPv6(on device: String) throws {
        try OwnThread.run(named: "network") { [raw] in
            try checking("setns", "network namespace") { timber_setns(raw, CLONE_NEWNET) }
            try Sysctl.allowIPv6(on: device)
        }
    }

    /// Performs rtnetlink requests inside.
    func perform(_ batch: NetlinkBatch) throws {
        try socket.withLock { try $0.perform(batch) }
    }

    /// What Docker sets: ping without a capability, and every port for every user (the namespace is the container's own).
    private static func configure() throws {
        try Sysctl.write("net/ipv4/ping_group_range", "0 2147483647")
        try Sysctl.write("net/ipv4/ip_unprivileged_port_start", "0")
        // Interfaces made later get no IPv6: the bridge has none, and link-local addresses would be a second, unfiltered network.
        // Loopback keeps ::1. A kernel without IPv6 has no such file.
        do {
            try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
        } catch let error as SystemError where error.errno == ENOENT {}
    }

    private static func bringUp(_ socket: borrowing NetlinkSocket) throws -> Int32 {
        var batch = NetlinkBatch()
        batch.setLink("lo", index: 1, up: true)
        try socket.perform(batch)
        // lo is 1; a kernel with tunnel modules puts their fallback devices into every namespace.
        return (try Links.list(socket).map(\.index).max() ?? 1) + 1
    }
}

/// Namespaces made ahead: unshare(CLONE_NEWNET) is the most expensive single step of a start.
final class NamespacePool: Sendable {
    /// Refilling waits until no namespace was taken for this long: by then the start that took one waits for its shim, and has a
    /// processor to spare. Much longer, and one start right after another would find none ready.
    private static let quiet = Duration.milliseconds(3)

    private struct State {
        var ready: [NetworkNamespace] = []
        var lastTaken = ContinuousClock.now
        var refill: Task<Void, Never>?
        var stopped = false
    }

    private let limit: Int
    private let log: NetworkManager.Log
    private let state = Mutex(State())

    init(limit: Int, log: @escaping NetworkManager.Log) {
        self.limit = limit
        self.log = log
    }

    /// How many namespaces are ready.
    var readyCount: Int { state.withLock { $0.ready.count } }

    /// A ready namespace, or a new one.
    func take() async throws -> NetworkNamespace {
        let ready = state.withLock { state in
            state.lastTaken = .now
            return state.ready.popLast()
        }
        startRefill()
        if let ready { return ready }
        return try await BlockingPool.shared.run { try NetworkNamespace.make() }
    }

    /// Begins to fill the pool in the background.
    func startRefill() {
        state.withLock { state in
            guard state.refill == nil, !state.stopped, state.ready.count < limit else { return }
            state.refill = Task { await refill() }
        }
    }

    /// Drops what is ready and makes no more.
    func stop() async {
        let task = state.withLock { state in
            state.stopped = true
            state.ready.removeAll()
            return state.refill
        }
        task?.cancel()
        await task?.value
    }

    private func refill() async {
        while let pause = nextStep() {
            do {
                if pause > .zero {
                    try await Task.sleep(for: pause)
                } else {
                    let namespace = try await BlockingPool.shared.run { try NetworkNamespace.make() }
                    state.withLock { if !$0.stopped { $0.ready.append(namespace) } }
                }
            } catch is CancellationError {
                return
            } catch {
                // Starts make their own namespace and report the failure; the next one taken tries again.
                log("cannot make a network namespace ahead", ["error": "\(error)"])
                state.withLock { $0.refill = nil }
                return
            }
        }
    }

    /// How long to wait before the next namespace is made; nil when the pool is full, and the refill is over.
    private func nextStep() -> Duration? {
        state.withLock { state in
            guard !state.stopped, state.ready.count < limit else {
                state.refill = nil
                return nil
            }
            return max(.zero, Self.quiet - state.lastTaken.duration(to: .now))
        }
    }
}
