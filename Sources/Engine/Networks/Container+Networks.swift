internal import CTimber
internal import Errors
internal import LinuxKernel
internal import Networks

/// Joining and leaving networks, of containers that run and of those that do not.
///
/// What a container is in is written down first; `settleNetworks` then makes the interfaces of one that runs agree with that, also
/// after a daemon that died in between.
extension Container {
    /// Puts it into a network.
    /// - Throws: `TimberError`: `.permissionDenied` when it is in already, `.invalidArgument` when it has no network of its own.
    func join(_ membership: Membership) async throws {
        try await networkTurn.run { [self] in try await joinInTurn(membership) }
    }

    /// Takes it out of a network.
    /// - Throws: `TimberError.permissionDenied` when it is not in.
    func leave(_ network: JoinableNetwork) async throws {
        try await networkTurn.run { [self] in try await leaveInTurn(network) }
    }

    /// Makes the interfaces of a container that runs what is on record, and answers its questions again.
    func adoptNetworks() async throws {
        try await networkTurn.run { [self] in try await adoptInTurn() }
    }

    private func adoptInTurn() async throws {
        let (shim, endpoints) = (run.shim, run.endpoints)
        if usesOwnDNS(endpoints) {
            try await serveNames(endpoints, route: run.route, in: try await liveNamespace())
            // It may have ended meanwhile, and its names were gone then.
            guard run.shim === shim else {
                services.networks.dns.stop(container: id)
                for endpoint in endpoints { services.networks.dns.names.remove(interface: endpoint.interface) }
                return
            }
        }
        try await settleNetworks(after: .anotherDaemon)
    }

    private func joinInTurn(_ membership: Membership) async throws {
        try checkOwnNetwork(membership.name, "connected to")
        try membership.check(nameServers: definition.host.dns)
        let before = definition.memberships
        if before.contains(where: { $0.network == membership.network }) {
            guard lifecycle.run == nil, lifecycle.phase != .starting else {
                throw TimberError(.permissionDenied, "endpoint with name \(name) already exists in network \(membership.name)")
            }
            definition.memberships.removeAll { $0.network == membership.network }
        }
        definition.memberships.append(membership)
        do {
            try await storeDefinition()
            try await settleNetworks()
        } catch {
            definition.memberships = before
            try await storeDefinition()
            // What has been made of it goes again.
            await attempt("undo a connection") { [self] in try await settleNetworks() }
            throw error
        }
        publish()
    }

    private func leaveInTurn(_ network: JoinableNetwork) async throws {
        try checkOwnNetwork(network.name, "disconnected from")
        guard definition.memberships.contains(where: { $0.network == network.id }) else {
            throw TimberError(.permissionDenied, "container \(name) is not connected to network \(network.name)")
        }
        definition.memberships.removeAll { $0.network == network.id }
        try await storeDefinition()
        try await settleNetworks()
        publish()
    }

    private func checkOwnNetwork(_ network: String, _ what: String) throws {
        switch definition.network {
        case .bridge, .user: break
        case .none, .host, .container:
            throw TimberError(
                .invalidArgument,
                "container \(name) cannot be \(what) network \(network): it was created with --network \(definition.network.word)")
        }
        if lifecycle.phase == .removing { throw TimberError(.conflict, "container \(name) is being removed") }
    }

    /// Who has changed its interfaces last.
    private enum Changer {
        case thisDaemon
        /// It may have died at any point: where the default routes go nobody knows.
        case anotherDaemon
    }

    /// In turn only. Does nothing when the container does not run.
    private func settleNetworks(after changer: Changer = .thisDaemon) async throws {
        try await startIsOver()
        guard let shim = run.shim, lifecycle.run != nil else { return }
        let before = run.endpoints
        let wanted = definition.memberships
        let leaving = before.filter { endpoint in !wanted.contains { $0.network == endpoint.network } }
        let joining = wanted.filter { membership in !before.contains { $0.network == membership.network } }
        if leaving.isEmpty && joining.isEmpty { return }
        // Before anything is made: a port that somebody else has is a reason to leave all as it is.
        let late = try await reserveLate(wanted)
        guard run.shim === shim else { return }
        run.ports += late?.ports ?? []
        do {
            try await settle(joining, leaving, shim, after: changer)
        } catch {
            // What it had when it ended it has given back, and there is nothing left to be settled.
            guard run.shim === shim else { return }
            if late != nil { run.ports = [] }
            throw error
        }
        if let late, run.shim === shim { try await hold(late) }
    }

