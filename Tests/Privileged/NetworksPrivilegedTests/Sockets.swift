import CTimber
import Foundation
import LinuxKernel

@testable import Networks

/// How an attempt to reach a server ended.
enum Reply: Equatable, CustomStringConvertible {
    /// The server answered with its name and the client's address as it saw it.
    case answer(from: String, client: String)
    case refused
    case unreachable
    case timeout
    case failed(Int32)

    var server: String? {
        if case .answer(let server, _) = self { return server }
        return nil
    }
    var client: String? {
        if case .answer(_, let client) = self { return client }
        return nil
    }
    var description: String {
        switch self {
        case .answer(let server, let client): "answer of \(server) to \(client)"
        case .refused: "refused"
        case .unreachable: "unreachable"
        case .timeout: "timeout"
        case .failed(let error): "errno \(error)"
        }
    }
}

/// A server inside a namespace, TCP and UDP on one port, that answers each client with "name address".
final class Server: Sendable {
    private let tcp: SharedDescriptor
    private let udp: SharedDescriptor

    /// - Parameter address: `::` for both families.
    init(_ name: String, in namespace: NetworkNamespace, port: UInt16, on address: String = "0.0.0.0") throws {
        (tcp, udp) = try namespace.inside {
            let tcp = try Self.bound(SOCK_STREAM, address, port)
            try retrying("listen") { listen(tcp.raw, 64) }
            return (tcp, try Self.bound(SOCK_DGRAM, address, port))
        }
        let (tcp, udp) = (tcp, udp)
        Thread.detachNewThread { Self.serveTCP(tcp, name) }
        Thread.detachNewThread { Self.serveUDP(udp, name) }
    }

    deinit {
        // Wakes both threads, which then let their descriptors go.
        shutdown(tcp.raw, Int32(SHUT_RDWR))
        shutdown(udp.raw, Int32(SHUT_RDWR))
    }

    private static func bound(_ type: __socket_type, _ address: String, _ port: UInt16) throws -> SharedDescriptor {
        var name = SocketName(address, port)
        let family = name.family
        let socket = SharedDescriptor(
            Descriptor(owning: try retrying("socket") { Glibc.socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }))
        var on: Int32 = 1
        try retrying("setsockopt") { setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &on, 4) }
        try retrying("bind") { name.withPointer { bind(socket.raw, $0, $1) } }
        return socket
    }

    private static func serveTCP(_ socket: SharedDescriptor, _ name: String) {
        while true {
            var peer = SocketName("::", 0)
            let client = peer.withPointer { pointer, length in
                var length = length
                return accept(socket.raw, pointer, &length)
            }
            if client < 0 { return }
            let text = "\(name) \(peer.text)"
            _ = send(client, text, text.utf8.count, Int32(MSG_NOSIGNAL))
            close(client)
        }
    }

    private static func serveUDP(_ socket: SharedDescriptor, _ name: String) {
        while true {
            var buffer = [UInt8](repeating: 0, count: 64)
            var peer = SocketName("::", 0)
            let count = peer.withPointer { pointer, length in
                var length = length
                return recvfrom(socket.raw, &buffer, buffer.count, 0, pointer, &length)
            }
            if count <= 0 { return }
            let text = "\(name) \(peer.text)"
            _ = peer.withPointer { sendto(socket.raw, text, text.utf8.count, 0, $0, $1) }
        }
    }
}

/// An address and a port as system calls take them, of either family.
struct SocketName {
    // Large enough for a sockaddr_in as well, which begins in the same way.
    private var address = sockaddr_in6()

    init(_ text: String, _ port: UInt16) {
        address.sin6_port = port.bigEndian
        if text.contains(":") {
            address.sin6_family = sa_family_t(AF_INET6)
            inet_pton(AF_INET6, text, &address.sin6_addr)
        } else {
            address.sin6_family = sa_family_t(AF_INET)
            inet_pton(AF_INET, text, &address.sin6_flowinfo)
        }
    }

    var family: Int32 { Int32(address.sin6_family) }

    var text: String {
        if family == AF_INET { return IPv4Address(bits: UInt32(bigEndian: address.sin6_flowinfo)).description }
        return withUnsafeBytes(of: address.sin6_addr) { IPv6Address(Array($0)[...])?.description ?? "" }
    }

    mutating func withPointer<Value>(_ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Value) -> Value {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
        }
    }
}

extension NetworkNamespace {
    /// Connects from inside to a server and reads its answer.
    /// - Parameter source: an address, or address:port, to bind to first.
    func reach(
        _ address: String, _ port: UInt16, _ transport: Transport = .tcp, from source: String? = nil, timeout: Int32 = 20_000
    ) throws -> Reply {
        try inside {
            let type = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
            var name = SocketName(address, port)
            let family = name.family
            let socket = Descriptor(
                owning: try retrying("socket") {
                    Glibc.socket(family, Int32(type.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                })
            let raw = socket.raw
            if let source {
                let parts = source.split(separator: ":")
                var name = SocketName(String(parts[0]), parts.count > 1 ? UInt16(parts[1]) ?? 0 : 0)
                try retrying("bind") { name.withPointer { bind(raw, $0, $1) } }
            }
            let result = name.withPointer { connect(raw, $0, $1) }
            let error = errno
            if result < 0 && error != EINPROGRESS { return Self.reply(error) }
            if transport == .udp { _ = send(raw, "hi", 2, Int32(MSG_NOSIGNAL)) }
            var buffer = [UInt8](repeating: 0, count: 128)
            while true {
                var waiting = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
                if poll(&waiting, 1, timeout) == 0 { return .timeout }
                let count = recv(raw, &buffer, buffer.count, 0)
                let error = errno
                if count < 0 && error == EAGAIN { continue }
                if count < 0 { return Self.reply(error) }
                let words = String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: " ").map(String.init)
                return words.count == 2 ? .answer(from: words[0], client: words[1]) : .failed(0)
            }
        }
    }

    private static func reply(_ error: Int32) -> Reply {
        switch error {
        case ECONNREFUSED: .refused
        case EHOSTUNREACH, ENETUNREACH: .unreachable
        case ETIMEDOUT: .timeout
        default: .failed(error)
        }
    }
}
