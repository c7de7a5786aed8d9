public import DockerAPI
internal import Errors
internal import Networks

extension Engine {
    /// The networks that are there: the bridge, the host's own, and none.
    /// - Parameter filters: `driver`, `id`, `name`, `scope`, `type`, `dangling`, `label`.
    public func networks(filters: [String: [String]]) throws -> [NetworkResource] {
        let filter = try NetworkFilter(filters)
        return try BuiltInNetwork.allCases.map { try describe($0) }.filter(filter.matches)
    }

    /// One network with its containers.
    /// - Parameter name: its name, its id or an unambiguous beginning of its id.
    public func inspectNetwork(_ name: String) throws -> NetworkResource {
        let network = try builtInNetwork(name)
        var result = try describe(network)
        for snapshot in services.registry.snapshots
        where snapshot.lifecycle.run != nil && snapshot.definition.network.word == network.rawValue {
            let endpoint = snapshot.endpoint
            result.containers[snapshot.id] = NetworkContainer(
                name: snapshot.name, endpointID: endpoint?.id ?? "", macAddress: endpoint.map { "\($0.mac)" } ?? "",
                ipv4Address: endpoint.map { "\($0.address)/\($0.prefixLength)" } ?? "")
        }
        return result
    }

    /// Refused: there are no networks of users' own yet.
    public func createNetwork(_ request: NetworkCreateRequest) throws {
        if request.name.isEmpty { throw TimberError(.invalidArgument, "the network has no name: give it one") }
        if BuiltInNetwork(rawValue: request.name) != nil {
            throw TimberError(.permissionDenied, "operation is not permitted on predefined \(request.name) network")
        }
        throw TimberError(
            .unsupported,
            "cannot create network \(request.name): Timber has no user-defined networks yet; use bridge, host, none or container:NAME")
    }

    /// Refused: those that are there belong to the daemon.
    public func removeNetwork(_ name: String) throws {
        let network = try builtInNetwork(name)
        throw TimberError(.permissionDenied, "\(network.rawValue) is a pre-defined network and cannot be removed")
    }

    /// Refused: a container keeps the network that it was created with.
    /// - Parameter connects: false: disconnects.
    public func changeNetwork(_ name: String, container: String, connects: Bool) throws {
        let network = try builtInNetwork(name)
        let snapshot = try snapshot(container)
        throw TimberError(
            .unsupported,
            "cannot \(connects ? "connect container \(snapshot.name) to" : "disconnect container \(snapshot.name) from") network \(network.rawValue): Timber connects containers when they start; create it anew with --network"
        )
    }

    /// Removes nothing: only networks of users' own can be unused.
    public func pruneNetworks(filters: [String: [String]]) throws -> NetworksPruneReport {
        for key in filters.keys.sorted() where !["label", "label!", "until"].contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        return NetworksPruneReport()
    }

    private func builtInNetwork(_ name: String) throws -> BuiltInNetwork {
        let matches = BuiltInNetwork.allCases.filter { $0.rawValue == name || $0.id == name }
        if let exact = matches.first { return exact }
        let beginning = name.isEmpty ? [] : BuiltInNetwork.allCases.filter { $0.id.hasPrefix(name) }
        guard let found = beginning.first else { throw TimberError(.notFound, "network \(name.prefix(200)) not found") }
        guard beginning.count == 1 else {
            throw TimberError(.invalidArgument, "multiple network ids begin with \(name): give more of the id")
        }
        return found
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

/// `--filter` of network lists.
struct NetworkFilter: Sendable {
    private let values: [String: [String]]
    private let dangling: Bool?

    /// - Throws: `TimberError.invalidArgument` for a key that does not exist or a value that means nothing.
    init(_ values: [String: [String]]) throws {
        for key in values.keys.sorted() where !["dangling", "driver", "id", "label", "name", "scope", "type"].contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        for type in values["type"] ?? [] where !["custom", "builtin"].contains(type) {
            throw TimberError(.invalidArgument, "invalid filter 'type=\(type)': it is custom or builtin")
        }
        self.values = values
        guard let word = values["dangling"]?.first else {
            dangling = nil
            return
        }
        guard let value = ["1": true, "true": true, "0": false, "false": false][word.lowercased()] else {
            throw TimberError(.invalidArgument, "invalid filter 'dangling=\(word)': it is true or false")
        }
        dangling = value
    }

    /// Built-in networks are never dangling, nor custom, and have no labels.
    func matches(_ network: NetworkResource) -> Bool {
        dangling != true && any("driver") { network.driver == $0 } && any("id") { network.id.contains($0) }
            && any("name") { network.name.contains($0) } && any("scope") { network.scope == $0 } && any("type") { $0 == "builtin" }
            && (values["label"] ?? []).isEmpty
    }

    private func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }
}
