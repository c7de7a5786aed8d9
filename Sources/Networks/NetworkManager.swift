internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// The containers' networks: a bridge for each, one nf_tables table, addresses, veth pairs, published ports.
///
/// Every change goes to the kernel by netlink; no program is run. The order in a start is `namespace` and `reserve`, `connect` for
/// each network, `publish`; on every end, also of a start that failed after `connect`, `release`.
public final class NetworkManager: Sendable {
    /// What can be configured.
    public struct Configuration: Sendable {
        /// The id of the daemon's own network.
        public var network: String
        /// The bridge's name; also names the table, so that several daemons can run side by side.
        public var bridge: String
        /// The bridge's subnet; nil: the one that the bridge has, else 172.30.0.0/16 or the next that collides with nothing.
        public var subnet: IPv4Subnet?
        /// 48 bits of which networks get their IPv6 subnets when nobody chooses them (RFC 4193): the same ones for ever, and others on
        /// every host.
        public var uniqueLocalPrefix: IPv6Subnet
        /// Where it keeps what a daemon that dies leaves to the next one: only root can write there, and a boot empties it.
        public var directory: String
        /// How many network namespaces are made ahead.
        public var readyNamespaces: Int

        /// Makes a configuration.
        public init(
            network: String = "bridge", bridge: String = "timber0", subnet: IPv4Subnet? = nil, uniqueLocalPrefix: IPv6Subnet,
            directory: String, readyNamespaces: Int = 4
        ) {
            self.network = network
            self.bridge = bridge
            self.subnet = subnet
            self.uniqueLocalPrefix = uniqueLocalPrefix
            self.directory = directory
            self.readyNamespaces = readyNamespaces
        }
    }

    /// What a container is called now, by its id: for messages.
    public typealias Naming = @Sendable (_ id: String) -> String

    /// Writes a log line: a constant text, and what it is about.
    public typealias Log = @Sendable (_ text: String, _ metadata: [String: String]) -> Void

    /// A container that is believed to be connected.
    public struct Attachment: Sendable {
        /// Its place in the network.
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

    /// What is known about one network.
    struct Network: Sendable {
        let configuration: NetworkConfiguration
        /// nil while it is being made or removed, or could not be made.
        var bridge: Bridge?
        /// Its bridge is there and may have containers, but could not be set up: they are treated as before, and nobody joins.
        var isStuck = false
        var addresses: AddressPool<IPv4Address>
        var ipv6Addresses: AddressPool<IPv6Address>?
        /// By the endpoint's interface, which is another one for every start.
        var attachments: [String: Attachment] = [:]

        init(_ configuration: NetworkConfiguration, bridge: Bridge? = nil) {
            self.configuration = configuration
            self.bridge = bridge
            addresses = AddressPool(
                subnet: configuration.subnet, gateway: configuration.gateway, range: configuration.range, kept: configuration.kept)
            ipv6Addresses = configuration.ipv6.map {
                AddressPool(subnet: $0.subnet, gateway: $0.gateway, range: $0.range, kept: $0.kept)
            }
        }

        /// Chooses an endpoint's addresses, all that the network has, or none.
        mutating func takeAddresses(_ request: EndpointRequest) throws -> (IPv4Address, IPv6Place?) {
            if let address = request.address { try addresses.take(address) }
            let address = try request.address ?? addresses.take()
            do {
                return (address, try takeIPv6(request.ipv6Address))
            } catch {
                addresses.giveBack(address)
                throw error
            }
        }

        private mutating func takeIPv6(_ wanted: IPv6Address?) throws -> IPv6Place? {
            guard let plan = configuration.ipv6 else {
                guard let wanted else { return nil }
                throw TimberError(.invalidArgument, "network \(configuration.name) has no IPv6, which address \(wanted) could be of")
            }
            if let wanted { try ipv6Addresses?.take(wanted) }
            guard let address = try wanted ?? ipv6Addresses?.take() else { return nil }
            return IPv6Place(
                address: address, prefixLength: plan.subnet.prefixLength, gateway: configuration.rules.isInternal ? nil : plan.gateway)
        }

