internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// Interfaces between which the host did not forward before it was turned on for us, and does not now.
struct Unrouted: Sendable, Equatable {
    var ipv4: [Int32] = []
    var ipv6: [Int32] = []
}

/// What the host forwarded before it was turned on for us: kept in the alias of the daemon's bridge.
struct ForwardingRecord: Sendable, Equatable {
    private static let ipv4 = "ip_forward was 0"
    private static let redirects = "accept_redirects was 0"
    private static let ipv6 = "ipv6 forwarding was 0 up to interface "

    /// It forwarded no IPv4.
    var forwardedNoIPv4 = false
    /// Turning IPv4's off, which turns accept_redirects on, has to leave it off.
    var refusedRedirects = false
    /// It forwarded no IPv6 when this was the last interface.
    var lastUnroutedByIPv6: Int32?

    /// - Parameter alias: of a bridge.
    init(alias: String) {
        for part in alias.split(separator: ";").map({ $0.drop { $0 == " " } }) {
            if part == Self.ipv4 { forwardedNoIPv4 = true }
            if part == Self.redirects { refusedRedirects = true }
            if part.hasPrefix(Self.ipv6) { lastUnroutedByIPv6 = Int32(part.dropFirst(Self.ipv6.count)) }
        }
    }

    /// What follows the mark in the alias.
    var text: String {
        let parts = [
            forwardedNoIPv4 ? Self.ipv4 : nil, refusedRedirects ? Self.redirects : nil, lastUnroutedByIPv6.map { Self.ipv6 + "\($0)" },
        ]
        return parts.compactMap { $0.map { "; " + $0 } }.joined()
    }

    /// Takes over what another bridge's says.
    mutating func add(_ other: ForwardingRecord) {
        forwardedNoIPv4 = forwardedNoIPv4 || other.forwardedNoIPv4
        refusedRedirects = refusedRedirects || other.refusedRedirects
        lastUnroutedByIPv6 = lastUnroutedByIPv6 ?? other.lastUnroutedByIPv6
    }

    /// Interfaces get ascending indices: those made before were there when nothing was forwarded.
    /// - Parameter bridge: the index of the bridge, with which forwarding of IPv4 was turned on.
    func unrouted(bridge: Int32, _ links: [Link]) -> Unrouted {
        let others = links.map(\.index).filter { $0 != Self.loopback }
        return Unrouted(
            ipv4: forwardedNoIPv4 ? others.filter { $0 < bridge } : [],
            ipv6: lastUnroutedByIPv6.map { last in others.filter { $0 <= last } } ?? [])
    }

    private static let loopback: Int32 = 1
}

/// The host's switches of forwarding.
enum Forwarding {
    static let ipv4 = "net/ipv4/ip_forward"
    static let ipv6 = "net/ipv6/conf/all/forwarding"
    private static let redirects = "net/ipv4/conf/all/accept_redirects"

    /// Turns IPv4's on.
    /// - Parameter record: notes what was before, before it is changed.
    static func turnOnIPv4(_ record: ((inout ForwardingRecord) -> Void) throws -> Void) throws {
        guard try Sysctl.read(ipv4) == "0" else { return }
        let refused = try Sysctl.read(redirects) == "0"
        try record {
            $0.forwardedNoIPv4 = true
            $0.refusedRedirects = refused
        }
        try Sysctl.write(ipv4, "1")
    }

    /// Turns IPv6's on.
    static func turnOnIPv6(_ links: [Link], _ record: ((inout ForwardingRecord) -> Void) throws -> Void) throws {
        guard try Sysctl.read(ipv6) == "0" else { return }
        let last = links.map(\.index).max() ?? 0
        try record { $0.lastUnroutedByIPv6 = last }
        try setIPv6(true, links)
    }

    /// Turns IPv4's off again.
    static func turnOffIPv4(_ record: ForwardingRecord) throws {
        try Sysctl.write(ipv4, "0")
        if record.refusedRedirects { try Sysctl.write(redirects, "0") }
    }

    /// Sets the switch that the kernel forwards by, and leaves those of the interfaces as they are, which say whether the host itself
    /// is a router to its neighbours there, or listens to one: a host that has its own routes from a router keeps them.
    static func setIPv6(_ on: Bool, _ links: [Link]) throws {
        let interfaces = try links.compactMap { try IPv6Interface($0.name) } + [IPv6Interface("default")].compactMap(\.self)
        // Turning it on removes the routes that routers have announced, but for interfaces that listen to them whatever they are.
        for interface in interfaces where on && interface.acceptRA == "1" { try interface.write("accept_ra", "2") }
        try Sysctl.write(ipv6, on ? "1" : "0")
        for interface in interfaces { try interface.write("forwarding", interface.forwarding) }
        for interface in interfaces where on && interface.acceptRA == "1" { try interface.write("accept_ra", "1") }
    }

    private struct IPv6Interface {
        let name: String
        let forwarding: String
        let acceptRA: String

        /// nil when it has no IPv6, or is gone.
        init?(_ name: String) throws {
            do {
                forwarding = try Sysctl.read("net/ipv6/conf/\(name)/forwarding")
                acceptRA = try Sysctl.read("net/ipv6/conf/\(name)/accept_ra")
            } catch let error as SystemError where error.errno == ENOENT {
                return nil
            }
            self.name = name
        }

        func write(_ what: String, _ value: String) throws {
            do {
                try Sysctl.write("net/ipv6/conf/\(name)/\(what)", value)
            } catch let error as SystemError where error.errno == ENOENT {}
        }
    }
}
