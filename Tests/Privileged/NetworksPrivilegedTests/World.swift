import CTimber
import Errors
import Foundation
import LinuxKernel
import Testing

@testable import Networks

/// A host of its own for each test: a network namespace with an uplink to a neighbour's, and a manager that works in there.
///
///     neighbour 198.51.100.2 ── 198.51.100.1 wan0 [host] timber bridge ── containers
///
/// Nothing outside of these namespaces is touched: not the machine's interfaces, its nf_tables, nor its sysctls.
struct World {
    let host: NetworkNamespace
    let neighbour: NetworkNamespace
    let manager: NetworkManager
    let lines: Lines
    /// Of every daemon of this host.
    let directory: Scratch

    static let hostAddress = "198.51.100.1"
    static let neighbourAddress = "198.51.100.2"

    init(
        bridge: String = "timber0", subnet: IPv4Subnet? = nil, bridgeNetfilter: Bool = true, readyNamespaces: Int = 0
    ) async throws {
        host = try NetworkNamespace.make()
        neighbour = try NetworkNamespace.make()
        lines = Lines()
        directory = try Scratch()
        manager = NetworkManager(
            configuration: Self.configuration(bridge, subnet, directory, readyNamespaces), host: host, log: lines.log)
        try host.run("ip link add wan0 type veth peer name eth0 netns /proc/\(getpid())/fd/\(neighbour.raw)")
        try host.run("ip addr add \(Self.hostAddress)/24 dev wan0 && ip link set wan0 up")
        try neighbour.run("ip addr add \(Self.neighbourAddress)/24 dev eth0 && ip link set eth0 up")
        // A new namespace starts with the machine's settings; br_netfilter is on where it is built in.
        try host.run("sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=\(bridgeNetfilter ? 1 : 0)")
    }

    /// A connected container with published ports. The caller keeps it: it is gone when its namespace is.
    func container(
        _ id: String = "c0ffee00c0ffee00", publishing ports: [PortBinding] = [], address: IPv4Address? = nil,
        on another: NetworkManager? = nil
    ) async throws -> Container {
        let manager = another ?? manager
        let namespace = try await manager.namespace()
        let reservation = try await manager.reserve(ports, owner: id)
        let endpoint = try await manager.connect(namespace, id: id, .init(address: address))
        try await manager.publish(reservation.ports, to: endpoint)
        return Container(namespace: namespace, endpoint: endpoint, reservation: reservation)
    }
}

extension World {
    /// What a list in the table has, by its name; empty when the table is not there.
    func elements(_ map: String, bridge: String = "timber0") throws -> [String] {
        let text = try host.run("nft list map inet timber/\(bridge) \(map) 2>/dev/null || true")
        guard let start = text.range(of: "elements = {")?.upperBound, let end = text[start...].firstIndex(of: "}") else { return [] }
        return text[start..<end].split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.sorted()
    }

    /// Names of the host's interfaces, without @peer.
    func interfaces() throws -> [String] {
        try host.run("ip -o link").split(separator: "\n").compactMap { line in
            line.split(separator: " ").dropFirst().first.map { String($0.prefix { $0 != "@" && $0 != ":" }) }
        }
    }

    func sysctl(_ name: String) throws -> String {
        try host.inside { try Sysctl.read(name) }
    }

    /// A manager for the same host: another daemon, or the same one started again.
    func anotherManager(bridge: String = "timber0", subnet: IPv4Subnet? = nil) -> NetworkManager {
        NetworkManager(configuration: Self.configuration(bridge, subnet, directory), host: host, log: lines.log)
    }

    private static func configuration(
        _ bridge: String, _ subnet: IPv4Subnet?, _ directory: Scratch, _ readyNamespaces: Int = 0
    ) -> NetworkManager.Configuration {
        .init(
            bridge: bridge, subnet: subnet, uniqueLocalPrefix: uniqueLocal[0], directory: directory.path, readyNamespaces: readyNamespaces)
    }

    private static let uniqueLocal = ["fd00:9:1::/48"].compactMap(IPv6Subnet.init)
}

struct Container {
    let namespace: NetworkNamespace
    let endpoint: Endpoint
    let reservation: Reservation

    var address: String { endpoint.address.description }
}

/// A directory that goes with its last user.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/timber-networks-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(call: "mkdtemp", errno: timber_errno()) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { print("cannot remove \(path): \(error)") }
    }
}

/// What a manager logged.
final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: [String] = []

    var all: [String] { lock.withLock { stored } }

    func log(_ text: String, _ metadata: [String: String]) {
        lock.withLock { stored.append("\(text) \(metadata.sorted { $0.key < $1.key })") }
    }
}

extension NetworkNamespace {
    /// Runs a body on a thread inside.
    func inside<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        try HostNetwork(namespace: self).run(body)
    }

    /// Runs a shell command inside; tests may use ip and nft to look at what was made, and to make what others would.
    @discardableResult
    func run(_ command: String) throws -> String {
        try Command(["/bin/sh", "-ec", command], in: self).finish(command)
    }
}

/// Waits until a condition holds, for at most a minute.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<6_000 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}