        /// Forgets an endpoint, and gives its address back if it was known.
        mutating func remove(_ endpoint: Endpoint) {
            guard attachments.removeValue(forKey: endpoint.interface) != nil else { return }
            addresses.giveBack(endpoint.address)
            if let ipv6 = endpoint.ipv6 { ipv6Addresses?.giveBack(ipv6.address) }
        }
    }

    /// What is known about all networks, by `start`.
    struct Networks: Sendable {
        /// By id.
        var all: [String: Network] = [:]
        var unrouted = Unrouted()
        /// Bridges of networks that nothing is known about: nothing passes.
        var closed: [String] = []
        /// The table still has ports that ended: it is written anew before an address is given out or a port is published.
        var isTableStale = false

        /// Everything that should be published.
        var published: [(PublishedPort, HostAddress)] {
            all.values.flatMap(\.attachments.values).flatMap { $0.endpoint.targets($0.ports) }
        }
    }

    let configuration: Configuration
    let host: HostNetwork
    let naming: Naming
    let log: Log
    let pool: NamespacePool
    /// The name server of containers in networks of users.
    public let dns: ContainerDNS
    // Held while a change of the table is sent (microseconds for one container's ports), so that a rebuilt table never misses a
    // port that was published meanwhile. Never across an await.
    let networks = Mutex<Networks?>(nil)
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
        dns = ContainerDNS(host: self.host, log: log)
    }

    deinit { stopWatch() }

    var journal: ForwardingJournal { ForwardingJournal(path: configuration.directory + "/ipv6-forwarding") }

    /// The daemon's own bridge's subnet.
    /// - Throws: `TimberError.unavailable` before `start`.
    public var subnet: IPv4Subnet { get throws { try withNetwork(configuration.network) { $0.configuration.subnet } } }

    /// The daemon's own bridge's address.
    /// - Throws: `TimberError.unavailable` before `start`.
    public var gateway: IPv4Address { get throws { try subnet.gateway } }

    /// A network namespace for a container.
    /// - Throws: `TimberError.internal`.
    public func namespace() async throws -> NetworkNamespace {
        try await pool.take()
    }

    /// Connects a namespace to a network: an interface with an address, and the default route if it is asked for.
    /// - Parameters:
    ///   - namespace: one of `namespace()`, or that of a container that runs.
    ///   - id: the container's id.
    /// - Throws: `TimberError`: `.notFound` for the network, `.invalidArgument` or `.conflict` for the address, `.unavailable` when none is
    ///   left, `.internal`. After a failure nothing of it stays in a container that runs; let a new namespace go.
    public func connect(_ namespace: NetworkNamespace, id: String, _ request: EndpointRequest = EndpointRequest()) async throws -> Endpoint
    {
        try await BlockingPool.shared.run { [self] in
            try settleTable(onlyIfStale: true)
            let (bridge, endpoint) = try withNetwork(request.network ?? configuration.network) { network in
                guard let bridge = network.bridge else {
                    throw TimberError(.unavailable, "network \(network.configuration.name) is not set up, see the daemon's log")
                }
                let (chosen, ipv6) = try network.takeAddresses(request)
                let endpoint = Endpoint(
                    id: id, network: network.configuration.id, endpointID: EndpointName.makeID(), interface: EndpointName.veth(id: id),
                    device: "eth\(request.device)", address: chosen, prefixLength: bridge.subnet.prefixLength,
                    gateway: network.configuration.rules.isInternal ? nil : bridge.gateway, ipv6: ipv6,
                    mac: request.mac ?? MACAddress(for: chosen))
                network.attachments[endpoint.interface] = Attachment(endpoint: endpoint, ports: [], owner: id)
                return (bridge, endpoint)
            }
            do {
                try attach(endpoint, namespace, bridge, request)
            } catch {
                try withNetwork(endpoint.network) { $0.remove(endpoint) }
                throw TimberError(.internal, "cannot connect container \(naming(id)) to bridge \(bridge.name)", cause: error)
            }
            return endpoint
        }
    }

