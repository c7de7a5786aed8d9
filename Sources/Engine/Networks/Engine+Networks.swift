public import DockerAPI
internal import Errors
internal import Foundation
internal import Networks
internal import State

extension Engine {
    /// The networks that are there: the bridge, the host's own, none, and those of users.
    /// - Parameter filters: `driver`, `id`, `name`, `scope`, `type`, `dangling`, `label`.
    public func networks(filters: [String: [String]]) throws -> [NetworkResource] {
        let filter = try NetworkFilter(filters)
        let all = try BuiltInNetwork.allCases.map { try describe($0) } + services.userNetworks.all.map(\.resource)
        let used = Set(services.registry.snapshots.flatMap(\.endpoints).map(\.network))
        return all.filter { filter.matches($0, isUsed: used.contains($0.id)) }.sorted { $0.name < $1.name }
    }

    /// One network with its containers.
    /// - Parameter name: its name, its id or an unambiguous beginning of its id.
    public func inspectNetwork(_ name: String) throws -> NetworkResource {
        switch try services.userNetworks.find(name) {
        case .builtIn(let network):
            var result = try describe(network)
            result.containers = containers(in: network.id)
            guard network != .bridge else { return result }
            for snapshot in services.registry.snapshots
            where snapshot.lifecycle.run != nil && snapshot.definition.network.word == network.rawValue {
                result.containers[snapshot.id] = NetworkContainer(name: snapshot.name)
            }
            return result
        case .user(let network):
            var result = network.resource
            result.containers = containers(in: network.id)
            return result
        }
    }

    private func containers(in network: String) -> [String: NetworkContainer] {
        var found: [String: NetworkContainer] = [:]
        for snapshot in services.registry.snapshots where snapshot.lifecycle.run != nil {
            for endpoint in snapshot.endpoints where endpoint.network == network {
                found[snapshot.id] = NetworkContainer(
                    name: snapshot.name, endpointID: endpoint.endpointID, macAddress: "\(endpoint.mac)",
                    ipv4Address: "\(endpoint.address)/\(endpoint.prefixLength)",
                    ipv6Address: endpoint.ipv6.map { "\($0.address)/\($0.prefixLength)" } ?? "")
            }
        }
        return found
    }

    /// Makes a network.
    public func createNetwork(_ request: NetworkCreateRequest) async throws -> NetworkCreateResponse {
        let parsed = try NetworkParsing.parse(request, id: ContainerName.makeID())
        return try await toItsEnd { [self] in try await create(parsed, request) }
    }

    /// The row, then the bridge: a later daemon makes what this one did not come to.
    private func create(_ parsed: NetworkParsing.Parsed, _ request: NetworkCreateRequest) async throws -> NetworkCreateResponse {
        try services.userNetworks.reserve(request.name)
        defer { services.userNetworks.release(request.name) }
        let wanted = parsed.request
        let isOurChoice = wanted.bridge == nil && (wanted.ipv4.subnet == nil || wanted.ipv6.map { $0.subnet == nil } ?? false)
        for _ in 0..<10 where isOurChoice {
            // What the user has chosen and somebody else has is refused here, at once.
            let configuration = try await services.networks.plan(wanted)
            do {
                return try await create(configuration, parsed, request)
            } catch let error as TimberError where error.code == .conflict {
                // Something else on this host, another daemon perhaps, was quicker: there are other subnets.
                services.log.info("choosing a network's subnet again", metadata: ["network": "\(request.name)", "error": "\(error)"])
            }
        }
        return try await create(try await services.networks.plan(wanted), parsed, request)
    }

    private func create(
        _ configuration: NetworkConfiguration, _ parsed: NetworkParsing.Parsed, _ request: NetworkCreateRequest
    ) async throws -> NetworkCreateResponse {
        let (name, networks, store) = (request.name, services.networks, services.userNetworks)
        let network = UserNetwork(
            configuration: configuration, created: .now(), labels: request.labels, options: request.options,
            hasOwnSubnet: parsed.request.ipv4.subnet != nil, hasOwnIPv6Subnet: parsed.request.ipv6.map { $0.subnet != nil },
            attachable: request.attachable, auxiliaryAddresses: parsed.auxiliaryAddresses,
            auxiliaryIPv6Addresses: parsed.auxiliaryIPv6Addresses, hostAddress: parsed.hostAddress)
        do {
            try await services.database.insert(
                NetworkRecord(id: network.id, name: name, definition: Array(try JSONEncoder().encode(network))))
            try await networks.establish(configuration)
        } catch {
            try await services.database.deleteNetwork(network.id)
            try await networks.remove(configuration)
            throw error
        }
        store.add(network)
        services.events.network("create", network.id, name: name)
        return NetworkCreateResponse(id: network.id)
    }

