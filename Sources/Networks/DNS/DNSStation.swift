internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// The sockets on which a container's questions arrive: inside of its network namespace, on ports that the kernel chose, where the
/// namespace's own table brings what is sent to 127.0.0.11:53. Port 53 itself stays free for servers in the container.
///
/// The table is in the namespace, so it ends with it; a later daemon replaces it.
struct DNSStation: Sendable {
    static let address = IPv4Address(bits: 127 << 24 | 11)
    private static let port: UInt16 = 53
    private static let table = "timber/dns"

    let datagrams: SharedDescriptor
    let connections: SharedDescriptor

    /// Opens the sockets and writes the table.
    static func open(in namespace: NetworkNamespace) throws -> DNSStation {
        try HostNetwork(namespace: namespace).run {
            let datagrams = try socket(SOCK_DGRAM)
            let connections = try socket(SOCK_STREAM)
            try retrying("listen", "127.0.0.11") { listen(connections.raw, 16) }
            let netfilter = try NetlinkSocket(protocolNumber: NETLINK_NETFILTER)
            try netfilter.perform(rules(udp: try port(of: datagrams.raw), tcp: try port(of: connections.raw)))
            return DNSStation(datagrams: datagrams, connections: connections)
        }
    }

    private static func socket(_ type: __socket_type) throws -> SharedDescriptor {
        let flags = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = Descriptor(owning: try retrying("socket", "AF_INET") { Glibc.socket(AF_INET, flags, 0) })
        var address = SocketAddress(Self.address, port: 0).bytes
        try retrying("bind", "127.0.0.11") {
            address.withUnsafeMutableBytes { buffer in
                guard let base = buffer.bindMemory(to: sockaddr.self).baseAddress else { return Int32(-1) }
                return Glibc.bind(descriptor.raw, base, socklen_t(buffer.count))
            }
        }
        return SharedDescriptor(descriptor)
    }

    private static func port(of socket: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try retrying("getsockname", "127.0.0.11") {
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func rules(udp: UInt16, tcp: UInt16) -> NetlinkBatch {
        var transaction = Transaction(table: table)
        transaction.addTable()
        transaction.removeTable()
        transaction.addTable()
        transaction.addChain("output", Hook(type: "nat", number: NF_INET_LOCAL_OUT, priority: -100))
        for (transport, port) in [(Transport.udp, udp), (Transport.tcp, tcp)] {
            transaction.addRule("output", Match.service(address, transport, Self.port) + Match.redirect(to: address, port))
        }
        return transaction.finished()
    }
}

/// An address as system calls take it: `sockaddr_in` or `sockaddr_in6`.
struct SocketAddress: Sendable, Equatable {
    let family: Int32
    let bytes: [UInt8]

    private init(family: Int32, bytes: [UInt8]) {
        self.family = family
        self.bytes = bytes
    }

    /// Whether whoever connects gets to its own network namespace: loopback, and the address that stands for any.
    var isLoopback: Bool {
        guard family == AF_INET6 else { return Self.isLoopback(bytes[4..<8]) }
        let address = bytes[8..<24]
        if address.dropLast().allSatisfy({ $0 == 0 }) { return address.last == 0 || address.last == 1 }
        let isMapped = address.prefix(10).allSatisfy { $0 == 0 } && address[18] == 0xff && address[19] == 0xff
        return isMapped && Self.isLoopback(address.suffix(4))
    }

    private static func isLoopback(_ address: ArraySlice<UInt8>) -> Bool {
        address.first == 127 || address.allSatisfy { $0 == 0 }
    }

    init(_ address: IPv4Address, port: UInt16) {
        var value = sockaddr_in()
        value.sin_family = sa_family_t(AF_INET)
        value.sin_port = port.bigEndian
        value.sin_addr.s_addr = address.bits.bigEndian
        self.init(family: AF_INET, bytes: withUnsafeBytes(of: value) { Array($0) })
    }

    /// A name server as resolv.conf has it, IPv4 or IPv6; nil for anything else, also for link-local addresses with an interface.
    init?(nameServer text: String) {
        if let address = IPv4Address(text) {
            self.init(address, port: 53)
            return
        }
        var value = sockaddr_in6()
        guard inet_pton(AF_INET6, text, &value.sin6_addr) == 1 else { return nil }
        value.sin6_family = sa_family_t(AF_INET6)
        value.sin6_port = UInt16(53).bigEndian
        self.init(family: AF_INET6, bytes: withUnsafeBytes(of: value) { Array($0) })
    }
}
