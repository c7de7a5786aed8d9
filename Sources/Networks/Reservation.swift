internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// Host ports kept for one container: sockets that are bound and never listen.
///
/// Anyone else who wants the port gets EADDRINUSE, and a connection that the table does not translate (`::1`, or to a container
/// without IPv6) is refused by the kernel at once, because nobody listens. Pass the descriptors to the shim: the ports are free again when
/// the last holder of a descriptor ends.
public final class Reservation: Sendable {
    /// The ports, with the host's ports chosen.
    public let ports: [PublishedPort]
    /// Id of the container they are for.
    let owner: String
    private let sockets: [SharedDescriptor]
    private let onRelease: @Sendable () -> Void

    /// Numbers of the descriptors to hold; valid as long as this object lives. At most 16, whatever the number of ports.
    public var descriptors: [Int32] { sockets.map(\.raw) }

    init(ports: [PublishedPort], owner: String, sockets: [SharedDescriptor], onRelease: @escaping @Sendable () -> Void) {
        self.ports = ports
        self.owner = owner
        self.sockets = sockets
        self.onRelease = onRelease
    }

    deinit { onRelease() }
}

/// Binding host ports; all functions run in the host's network namespace.
enum PortBinder {
    /// Up to so many sockets are passed as they are; more travel in the queue of one Unix socket.
    static let direct = 16
    /// SCM_MAX_FD.
    private static let perMessage = 253

    /// Binds every port, or none.
    /// - Parameter families: what the container has.
    static func bind(
        _ bindings: [PortBinding], _ families: Set<IPFamily>
    ) throws -> (ports: [PublishedPort], sockets: [SharedDescriptor]) {
        var ports: [PublishedPort] = []
        var carrier: Carrier?
        var open: [SharedDescriptor] = []
        for binding in bindings {
            let (sockets, port) = try bind(binding, families, after: ports)
            ports += addresses(binding, families).map {
                PublishedPort(transport: binding.transport, hostAddress: $0, hostPort: port, containerPort: binding.containerPort)
            }
            open += sockets
            if open.count >= perMessage - 1 {
                carrier = try carrier ?? Carrier()
                try carrier?.put(open)
                open.removeAll()
            }
        }
        guard carrier != nil || open.count > direct else { return (ports, open) }
        let queue = try carrier ?? Carrier()
        if !open.isEmpty { try queue.put(open) }
        return (ports, [queue.receiver])
    }

    private static func addresses(_ binding: PortBinding, _ families: Set<IPFamily>) -> [HostAddress] {
        if let address = binding.hostAddress { return [address] }
        return families.contains(.ipv6) ? [.ipv4(.any), .ipv6(.any)] : [.ipv4(.any)]
    }

    private static func bind(
        _ binding: PortBinding, _ families: Set<IPFamily>, after earlier: [PublishedPort]
    ) throws -> ([SharedDescriptor], UInt16) {
        guard let wanted = binding.hostPorts else { return try bindAnywhere(binding, families) }
        for port in wanted {
            do {
                return try bind(binding, families, port: port)
            } catch let error as SystemError where error.errno == EADDRINUSE {
                guard wanted.count > 1 else { throw PortInUse(binding: binding, ports: wanted, earlier: earlier) }
            }
        }
        throw PortInUse(binding: binding, ports: wanted, earlier: earlier)
    }

    /// The kernel's choice for one socket may be in use for the other.
    private static func bindAnywhere(_ binding: PortBinding, _ families: Set<IPFamily>) throws -> ([SharedDescriptor], UInt16) {
        for attempt in 1...16 {
            do {
                return try bind(binding, families, port: 0)
            } catch let error as SystemError where error.errno == EADDRINUSE && attempt < 16 {}
        }
        return try bind(binding, families, port: 0)
    }

    private static func bind(_ binding: PortBinding, _ families: Set<IPFamily>, port: UInt16) throws -> ([SharedDescriptor], UInt16) {
        let type = binding.transport == .tcp ? Int32(SOCK_STREAM.rawValue) : Int32(SOCK_DGRAM.rawValue)
        // Also for a container without IPv6, so that nobody waits for an answer there. Not for UDP: a bound UDP socket swallows what
        // reaches it, rather than having it refused.
        let isDual = binding.hostAddress == nil || binding.hostAddress == .ipv4(.any) && !families.contains(.ipv6)
        if isDual, binding.transport == .tcp, let (socket, chosen) = try bound(IPv6Address.any, type, port, isDual: true) {
            return ([socket], chosen)
        }
        var sockets: [SharedDescriptor] = []
        var port = port
        for address in addresses(binding, families) {
            let socket: SharedDescriptor
            do {
                switch address {
                case .ipv4(let address): (socket, port) = try bound(address, type, port)
                case .ipv6(let address):
                    guard let six = try bound(address, type, port, isDual: false) else {
                        throw SystemError(call: "bind", errno: EADDRNOTAVAIL, what: "\(address)")
                    }
                    (socket, port) = six
                }
            } catch let error as SystemError where error.errno == EADDRNOTAVAIL {
                throw TimberError(
                    .invalidArgument,
                    "cannot publish port \(binding.containerPort)/\(binding.transport.rawValue) on \(address): this host has no such address"
                )
            }
            sockets.append(socket)
        }
        return (sockets, port)
    }