    /// Removes a network that no running container is in.
    public func removeNetwork(_ name: String) async throws {
        switch try services.userNetworks.find(name) {
        case .builtIn(let network):
            throw TimberError(.permissionDenied, "\(network.rawValue) is a pre-defined network and cannot be removed")
        case .user(let network):
            try await toItsEnd { [self] in try await remove(network) }
        }
    }

    private func remove(_ network: UserNetwork) async throws {
        let networks = services.networks
        try networks.close(network.configuration)
        do {
            try await services.database.deleteNetwork(network.id)
        } catch {
            try await networks.establish(network.configuration)
            throw error
        }
        guard services.userNetworks[network.id] != nil else { throw TimberError(.notFound, "network \(network.name) not found") }
        services.userNetworks.remove(network.id)
        services.events.network("destroy", network.id, name: network.name)
        try await networks.remove(network.configuration)
    }

    /// Puts a container into a network, at once when it runs.
    public func connectNetwork(_ name: String, _ request: NetworkConnectRequest) async throws {
        let found = try services.userNetworks.find(name)
        let container = try container(request.container)
        let membership = try Membership(try joinable(found), request.endpointConfig ?? EndpointSettings())
        try await toItsEnd { try await container.join(membership) }
    }

    /// Takes a container out of a network, at once when it runs.
    public func disconnectNetwork(_ name: String, _ request: NetworkDisconnectRequest) async throws {
        let found = try services.userNetworks.find(name)
        let container = try container(request.container)
        let network = try joinable(found)
        try await toItsEnd { try await container.leave(network) }
    }

    /// A network that interfaces can be made in.
    /// - Throws: `TimberError.invalidArgument` for host and none.
    func joinable(_ found: FoundNetwork) throws -> JoinableNetwork {
        switch found {
        case .builtIn(.bridge): return .bridge
        case .user(let network): return .user(network)
        case .builtIn(let network):
            throw TimberError(
                .invalidArgument,
                "containers cannot be connected to or disconnected from the network \(network.rawValue): create them with --network \(network.rawValue)"
            )
        }
    }

    /// Removes the users' networks that no running container is in.
    /// - Parameter filters: `label`, `label!`, `until`.
    public func pruneNetworks(filters: [String: [String]]) async throws -> NetworksPruneReport {
        let filter = try NetworkPruneFilter(filters)
        var report = NetworksPruneReport()
        for network in services.userNetworks.all where filter.matches(network) {
            do {
                try await removeNetwork(network.id)
                report.networksDeleted.append(network.name)
            } catch let error as TimberError where error.code == .permissionDenied || error.code == .notFound {
                continue  // It is in use, or was removed meanwhile.
            }
        }
        services.events.pruned("network", reclaimed: 0)
        return report
    }

    private func describe(_ network: BuiltInNetwork) throws -> NetworkResource {
        var result = NetworkResource()
        result.name = network.rawValue
        result.id = network.id
        result.created = started.rfc3339
        result.driver = network.driver
        result.enableIPv4 = true
        guard network == .bridge else { return result }
        let subnet = try services.networks.subnet
        result.ipam.config = [NetworkIPAMConfig(subnet: "\(subnet)", gateway: "\(subnet.gateway)")]
        result.options = [
            "com.docker.network.bridge.default_bridge": "true", "com.docker.network.bridge.enable_icc": "true",
            "com.docker.network.bridge.enable_ip_masquerade": "true", "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
            "com.docker.network.bridge.name": configuration.bridge,
        ]
        return result
    }
}

/// The networks that every daemon has. Their ids never change.
enum BuiltInNetwork: String, CaseIterable, Sendable {
    case bridge
    case host
    case none

    var driver: String { self == .none ? "null" : rawValue }

    var id: String { NetworkID.of(rawValue) }
}
