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

        /// Makes an entry; names are compared without regard to case.
        public init(
            container: String, network: String, networkName: String, names: [String], links: [String: String], address: IPv4Address,
            subnet: IPv4Subnet
        ) {
            self.container = container
            self.network = network
            self.networkName = networkName.lowercased()
            self.names = names.map { $0.lowercased() }
            self.links = Dictionary(links.map { ($0.lowercased(), $1.lowercased()) }, uniquingKeysWith: { $1 })
            self.address = address
            self.subnet = subnet
        }
    }

    private struct State {
        /// By the endpoint's interface.
        var entries: [String: Entry] = [:]
        /// By network and name: the interfaces.
        var names: [String: [String: Set<String>]] = [:]
        /// By network and address: the interface.
        var addresses: [String: [IPv4Address: String]] = [:]
        /// By container: the interfaces.
        var containers: [String: Set<String>] = [:]

        mutating func remove(_ interface: String) {
            guard let entry = entries.removeValue(forKey: interface) else { return }
            for name in entry.names {
                names[entry.network]?[name]?.remove(interface)
                if names[entry.network]?[name]?.isEmpty == true { names[entry.network]?[name] = nil }
            }
            if addresses[entry.network]?[entry.address] == interface { addresses[entry.network]?[entry.address] = nil }
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
            state.addresses[entry.network, default: [:]][entry.address] = interface
            state.containers[entry.container, default: []].insert(interface)
        }
    }

    /// Forgets an endpoint.
    public func remove(interface: String) {
        state.withLock { $0.remove(interface) }
    }

    /// The addresses that a name has for a container, in the networks that it is in.
    /// - Parameter name: in lower case; `NAME.NETWORK` is a name in one network.
    /// - Returns: nil when nobody has the name.
    func addresses(of name: String, for container: String) -> [IPv4Address]? {
        let found = state.withLock { state in
            let own = (state.containers[container] ?? []).compactMap { state.entries[$0] }
            return own.flatMap { entry -> [IPv4Address] in
                let networkEnd = "." + entry.networkName
                let names = [name] + (name.hasSuffix(networkEnd) ? [String(name.dropLast(networkEnd.count))] : [])
                return names.flatMap { name in
                    let target = entry.links[name] ?? name
                    return (state.names[entry.network]?[target] ?? []).compactMap { state.entries[$0]?.address }
                }
            }
        }
        return found.isEmpty ? nil : Array(Set(found))
    }

    /// The name that an address has for a container.
    func name(of address: IPv4Address, for container: String) -> Reverse {
        state.withLock { state in
            for own in (state.containers[container] ?? []).compactMap({ state.entries[$0] }) where own.subnet.contains(address) {
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
        guard query.type == DNSQuery.RecordType.address else { return DNSAnswer.make(query, .none, limit: limit) }
        return DNSAnswer.make(query, .none, addresses.shuffled().map(\.bytes), limit: limit)
    }
}
