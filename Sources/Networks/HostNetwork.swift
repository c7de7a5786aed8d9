internal import CTimber
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// The network namespace that the bridge, the table and the reserved ports are in: the daemon's own, or another one (tests).
struct HostNetwork: Sendable {
    /// nil: the daemon's own.
    let namespace: NetworkNamespace?
    private let routeSockets: NetlinkSockets
    private let netfilterSockets: NetlinkSockets

    init(namespace: NetworkNamespace?) {
        self.namespace = namespace
        routeSockets = NetlinkSockets(protocolNumber: NETLINK_ROUTE)
        netfilterSockets = NetlinkSockets(protocolNumber: NETLINK_NETFILTER)
    }

    /// Runs a body with the namespace as the calling thread's: for sysctls and new sockets.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        guard let namespace else { return try body() }
        return try OwnThread.run(named: "network") {
            try checking("setns", "network namespace") { timber_setns(namespace.raw, CLONE_NEWNET) }
            return try body()
        }
    }

    /// Lends an rtnetlink socket.
    func route<Value>(_ body: (borrowing NetlinkSocket) throws -> Value) throws -> Value {
        try routeSockets.lend(self, body)
    }

    /// Lends an nfnetlink socket.
    func netfilter<Value>(_ body: (borrowing NetlinkSocket) throws -> Value) throws -> Value {
        try netfilterSockets.lend(self, body)
    }

    /// Whether a netlink port is one of ours for nfnetlink requests.
    func isOwnNetfilterPort(_ port: UInt32) -> Bool { netfilterSockets.isOwn(port) }

    /// Closes the idle sockets.
    func close() {
        routeSockets.close()
        netfilterSockets.close()
    }
}

/// A netlink socket that can be passed on.
final class SharedNetlinkSocket: Sendable {
    let socket: NetlinkSocket

    init(_ socket: consuming NetlinkSocket) {
        self.socket = socket
    }
}

/// Idle request sockets of one protocol, so that concurrent starts neither share a socket nor open one each.
private final class NetlinkSockets: Sendable {
    private final class Holder: Sendable {
        let socket: NetlinkSocket
        let port: UInt32

        init(_ socket: consuming NetlinkSocket) throws {
            port = try socket.bindPort()
            self.socket = socket
        }
    }

    private struct State {
        var idle: [Holder] = []
        // Kept, because a notification may be read after the socket that caused it was closed; one is closed only after a failure.
        var ports: Set<UInt32> = []
    }

    /// As many as BlockingPool has threads.
    private static let kept = 16
    private let protocolNumber: Int32
    private let state = Mutex(State())

    init(protocolNumber: Int32) {
        self.protocolNumber = protocolNumber
    }

    func lend<Value>(_ host: HostNetwork, _ body: (borrowing NetlinkSocket) throws -> Value) throws -> Value {
        let holder = try state.withLock { $0.idle.popLast() } ?? open(host)
        // A socket whose request failed half way may have answers left; it is not lent again.
        let value = try body(holder.socket)
        state.withLock { if $0.idle.count < Self.kept { $0.idle.append(holder) } }
        return value
    }

    func isOwn(_ port: UInt32) -> Bool {
        state.withLock { $0.ports.contains(port) }
    }

    func close() {
        state.withLock { $0.idle.removeAll() }
    }

    private func open(_ host: HostNetwork) throws -> Holder {
        let protocolNumber = protocolNumber
        let holder = try host.run { try Holder(NetlinkSocket(protocolNumber: protocolNumber)) }
        state.withLock { _ = $0.ports.insert(holder.port) }
        return holder
    }
}

/// Values below /proc/sys, of the calling thread's network namespace where they are namespaced.
enum Sysctl {
    /// Reads a value without the newline.
    /// - Parameter name: with slashes, for example `net/ipv4/ip_forward`.
    static func read(_ name: String) throws -> String {
        let file = try open(name, O_RDONLY)
        let bytes = try [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = try retrying("read", path(name)) { Glibc.read(file.raw, buffer.baseAddress, buffer.count) }
        }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Writes a value.
    static func write(_ name: String, _ value: String) throws {
        let file = try open(name, O_WRONLY)
        let bytes = Array(value.utf8)
        try retrying("write", path(name)) { Glibc.write(file.raw, bytes, bytes.count) }
    }

    /// Turns IPv6 on for an interface of ours that is not up yet: with the addresses that it is given, and none, nor routes, that a
    /// neighbour announces.
    static func allowIPv6(on interface: String) throws {
        let values = [("accept_ra", "0"), ("autoconf", "0"), ("accept_redirects", "0"), ("accept_dad", "0"), ("disable_ipv6", "0")]
        for (name, value) in values { try write("net/ipv6/conf/\(interface)/\(name)", value) }
    }

    /// Opens the file, for reading, writing or locking.
    static func open(_ name: String, _ flags: Int32) throws -> Descriptor {
        Descriptor(owning: try retrying("open", path(name)) { Glibc.open(path(name), flags | O_CLOEXEC) })
    }

    private static func path(_ name: String) -> String { "/proc/sys/" + name }
}
