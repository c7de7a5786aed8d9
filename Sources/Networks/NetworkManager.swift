internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// The containers' network: one bridge, one nf_tables table, addresses, veth pairs, published ports.
///
/// Every change goes to the kernel by netlink; no program is run. The order in a start is `namespace` and `reserve`, `connect`,
/// `publish`; on every end, also of a start that failed after `connect`, `release`.
public final class NetworkManager: Sendable {
    /// What can be configured.
    public struct Configuration: Sendable {
        /// The bridge's name; also names the table, so that several daemons can run side by side.
        public var bridge: String
        /// The bridge's subnet; nil: the one that the bridge has, else 172.30.0.0/16 or the next that collides with nothing.
        public var subnet: IPv4Subnet?
        /// How many network namespaces are made ahead.
        public var readyNamespaces: Int

        /// Makes a configuration.
        public init(bridge: String = "timber0", subnet: IPv4Subnet? = nil, readyNamespaces: Int = 4) {
            self.bridge = bridge
            self.subnet = subnet
            self.readyNamespaces = readyNamespaces
        }
    }

    /// What a container is called now, by its id: for messages.
    public typealias Naming = @Sendable (_ id: String) -> String

    /// Writes a log line: a constant text, and what it is about.
    public typealias Log = @Sendable (_ text: String, _ metadata: [String: String]) -> Void

    /// A container that is believed to be connected.
    public struct Attachment: Sendable {
        /// Its place on the bridge.
        public var endpoint: Endpoint
        /// Its published ports.
        public var ports: [PublishedPort]
        /// The container's id.
        public var owner: String

        /// Makes an attachment.
        public init(endpoint: Endpoint, ports: [PublishedPort], owner: String) {
            self.endpoint = endpoint
            self.ports = ports
            self.owner = owner
        }
    }

    /// What is known about the bridge, by `start`.
    struct Network: Sendable {
        var bridge: Bridge
        var addresses: AddressPool
        /// By the endpoint's interface, which is another one for every start.
        var attachments: [String: Attachment] = [:]

        var ruleset: Ruleset { Ruleset(bridge: bridge.name, subnet: bridge.subnet, unrouted: bridge.unrouted) }

        /// Forgets an endpoint, and gives its address back if it was known.
        mutating func remove(_ endpoint: Endpoint) {
            guard attachments.removeValue(forKey: endpoint.interface) != nil else { return }
            addresses.giveBack(endpoint.address)
        }

        /// Everything that should be published.
        var published: [(PublishedPort, IPv4Address)] {
            attachments.values.flatMap { attachment in attachment.ports.map { ($0, attachment.endpoint.address) } }
        }
    }

    let configuration: Configuration
    let host: HostNetwork
    let naming: Naming
    let log: Log
    let pool: NamespacePool
    // Held while a change of the table is sent (microseconds for one container's ports), so that a rebuilt table never misses a
    // port that was published meanwhile. Never across an await.
    let network = Mutex<Network?>(nil)
    let reserved = Mutex(ReservedPorts())
    let watch = Mutex<TableWatch?>(nil)

    /// Makes a manager; nothing on the host changes before `start`.
    public convenience init(configuration: Configuration, naming: @escaping Naming, log: @escaping Log) {
        self.init(configuration: configuration, host: nil, naming: naming, log: log)
    }

    /// - Parameter host: the network namespace to work in; nil for the process's own.
    package init(configuration: Configuration, host: NetworkNamespace?, naming: @escaping Naming = { $0 }, log: @escaping Log) {
        self.configuration = configuration
        self.naming = naming
        self.host = HostNetwork(namespace: host)
        self.log = log
        pool = NamespacePool(limit: configuration.readyNamespaces, log: log)
    }

    deinit { stopWatch() }

    /// The bridge's subnet.
    /// - Throws: `TimberError.unavailable` before `start`.
    public var subnet: IPv4Subnet { get throws { try withNetwork { $0.bridge.subnet } } }

    /// The bridge's address.
    /// - Throws: `TimberError.unavailable` before `start`.
    public var gateway: IPv4Address { get throws { try subnet.gateway } }

    /// A network namespace for a container.
    /// - Throws: `TimberError.internal`.
    public func namespace() async throws -> NetworkNamespace {
        try await pool.take()
    }

    /// Connects a namespace to the bridge: `eth0` with an address and the default route.
    /// - Parameters:
    ///   - namespace: one of `namespace()`, not connected yet.
    ///   - id: the container's id.
    ///   - address: a certain address; nil for the next free one.
    ///   - mac: a certain Ethernet address; nil for one that follows from the address.
    /// - Throws: `TimberError`: `.invalidArgument` or `.conflict` for the address, `.unavailable` when none is left, `.internal`. After a
    ///   failure let the namespace go: whatever was made goes with it.
    public func connect(
        _ namespace: NetworkNamespace, id: String, address: IPv4Address? = nil, mac: MACAddress? = nil
    ) async throws -> Endpoint {
        try await BlockingPool.shared.run { [self] in
            let (bridge, endpoint) = try withNetwork { network in
                if let address { try network.addresses.take(address) }
                let chosen = try address ?? network.addresses.take()
                let endpoint = Endpoint(
                    id: id, interface: VethName.make(id: id), address: chosen, prefixLength: network.bridge.subnet.prefixLength,
                    gateway: network.bridge.subnet.gateway, mac: mac ?? MACAddress(for: chosen))
                network.attachments[endpoint.interface] = Attachment(endpoint: endpoint, ports: [], owner: id)
                return (network.bridge, endpoint)
            }
            do {
                try attach(endpoint, namespace, bridge)
            } catch {
                try withNetwork { $0.remove(endpoint) }
                throw TimberError(.internal, "cannot connect container \(id.prefix(12)) to bridge \(bridge.name)", cause: error)
            }
            return endpoint
        }
    }

    private func attach(_ endpoint: Endpoint, _ namespace: NetworkNamespace, _ bridge: Bridge) throws {
        var outside = NetlinkBatch()
        outside.makeVeth(endpoint, bridge: bridge, namespace: namespace)
        try host.route { try $0.perform(outside) }
        var inside = NetlinkBatch()
        inside.addAddress(
            endpoint.address, prefixLength: endpoint.prefixLength, broadcast: bridge.subnet.broadcast, to: namespace.nextIndex)
        inside.setLink("eth0", index: namespace.nextIndex, up: true)
        inside.addDefaultRoute(via: endpoint.gateway, index: namespace.nextIndex)
        try namespace.perform(inside)
    }

    func withNetwork<Value: Sendable>(_ body: (inout Network) throws -> Value) throws -> Value {
        try network.withLock { network in
            guard var value = network else {
                throw TimberError(.unavailable, "bridge \(configuration.bridge) is not set up")
            }
            // Taken out so that it is changed in place.
            network = nil
            defer { network = value }
            return try body(&value)
        }
    }
}

/// Names of the host's ends of veth pairs.
enum VethName {
    /// `tv`, the first eight characters of the container's id, and five random ones: a restarted container's new pair does not meet
    /// the old one, which the kernel removes only some time after the container has ended.
    static func make(id: String) -> String {
        let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz")
        let random = (0..<5).map { _ in digits[Int.random(in: 0..<digits.count)] }
        return "tv" + id.prefix(8).filter { $0.isASCII && ($0.isLetter || $0.isNumber) } + String(random)
    }
}