    private func settle(
        _ joining: [Membership], _ leaving: [Endpoint], _ shim: ShimConnection, after changer: Changer
    ) async throws {
        let before = run.endpoints
        let namespace = try await liveNamespace()
        for membership in joining {
            let request = EndpointRequest(
                network: membership.network, device: freeDevice, defaultRoutes: [], address: membership.address,
                ipv6Address: membership.ipv6Address, mac: membership.mac)
            let endpoint = try await services.networks.connect(namespace, id: id, request)
            // It may have ended meanwhile, and given back what it had then.
            guard run.shim === shim else { return try await services.networks.disconnect(endpoint) }
            run.endpoints.append(endpoint)
            registerNames([endpoint])
            services.events.network("connect", endpoint.network, name: membership.name, container: id)
        }
        try await moveDefaultRoute(among: run.endpoints.filter { !leaving.contains($0) }, in: namespace, after: changer)
        for endpoint in leaving {
            try await services.networks.disconnect(endpoint)
            guard run.shim === shim else { return }
            run.endpoints.removeAll { $0 == endpoint }
            services.events.network("disconnect", endpoint.network, name: networkName(endpoint.network), container: id)
        }
        // Last: a daemon that dies before does all of it again.
        try await persist()
        try await settleNames(before: before, in: namespace)
    }

    /// The networks of a start: the first has `eth0`.
    func joinNetworks(_ connection: inout Connection) async throws {
        async let namespace = services.networks.namespace()
        let memberships = definition.memberships
        for membership in memberships
        where membership.network != BuiltInNetwork.bridge.id && services.userNetworks[membership.network] == nil {
            throw TimberError(.notFound, "network \(membership.name) not found: disconnect container \(name) from it, or make it again")
        }
        let ways = try ways(memberships)
        let reservation =
            ways.bindings.isEmpty ? nil : try await services.networks.reserve(ways.bindings, on: ways.families, owner: id)
        let own = try await namespace
        connection.namespace = own
        connection.reservation = reservation
        do {
            for (device, membership) in memberships.enumerated() {
                let request = EndpointRequest(
                    network: membership.network, device: device,
                    defaultRoutes: Set((membership == ways.route ? [.ipv4] : []) + (membership == ways.route6 ? [.ipv6] : [])),
                    address: membership.address, ipv6Address: membership.ipv6Address, mac: membership.mac)
                let endpoint = try await services.networks.connect(own, id: id, request)
                connection.endpoints.append(endpoint)
                if membership == ways.route { connection.route = endpoint }
                if membership == ways.route6 { connection.route6 = endpoint }
            }
            try await publish(reservation?.ports ?? [], connection.route, connection.route6)
            try await serveNames(connection.endpoints, route: connection.route, in: own)
        } catch {
            for endpoint in connection.endpoints {
                await attempt("undo a connection") { [self] in try await services.networks.release(endpoint) }
            }
            throw error
        }
    }

    /// Tells those who listen for events.
    func noteConnects() {
        for endpoint in run.endpoints {
            services.events.network("connect", endpoint.network, name: networkName(endpoint.network), container: id)
        }
    }

    /// Tells those who listen for events.
    func noteDisconnects(_ endpoints: [Endpoint]) {
        for endpoint in endpoints {
            services.events.network("disconnect", endpoint.network, name: networkName(endpoint.network), container: id)
        }
    }

