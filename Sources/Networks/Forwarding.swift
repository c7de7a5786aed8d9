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
    static let redirects = "net/ipv4/conf/all/accept_redirects"

    static func name(of family: IPFamily) -> String { family == .ipv4 ? ipv4 : ipv6 }

    /// Turns IPv4's off again.
    static func turnOffIPv4(_ record: ForwardingRecord) throws {
        try Sysctl.write(ipv4, "0")
        if record.refusedRedirects { try Sysctl.write(redirects, "0") }
    }

    /// Sets the switch that the kernel forwards by, and leaves those of the interfaces as they are, which say whether the host itself
    /// is a router to its neighbours there, or listens to one: a host that has its own routes from a router keeps them.
    /// - Parameters:
    ///   - journal: settled. What is not done when this ends, the next `settle` does.
    ///   - write: sets a sysctl (tests end there).
    static func setIPv6(
        _ on: Bool, _ links: [Link], _ journal: ForwardingJournal, write: (_ name: String, _ value: String) throws -> Void = Sysctl.write
    ) throws {
        let interfaces = try links.compactMap { try InterfaceSettings(of: $0.name) } + [InterfaceSettings(of: "default")].compactMap(\.self)
        try journal.note(interfaces)
        // Turning it on removes the routes that routers have announced, but for interfaces that listen to them whatever they are.
        for interface in interfaces where on && interface.acceptRA == "1" { try interface.set("accept_ra", "2", write) }
        try write(ipv6, on ? "1" : "0")
        try journal.settle(write: write)
    }
}

/// What the switch of all interfaces changes on one of them, besides what it is there for.
struct InterfaceSettings: Sendable, Equatable {
    let name: String
    let forwarding: String
    let acceptRA: String

    init(name: String, forwarding: String, acceptRA: String) {
        self.name = name
        self.forwarding = forwarding
        self.acceptRA = acceptRA
    }

    /// Those that an interface has now; nil when it has no IPv6, or is gone.
    init?(of name: String) throws {
        do {
            forwarding = try Sysctl.read("net/ipv6/conf/\(name)/forwarding")
            acceptRA = try Sysctl.read("net/ipv6/conf/\(name)/accept_ra")
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        }
        self.name = name
    }

    func set(_ what: String, _ value: String, _ write: (_ name: String, _ value: String) throws -> Void) throws {
        do {
            try write("net/ipv6/conf/\(name)/\(what)", value)
        } catch let error as SystemError where error.errno == ENOENT {}
    }
}

/// The settings of all interfaces, on file while the switch of all of them is thrown: a daemon that dies meanwhile leaves them to the
/// next one.
struct ForwardingJournal: Sendable {
    /// In a directory that only root can write to and that does not outlive a boot, as the settings do not.
    let path: String

    private static let limit = 1 << 24

    /// All or nothing.
    func note(_ interfaces: [InterfaceSettings]) throws {
        let lines = interfaces.map { "\($0.forwarding) \($0.acceptRA) \($0.name)\n" }
        try Files.write(Array(lines.joined().utf8), to: path + ".new")
        try retrying("rename", path) { rename(path + ".new", path) }
    }

    /// Puts back what is on file, if there is anything; with the host's lock only.
    func settle(write: (_ name: String, _ value: String) throws -> Void = Sysctl.write) throws {
        let interfaces: [InterfaceSettings]
        do {
            interfaces = try Self.parse(Files.read(path, limit: Self.limit))
        } catch let error as SystemError where error.errno == ENOENT {
            return
        }
        for interface in interfaces { try interface.set("forwarding", interface.forwarding, write) }
        for interface in interfaces { try interface.set("accept_ra", interface.acceptRA, write) }
        try Files.remove(path)
    }

    /// A name may have anything in it but white space and slashes.
    private static func parse(_ text: [UInt8]) -> [InterfaceSettings] {
        String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 3 else { return nil }
            return InterfaceSettings(name: words[2], forwarding: words[0], acceptRA: words[1])
        }
    }
}