    private func attach(_ endpoint: Endpoint, _ namespace: NetworkNamespace, _ bridge: Bridge, _ request: EndpointRequest) throws {
        let planned = namespace.nextIndex.map { $0 + Int32(clamping: request.device) }
        var outside = NetlinkBatch()
        outside.makeVeth(endpoint, bridge: bridge, namespace: namespace, index: planned ?? 0)
        try host.route { try $0.perform(outside) }
        do {
            let index = try planned ?? namespace.index(of: endpoint.device)
            var inside = NetlinkBatch()
            inside.addAddress(endpoint.address, in: bridge.subnet, to: index)
            if let ipv6 = endpoint.ipv6, let subnet = bridge.ipv6?.subnet {
                try namespace.allowIPv6(on: endpoint.device)
                inside.addAddress(ipv6.address, in: subnet, to: index)
            }
            inside.setLink(endpoint.device, index: index, up: true)
            for family in [IPFamily.ipv4, .ipv6] where request.defaultRoutes.contains(family) {
                inside.setDefaultRoute(endpoint, family, index: index)
            }
            try namespace.perform(inside)
        } catch {
            // A namespace of a start goes away with all that is in it.
            if planned == nil { try removeVeth(endpoint) }
            throw error
        }
    }

    /// Removes a container's veth pair; one that is not there is no error.
    func removeVeth(_ endpoint: Endpoint) throws {
        var batch = NetlinkBatch()
        batch.removeLink(endpoint.interface)
        do {
            try host.route { try $0.perform(batch) }
        } catch let error as SystemError where error.errno == ENODEV {}
    }

    func withNetworks<Value: Sendable>(_ body: (inout Networks) throws -> Value) throws -> Value {
        try networks.withLock { networks in
            guard var value = networks else {
                throw TimberError(.unavailable, "bridge \(configuration.bridge) is not set up")
            }
            // Taken out so that it is changed in place.
            networks = nil
            defer { networks = value }
            return try body(&value)
        }
    }

    func withNetwork<Value: Sendable>(_ id: String, _ body: (inout Network) throws -> Value) throws -> Value {
        try withNetworks { networks in
            guard var network = networks.all.removeValue(forKey: id) else {
                throw TimberError(.notFound, "network \(id.prefix(12)) not found")
            }
            defer { networks.all[id] = network }
            return try body(&network)
        }
    }

    /// The table as it should be.
    func ruleset(_ networks: Networks) -> Ruleset {
        let all = networks.all.values.filter { $0.bridge != nil || $0.isStuck }.map(\.configuration).sorted { $0.bridge < $1.bridge }.map {
            Ruleset.Network(bridge: $0.bridge, subnet: $0.subnet, ipv6: $0.ipv6?.subnet, rules: $0.rules)
        }
        return Ruleset(bridge: configuration.bridge, networks: all, unrouted: networks.unrouted, closed: networks.closed)
    }
}

/// Names that nobody else has.
enum EndpointName {
    /// 64 hexadecimal characters.
    static func makeID() -> String {
        (0..<4).map { _ in
            let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// The host's end of a veth pair: `tv`, the first eight characters of the container's id, and five random ones: a restarted container's new pair does not meet
    /// the old one, which the kernel removes only some time after the container has ended.
    static func veth(id: String) -> String {
        let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz")
        let random = (0..<5).map { _ in digits[Int.random(in: 0..<digits.count)] }
        return "tv" + id.prefix(8).filter { $0.isASCII && ($0.isLetter || $0.isNumber) } + String(random)
    }
}