    /// Published ports go with the default routes.
    private func moveDefaultRoute(among endpoints: [Endpoint], in namespace: NetworkNamespace, after changer: Changer) async throws {
        let shim = run.shim
        let (old, old6) = (run.route, run.route6)
        let new = DefaultRoute.choose(.ipv4, endpoints, definition.memberships)
        let new6 = DefaultRoute.choose(.ipv6, endpoints, definition.memberships)
        let isUnknown = changer == .anotherDaemon
        guard new != old || new6 != old6 || isUnknown else { return }
        let ports = run.ports
        (run.route, run.route6) = (new, new6)
        for endpoint in Set([old, old6].compactMap(\.self)) { try await services.networks.unpublish(endpoint) }
        if new != old || isUnknown { try await services.networks.setDefaultRoute(new, .ipv4, in: namespace) }
        if new6 != old6 || isUnknown && run.endpoints.contains(where: { $0.ipv6 != nil }) {
            try await services.networks.setDefaultRoute(new6, .ipv6, in: namespace)
        }
        // Ended meanwhile, or even started again: what follows is about another run.
        guard run.shim === shim else { return }
        try await publish(ports, new, new6)
    }

    /// Each port by the route of its family.
    private func publish(_ ports: [PublishedPort], _ route: Endpoint?, _ route6: Endpoint?) async throws {
        for endpoint in Set([route, route6].compactMap(\.self)) {
            try await services.networks.publish(Self.ports(ports, of: endpoint, route, route6), to: endpoint)
        }
    }

    /// Those of some ports that are published on an endpoint.
    static func ports(_ ports: [PublishedPort], of endpoint: Endpoint, _ route: Endpoint?, _ route6: Endpoint?) -> [PublishedPort] {
        ports.filter { endpoint == ($0.hostAddress.family == .ipv4 ? route : route6) }
    }

    /// Which way a container goes out, and what is published there.
    private struct Ways {
        var route: Membership?
        var route6: Membership?
        var families: Set<IPFamily> = [.ipv4]
        var bindings: [PortBinding] = []
    }

    private func ways(_ memberships: [Membership]) throws -> Ways {
        func configuration(_ membership: Membership) -> NetworkConfiguration? { services.userNetworks[membership.network]?.configuration }
        let open = memberships.filter { configuration($0)?.rules.isInternal != true }
        var ways = Ways(route: DefaultRoute.first(open), route6: DefaultRoute.first(open.filter { configuration($0)?.ipv6 != nil }))
        if ways.route6 != nil { ways.families.insert(.ipv6) }
        // Nothing is published of a container that has no way out.
        guard let route = ways.route else { return ways }
        let address = services.userNetworks[route.network]?.hostAddress ?? ""
        ways.bindings = try PortRequests.bindings(definition, hostAddress: address, ways.families)
        return ways
    }

    /// The ports of a container that was started without a way out, and gets one.
    private func reserveLate(_ wanted: [Membership]) async throws -> Reservation? {
        guard run.route == nil, run.ports.isEmpty else { return nil }
        let ways = try ways(wanted)
        return ways.bindings.isEmpty ? nil : try await services.networks.reserve(ways.bindings, on: ways.families, owner: id)
    }

    /// Hands reserved ports to the shim, which keeps them until it ends.
    private func hold(_ reservation: Reservation) async throws {
        let path = "\(bundle)/shim.sock"
        try await BlockingPool.shared.run {
            // On a connection of its own, which a shim that does not know the request closes.
            let connection = try UnixSocket.connect(path: path)
            let frame = timber_frame(length: 0, type: TIMBER_REQUEST_HOLD, process: 0, value: 0)
            try UnixSocket.send(withUnsafeBytes(of: frame) { Array($0) }, descriptors: reservation.descriptors, to: connection.raw)
        }
    }

    func networkName(_ network: String) -> String {
        definition.memberships.first { $0.network == network }?.name ?? services.userNetworks[network]?.name
            ?? (network == BuiltInNetwork.bridge.id ? BuiltInNetwork.bridge.rawValue : String(network.prefix(12)))
    }

    /// The lowest number that no interface of ours has.
    private var freeDevice: Int {
        let used = Set(run.endpoints.map(\.device))
        return (0...used.count).first { !used.contains("eth\($0)") } ?? used.count
    }

    /// The network namespace of the first process.
    func liveNamespace() async throws -> NetworkNamespace {
        let snapshot = snapshot
        guard let pid = snapshot.lifecycle.run?.pid else { throw TimberError(.conflict, "container \(name) is not running") }
        return try await BlockingPool.shared.run {
            try NetworkNamespace.existing(try SharedNetwork.open(of: snapshot, pid: pid))
        }
    }
}