    private static func bound(_ host: IPv4Address, _ type: Int32, _ port: UInt16) throws -> (SharedDescriptor, UInt16) {
        let socket = Descriptor(owning: try retrying("socket", "AF_INET") { Glibc.socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0) })
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bits.bigEndian
        try bind(socket, &address, type: type)
        let chosen = try UInt16(bigEndian: name(of: socket, sockaddr_in()).sin_port)
        return (SharedDescriptor(socket), chosen)
    }

    /// - Parameter isDual: one socket for both families: it conflicts with every IPv4 and IPv6 socket of that port.
    /// - Returns: nil when the host has no IPv6.
    private static func bound(
        _ host: IPv6Address, _ type: Int32, _ port: UInt16, isDual: Bool
    ) throws -> (SharedDescriptor, UInt16)? {
        do {
            let socket = Descriptor(
                owning: try retrying("socket", "AF_INET6") { Glibc.socket(AF_INET6, type | Int32(SOCK_CLOEXEC.rawValue), 0) })
            var isIPv6Only: Int32 = isDual ? 0 : 1
            try retrying("setsockopt", "IPV6_V6ONLY") {
                setsockopt(socket.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &isIPv6Only, socklen_t(MemoryLayout<Int32>.size))
            }
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: host.bytes) }
            try bind(socket, &address, type: type)
            let chosen = try UInt16(bigEndian: name(of: socket, sockaddr_in6()).sin6_port)
            return (SharedDescriptor(socket), chosen)
        } catch let error as SystemError where error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL {
            return nil
        }
    }

    private static func bind<Address>(_ socket: borrowing Descriptor, _ address: inout Address, type: Int32) throws {
        do {
            try bindOnce(socket, &address)
        } catch let error as SystemError where error.errno == EADDRINUSE && type == Int32(SOCK_STREAM.rawValue) {
            // Perhaps only connections of a server that has ended are left (TIME_WAIT, for a minute). SO_REUSEADDR looks past those
            // and past nothing else that matters: a listening socket still conflicts, and so does a reservation, which does not have
            // the option. Off again, so that nobody looks past this one.
            try reuseAddress(socket, true)
            try bindOnce(socket, &address)
            try reuseAddress(socket, false)
        }
    }

    private static func bindOnce<Address>(_ socket: borrowing Descriptor, _ address: inout Address) throws {
        let raw = socket.raw
        try retrying("bind") {
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(raw, $0, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
    }

    private static func reuseAddress(_ socket: borrowing Descriptor, _ on: Bool) throws {
        let raw = socket.raw
        var value: Int32 = on ? 1 : 0
        try retrying("setsockopt", "SO_REUSEADDR") {
            setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static func name<Address>(of socket: borrowing Descriptor, _ empty: Address) throws -> Address {
        let raw = socket.raw
        var address = empty
        var length = socklen_t(MemoryLayout<Address>.size)
        try retrying("getsockname") {
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
            }
        }
        return address
    }

    /// Sockets in the receive queue of a Unix socket live as long as that socket: one descriptor holds any number of them.
    private final class Carrier {
        let receiver: SharedDescriptor
        private let sender: Descriptor

        init() throws {
            var pair: [Int32] = [-1, -1]
            try retrying("socketpair", "AF_UNIX") {
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair)
            }
            sender = Descriptor(owning: pair[0])
            receiver = SharedDescriptor(Descriptor(owning: pair[1]))
            // 65,535 ports are 260 messages of about 1 KiB each.
            var size: Int32 = 4 << 20
            try retrying("setsockopt", "SO_SNDBUFFORCE") {
                setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
            }
        }

        func put(_ sockets: [SharedDescriptor]) throws {
            try sender.send(passing: sockets.map(\.raw))
        }
    }
}

/// A port that somebody else has.
struct PortInUse: Error {
    var binding: PortBinding
    var ports: ClosedRange<UInt16>
    /// What the same request had bound before.
    var earlier: [PublishedPort]
}

extension Descriptor {
    /// Sends one byte with descriptors, without waiting.
    fileprivate borrowing func send(passing descriptors: [Int32]) throws {
        let length = descriptors.count * MemoryLayout<Int32>.size
        let control = UnsafeMutableRawBufferPointer.allocate(
            byteCount: timber_cmsg_space(length), alignment: MemoryLayout<cmsghdr>.alignment)
        defer { control.deallocate() }
        control.initializeMemory(as: UInt8.self, repeating: 0)
        var byte: UInt8 = 0
        try withUnsafeMutableBytes(of: &byte) { bytes in
            var vector = iovec(iov_base: bytes.baseAddress, iov_len: 1)
            try withUnsafeMutablePointer(to: &vector) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                if let header = timber_cmsg_first(&message) {
                    header.pointee.cmsg_level = SOL_SOCKET
                    header.pointee.cmsg_type = Int32(SCM_RIGHTS)
                    header.pointee.cmsg_len = timber_cmsg_len(length)
                    UnsafeMutableRawBufferPointer(start: timber_cmsg_data(header), count: length)
                        .copyBytes(from: descriptors.withUnsafeBytes { Array($0) })
                }
                let number = raw
                try retrying("sendmsg", "SCM_RIGHTS") { sendmsg(number, &message, Int32(MSG_DONTWAIT)) }
            }
        }
    }
}
