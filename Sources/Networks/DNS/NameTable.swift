internal import Synchronization

/// Which container has which names and which address in which network: what the DNS answers from.
public final class NameTable: Sendable {
    /// A container in one network.
    public struct Entry: Sendable, Equatable {
        /// The container's id.
        public var container: String
        /// The network's id.
        public var network: String
        /// The network's name.
        public var networkName: String
        /// What others find it by; the first is what its address is called.
        public var names: [String]
        /// Names that only this container has for others: by alias, a name of the other one.
        public var links: [String: String]
        /// Its address there.
        public var address: IPv4Address
        /// Where addresses of this network are from.
        public var subnet: IPv4Subnet
        /// Its IPv6 address there; nil: it has none.
        public var ipv6Address: IPv6Address?
        /// Where IPv6 addresses of this network are from; nil: it has none.
        public var ipv6Subnet: IPv6Subnet?

        /// Makes an entry; names are compared without regard to case.
        public init(
            container: String, network: String, networkName: String, names: [String], links: [String: String], address: IPv4Address,
            subnet: IPv4Subnet, ipv6Address: IPv6Address? = nil, ipv6Subnet: IPv6Subnet? = nil
        ) {
            self.container = container
            self.network = network
            self.networkName = networkName.lowercased()
            self.names = names.map { $0.lowercased() }
            self.links = Dictionary(links.map { ($0.lowercased(), $1.lowercased()) }, uniquingKeysWith: { $1 })
            self.address = address
            self.subnet = subnet
            self.ipv6Address = ipv6Address
            self.ipv6Subnet = ipv6Subnet
        }

        /// Its addresses' bytes.
        fileprivate var addresses: [[UInt8]] { [address.bytes] + [ipv6Address?.bytes].compactMap(\.self) }

        /// Whether an address is one of this network's.
        fileprivate func coversNetwork(of address: [UInt8]) -> Bool {
            if address.count == 4 { return IPv4Address(address[...]).map(subnet.contains) ?? false }
            guard let address = IPv6Address(address[...]), let ipv6Subnet else { return false }
            return ipv6Subnet.contains(address)
        }
    }

    private struct State {
        /// By the endpoint's interface.
        var entries: [String: Entry] = [:]
        /// By network and name: the interfaces.
        var names: [String: [String: Set<String>]] = [:]
        /// By network and the bytes of an address: the interface.
        var addresses: [String: [[UInt8]: String]] = [:]
        /// By container: the interfaces.
        var containers: [String: Set<String>] = [:]

        mutating func remove(_ interface: String) {
            guard let entry = entries.removeValue(forKey: interface) else { return }
            for name in entry.names {
                names[entry.network]?[name]?.remove(interface)
                if names[entry.network]?[name]?.isEmpty == true { names[entry.network]?[name] = nil }
            }
            for address in entry.addresses where addresses[entry.network]?[address] == interface {
                addresses[entry.network]?[address] = nil
            }
            if names[entry.network]?.isEmpty == true { names[entry.network] = nil }
            if addresses[entry.network]?.isEmpty == true { addresses[entry.network] = nil }
            containers[entry.container]?.remove(interface)
            if containers[entry.container]?.isEmpty == true { containers[entry.container] = nil }
        }
    }

    private let state = Mutex(State())

    /// What is known about an address.
    enum Reverse: Equatable {
        case name(String)
        /// It is in a network of the container's, and nobody has it.
        case nobody
        case foreign
    }

    /// Sets what is known of an endpoint.
    public func set(_ entry: Entry, interface: String) {
        state.withLock { state in
            state.remove(interface)
            state.entries[interface] = entry
            for name in entry.names { state.names[entry.network, default: [:]][name, default: []].insert(interface) }
            for address in entry.addresses { state.addresses[entry.network, default: [:]][address] = interface }
            state.containers[entry.container, default: []].insert(interface)
        }
    }

    /// Forgets an endpoint.
    public func remove(interface: String) {
        state.withLock { $0.remove(interface) }
    }

    /// Who has a name for a container, in the networks that it is in: its addresses there.
    struct Found: Hashable {
        var address: IPv4Address
        var ipv6Address: IPv6Address?
    }

    /// The addresses that a name has for a container, in the networks that it is in.
    /// - Parameter name: in lower case; `NAME.NETWORK` is a name in one network.
    /// - Returns: nil when nobody has the name.
    func addresses(of name: String, for container: String) -> Set<Found>? {
        let found = state.withLock { state in
            let own = (state.containers[container] ?? []).compactMap { state.entries[$0] }
            return own.flatMap { entry -> [Found] in
                let networkEnd = "." + entry.networkName
                let names = [name] + (name.hasSuffix(networkEnd) ? [String(name.dropLast(networkEnd.count))] : [])
                return names.flatMap { name in
                    let target = entry.links[name] ?? name
                    return (state.names[entry.network]?[target] ?? []).compactMap { state.entries[$0] }.map {
                        Found(address: $0.address, ipv6Address: $0.ipv6Address)
                    }
                }
            }
        }
        return found.isEmpty ? nil : Set(found)
    }

    /// The name that an address has for a container.
    /// - Parameter address: 4 or 16 bytes.
    func name(of address: [UInt8], for container: String) -> Reverse {
        state.withLock { state in
            for own in (state.containers[container] ?? []).compactMap({ state.entries[$0] }) where own.coversNetwork(of: address) {
                guard let interface = state.addresses[own.network]?[address], let entry = state.entries[interface],
                    let name = entry.names.first
                else {
                    return .nobody
                }
                return .name("\(name).\(entry.networkName)")
            }
            return .foreign
        }
    }
}

/// What becomes of a container's question: a pure decision.
enum DNSDecision: Equatable {
    case answer([UInt8])
    case forward

    /// - Parameters:
    ///   - forwards: the container has a way out.
    ///   - limit: how long an answer may be.
    static func decide(_ query: DNSQuery, for container: String, forwards: Bool, _ table: NameTable, limit: Int) -> DNSDecision {
        if query.recordClass == DNSQuery.internet, let answer = local(query, for: container, table, limit: limit) { return .answer(answer) }
        // An internal network's questions do not leave the host (CVE-2024-29018).
        return forwards ? .forward : .answer(DNSAnswer.make(query, .serverFailure, limit: limit))
    }

    private static func local(_ query: DNSQuery, for container: String, _ table: NameTable, limit: Int) -> [UInt8]? {
        if let address = query.reverseAddress {
            switch table.name(of: address, for: container) {
            case .foreign: return nil
            case .nobody: return DNSAnswer.make(query, .noSuchName, limit: limit)
            case .name(let name):
                guard let data = DNSAnswer.encode(name) else { return DNSAnswer.make(query, .noSuchName, limit: limit) }
                return DNSAnswer.make(query, .none, [data], limit: limit)
            }
        }
        guard let name = query.name, let addresses = table.addresses(of: name, for: container) else { return nil }
        // A name of ours has no records of other types, and nobody else is asked for them.
        let records =
            switch query.type {
            case DNSQuery.RecordType.address: addresses.map(\.address.bytes)
            case DNSQuery.RecordType.ipv6Address: addresses.compactMap(\.ipv6Address?.bytes)
            default: [[UInt8]]()
            }
        return DNSAnswer.make(query, .none, records.shuffled(), limit: limit)
    }
}
