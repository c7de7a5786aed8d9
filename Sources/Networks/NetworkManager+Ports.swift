internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// Ports of starts that are under way: reserved, not published yet.
struct ReservedPorts: Sendable {
    private var owners: [PublishedPort: String] = [:]

    mutating func insert(_ ports: [PublishedPort], owner: String) {
        for port in ports { owners[port] = owner }
    }

    mutating func remove(_ ports: [PublishedPort]) {
        for port in ports { owners[port] = nil }
    }

    func owner(of port: PublishedPort) -> String? {
        owners.first { $0.key.collides(with: port) }?.value
    }
}

extension NetworkManager {
    /// Binds host ports, all of them or none.
    /// - Parameters:
    ///   - bindings: what to publish; the same one twice counts once.
    ///   - families: what the container has; what names no address is published on all of them.
    ///   - owner: the container's id, for the message that the next one who wants the port gets.
    /// - Throws: `TimberError`: `.conflict` when a port is in use, naming who has it where that is known, `.invalidArgument` when the
    ///   host has no such address, or the container none of that family.
    public func reserve(_ bindings: [PortBinding], on families: Set<IPFamily> = [.ipv4], owner: String) async throws -> Reservation {
        try await BlockingPool.shared.run { [self] in
            var seen: Set<PortBinding> = []
            // Without a fixed host port every binding gets a port of its own.
            let unique = bindings.filter { $0.hostPorts == nil || seen.insert($0).inserted }
            do {
                let (ports, sockets) = try host.run { try PortBinder.bind(unique, families) }
                reserved.withLock { $0.insert(ports, owner: owner) }
                return Reservation(ports: ports, owner: owner, sockets: sockets) { [weak self] in
                    self?.reserved.withLock { $0.remove(ports) }
                }
            } catch let conflict as PortInUse {
                throw explain(conflict)
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot reserve the published ports of container \(naming(owner))", cause: error)
            }
        }
    }

    /// Publishes ports that the container's shim keeps reserved.
    /// - Throws: `TimberError.internal`.
    public func publish(_ ports: [PublishedPort], to endpoint: Endpoint) async throws {
        guard !ports.isEmpty else { return }
        let owner = endpoint.id
        try await BlockingPool.shared.run { [self] in
            try withNetworks { networks in
                guard let before = networks.all[endpoint.network]?.attachments[endpoint.interface] else {
                    throw TimberError(.notFound, "container \(naming(owner)) is not connected")
                }
                networks.all[endpoint.network]?.attachments[endpoint.interface]?.ports += ports
                do {
                    // Ports that come to others of the same container may be other elements together than apart.
                    guard before.ports.isEmpty else { return try replaceTable(&networks) }
                    try changeTable(&networks, ruleset(networks).add(endpoint.targets(ports)))
                } catch {
                    networks.all[endpoint.network]?.attachments[endpoint.interface] = before
                    throw TimberError(.internal, "cannot publish the ports of container \(naming(owner))", cause: error)
                }
            }
            forgetDatagrams(to: ports)
        }
    }

    /// Ends publishing a container's ports; nothing happens when there are none.
    /// - Throws: `TimberError.internal`.
    public func unpublish(_ endpoint: Endpoint) async throws {
        try await BlockingPool.shared.run { [self] in try unpublishNow(endpoint) }
    }

    /// Ends publishing and gives the address back, also when it fails; repeating it does nothing, and neither does it before `start`,
    /// which removes what it does not expect. The veth pair goes with the namespace.
    /// - Throws: `TimberError.internal`.
    public func release(_ endpoint: Endpoint) async throws {
        dns.names.remove(interface: endpoint.interface)
        try await BlockingPool.shared.run { [self] in
            guard networks.withLock({ $0?.all[endpoint.network] != nil }) else { return }
            let unpublished = Result { try unpublishNow(endpoint) }
            try withNetwork(endpoint.network) { $0.remove(endpoint) }
            try unpublished.get()
        }
    }

    /// Puts the table right, whatever happened to it, in one transaction.
    /// - Throws: `TimberError.internal`.
    public func reconcile() async throws {
        try await BlockingPool.shared.run { [self] in try settleTable() }
    }

    func settleTable(onlyIfStale: Bool = false) throws {
        do {
            try withNetworks { networks in
                if networks.isTableStale || !onlyIfStale { try replaceTable(&networks) }
            }
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot write the nf_tables table of bridge \(configuration.bridge)", cause: error)
        }
    }

    private func unpublishNow(_ endpoint: Endpoint) throws {
        let ports: [PublishedPort] = try withNetworks { networks in
            guard let attachment = networks.all[endpoint.network]?.attachments[endpoint.interface], !attachment.ports.isEmpty else {
                return []
            }
            networks.all[endpoint.network]?.attachments[endpoint.interface]?.ports = []
            do {
                try changeTable(&networks, ruleset(networks).remove(endpoint.targets(attachment.ports)))
            } catch {
                networks.isTableStale = true
                throw TimberError(.internal, "cannot remove the published ports of container \(naming(attachment.owner))", cause: error)
            }
            return attachment.ports
        }
        forgetDatagrams(to: ports)
    }

    /// A flow that cannot be forgotten is no reason to refuse a container.
    private func forgetDatagrams(to ports: [PublishedPort]) {
        let numbers = Set(ports.lazy.filter { $0.transport == .udp }.map(\.hostPort))
        guard !numbers.isEmpty else { return }
        do {
            try host.netfilter { try ConnectionTracking.forgetDatagrams(to: numbers, $0) }
        } catch {
            log("cannot forget udp flows to published ports", ["error": "\(error)"])
        }
    }

    /// Sends a change; when the table is not what it should be (flushed by somebody, or with leftovers), all of it is written anew.
    private func changeTable(_ networks: inout Networks, _ change: NetlinkBatch) throws {
        guard !networks.isTableStale else { return try replaceTable(&networks) }
        do {
            try host.netfilter { try $0.perform(change) }
        } catch let error as SystemError where [ENOENT, EEXIST, EBUSY].contains(error.errno) {
            log(
                "the nf_tables table was changed by somebody else, it is written anew",
                ["bridge": configuration.bridge, "error": "\(error)"])
            try replaceTable(&networks)
        }
    }

    func replaceTable(_ networks: inout Networks) throws {
        let batch = ruleset(networks).replace(publishing: networks.published)
        try host.netfilter { try $0.perform(batch) }
        networks.isTableStale = false
    }
}
