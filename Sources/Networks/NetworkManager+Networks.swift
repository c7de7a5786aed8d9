internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// Networks of users: planned, recorded by the caller, made; and removed.
extension NetworkManager {
    /// Chooses and checks what a new network has; nobody else gets it from then on. Follow with `establish`, or `forget`.
    /// - Throws: `TimberError`: `.invalidArgument`, `.conflict` with the name of the network or interface that has the subnet, `.unavailable`.
    public func plan(_ request: NetworkRequest) async throws -> NetworkConfiguration {
        if let bridge = request.bridge { try Bridge.validate(bridge) }
        return try await BlockingPool.shared.run { [self] in
            let (taken, taken6) = try host.run {
                let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
                if request.ipv6 != nil { try Bridge.checkIPv6() }
                return (try SubnetChoice<IPv4Address>(socket, except: 0), try SubnetChoice<IPv6Address>(socket, except: 0))
            }
            return try withNetworks { networks in
                if let bridge = request.bridge, let other = networks.all.values.first(where: { $0.configuration.bridge == bridge }) {
                    throw TimberError(.conflict, "bridge \(bridge) is that of network \(other.configuration.name), choose another name")
                }
                // Ours by their names, also those whose bridge is not there.
                let known = networks.all.values.map(\.configuration)
                let ipv4 = try Self.plan(
                    request.ipv4, from: DefaultSubnets.users, taken, known.map { ($0.subnet, $0.name) })
                let ipv6 = try request.ipv6.map {
                    try Self.plan(
                        $0, from: DefaultSubnets.parts(of: configuration.uniqueLocalPrefix), taken6,
                        known.compactMap { network in network.ipv6.map { ($0.subnet, network.name) } })
                }
                let network = request.configuration(ipv4, ipv6)
                networks.all[network.id] = Network(network)
                return network
            }
        }
    }

    private static func plan<Address: IPAddress>(
        _ request: AddressRequest<Address>, from candidates: some Sequence<Subnet<Address>>, _ choice: SubnetChoice<Address>,
        _ ours: [(subnet: Subnet<Address>, name: String)]
    ) throws -> AddressPlan<Address> {
        let named = ours.map {
            SubnetChoice.Taken(address: $0.subnet.network, prefixLength: $0.subnet.prefixLength, by: "network \($0.name)")
        }
        let all = SubnetChoice(taken: named + choice.taken)
        if let subnet = request.subnet { try all.check(subnet, advice: "choose another one with --subnet") }
        return try request.plan(in: try request.subnet ?? all.choose(from: candidates, advice: "choose one with --subnet"))
    }

    /// Makes a planned network's bridge and its rules.
    /// - Throws: `TimberError`: `.conflict` when somebody was quicker, `.internal`.
    public func establish(_ network: NetworkConfiguration) async throws {
        try await BlockingPool.shared.run { [self] in
            do {
                let bridge = try Bridge.establish(network, daemon: configuration.bridge, host: host)
                // Nothing is turned on for it before its rules are there.
                let needed: Set<IPFamily> = network.forwardsIPv6 ? [.ipv6] : []
                try Bridge.forward(needed, daemon: configuration.bridge, journal: journal, host: host) { [self] unrouted in
                    try withNetworks { networks in
                        networks.all[network.id]?.bridge = bridge
                        networks.unrouted = unrouted
                        try replaceTable(&networks)
                    }
                }
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot make network \(network.name)", cause: error)
            }
        }
    }

    /// Forgets a network that was planned only.
    public func forget(_ network: NetworkConfiguration) {
        networks.withLock { $0?.all[network.id] = nil }
    }

    /// Lets nobody join a network any more; follow with `remove`, or `establish` when it is to stay.
    /// - Throws: `TimberError.permissionDenied` when containers are in it.
    public func close(_ network: NetworkConfiguration) throws {
        try withNetworks { networks in
            guard let known = networks.all[network.id] else { return }
            guard known.attachments.isEmpty else {
                let names = Set(known.attachments.values.map { naming($0.endpoint.id) }).sorted().joined(separator: ", ")
                throw TimberError(
                    .permissionDenied,
                    "network \(network.name) has active endpoints (\(names)): stop or disconnect these containers first")
            }
            networks.all[network.id]?.bridge = nil
            networks.all[network.id]?.isStuck = false
        }
    }

    /// Removes a closed network's bridge and rules; repeating it does nothing.
    /// - Throws: `TimberError.internal`.
    public func remove(_ network: NetworkConfiguration) async throws {
        try await BlockingPool.shared.run { [self] in
            do {
                try withNetworks { try replaceTable(&$0) }
                try Bridge.remove(network, daemon: configuration.bridge, host: host)
            } catch {
                throw TimberError(.internal, "cannot remove network \(network.name)", cause: error)
            }
            forget(network)
        }
    }
}

/// Containers that run join and leave.
extension NetworkManager {
    /// Takes a container that runs out of a network: as `release`, and its interface goes.
    /// - Throws: `TimberError.internal`.
    public func disconnect(_ endpoint: Endpoint) async throws {
        try await release(endpoint)
        try await BlockingPool.shared.run { [self] in
            do {
                try removeVeth(endpoint)
            } catch {
                throw TimberError(.internal, "cannot remove the interface of container \(naming(endpoint.id))", cause: error)
            }
        }
    }

    /// Sets the default route of a container that runs.
    /// - Parameter endpoint: whose gateway it goes by; nil: there is none.
    /// - Throws: `TimberError.internal`.
    public func setDefaultRoute(_ endpoint: Endpoint?, _ family: IPFamily, in namespace: NetworkNamespace) async throws {
        try await BlockingPool.shared.run {
            var batch = NetlinkBatch()
            do {
                if let endpoint, endpoint.hasGateway(family) {
                    batch.setDefaultRoute(endpoint, family, index: try namespace.index(of: endpoint.device))
                } else {
                    batch.removeDefaultRoute(family)
                }
                try namespace.perform(batch)
            } catch let error as SystemError where error.errno == ESRCH && endpoint?.hasGateway(family) != true {
                // There was none.
            } catch {
                throw TimberError(.internal, "cannot set the default route", cause: error)
            }
        }
    }
}
