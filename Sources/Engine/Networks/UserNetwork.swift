internal import DockerAPI
internal import Errors
internal import Foundation
internal import Networks
internal import State
internal import Synchronization

/// A network that a user made.
struct UserNetwork: Sendable, Codable, Equatable {
    var configuration: NetworkConfiguration
    var created: Timestamp
    var labels: [String: String]
    /// Of the driver, as they were asked for.
    var options: [String: String]
    /// Its user chose the subnet; only then containers can choose addresses in it.
    var hasOwnSubnet: Bool
    /// The same of its IPv6 subnet.
    var hasOwnIPv6Subnet: Bool?
    /// Shown, and without meaning on one machine.
    var attachable: Bool
    /// Addresses that no container gets, by the names that the user gave them.
    var auxiliaryAddresses: [String: String]
    /// The same of its IPv6 subnet.
    var auxiliaryIPv6Addresses: [String: String]?
    /// Where ports are published that name no address; empty: everywhere.
    var hostAddress: String

    var id: String { configuration.id }
    var name: String { configuration.name }

    /// Where its IPv4 addresses are from.
    var ipv4: AddressPlan<IPv4Address> {
        AddressPlan(
            subnet: configuration.subnet, gateway: configuration.gateway, range: configuration.range, kept: configuration.kept)
    }

    /// The network as the API shows it.
    var resource: NetworkResource {
        var result = NetworkResource()
        result.name = name
        result.id = id
        result.created = created.rfc3339
        result.driver = "bridge"
        result.enableIPv4 = true
        result.enableIPv6 = configuration.ipv6 != nil
        result.isInternal = configuration.rules.isInternal
        result.attachable = attachable
        result.ipam.config = [Self.config(ipv4, auxiliaryAddresses)]
        if let ipv6 = configuration.ipv6 { result.ipam.config.append(Self.config(ipv6, auxiliaryIPv6Addresses ?? [:])) }
        result.options = options
        result.labels = labels
        return result
    }

    private static func config(_ plan: AddressPlan<some IPAddress>, _ auxiliaryAddresses: [String: String]) -> NetworkIPAMConfig {
        NetworkIPAMConfig(
            subnet: "\(plan.subnet)", ipRange: plan.range.map { "\($0)" } ?? "", gateway: "\(plan.gateway)",
            auxiliaryAddresses: auxiliaryAddresses)
    }
}

/// A network that a container can be in with an interface of its own.
enum JoinableNetwork: Sendable {
    case bridge
    case user(UserNetwork)

    var id: String {
        switch self {
        case .bridge: BuiltInNetwork.bridge.id
        case .user(let network): network.id
        }
    }

    var name: String {
        switch self {
        case .bridge: BuiltInNetwork.bridge.rawValue
        case .user(let network): network.name
        }
    }
}

/// Every network of a user's by id and name. Names are reserved here before the database is asked.
final class NetworkStore: Sendable {
    private struct State {
        var networks: [String: UserNetwork] = [:]
        /// Networks that are just being made, by name.
        var reserved: Set<String> = []
        /// Rows that could not be read: nobody touches what is theirs.
        var unreadable: [String: String] = [:]
    }

    private let state = Mutex(State())

    /// All of them, by name.
    var all: [UserNetwork] { state.withLock { Array($0.networks.values) }.sorted { $0.name < $1.name } }

    /// Ids of networks whose rows could not be read.
    var unreadable: [String] { state.withLock { Array($0.unreadable.keys) } }

    subscript(id: String) -> UserNetwork? { state.withLock { $0.networks[id] } }

    /// - Throws: `TimberError.conflict` when the name is taken.
    func reserve(_ name: String) throws {
        try state.withLock { state in
            guard !state.networks.values.contains(where: { $0.name == name }), !state.unreadable.values.contains(name),
                state.reserved.insert(name).inserted
            else {
                throw TimberError(.conflict, "network with name \(name) already exists")
            }
        }
    }

    func release(_ name: String) {
        state.withLock { _ = $0.reserved.remove(name) }
    }

    func add(_ network: UserNetwork) {
        state.withLock { $0.networks[network.id] = network }
    }

    func remove(_ id: String) {
        state.withLock { $0.networks[id] = nil }
    }

    func quarantine(_ record: NetworkRecord) {
        state.withLock { $0.unreadable[record.id] = record.name }
    }

    /// Finds a network by name, id or unambiguous beginning of an id.
    /// - Throws: `TimberError.notFound`, or `invalidArgument` when several ids begin so.
    func find(_ name: String) throws -> FoundNetwork {
        let users = state.withLock { Array($0.networks.values) }
        if let exact = BuiltInNetwork.allCases.first(where: { $0.rawValue == name || $0.id == name }) { return .builtIn(exact) }
        if let exact = users.first(where: { $0.id == name }) ?? users.first(where: { $0.name == name }) { return .user(exact) }
        let beginning =
            name.isEmpty
            ? []
            : BuiltInNetwork.allCases.filter { $0.id.hasPrefix(name) }.map(FoundNetwork.builtIn)
                + users.filter { $0.id.hasPrefix(name) }.map(FoundNetwork.user)
        guard let found = beginning.first else { throw TimberError(.notFound, "network \(name.prefix(200)) not found") }
        guard beginning.count == 1 else {
            throw TimberError(.invalidArgument, "multiple network ids begin with \(name): give more of the id")
        }
        return found
    }
}

/// What a name means.
enum FoundNetwork: Sendable {
    case builtIn(BuiltInNetwork)
    case user(UserNetwork)
}
