internal import CTimber
internal import Glibc
internal import LinuxKernel

/// The one table of a daemon: every chain, and the maps whose elements are the published ports.
///
/// Publishing one more port is one element, and a packet costs the same lookups however many are published. A network costs a few
/// rules, which only packets from one container to another, and first packets of a connection, come by. The table's text, as
/// `nft list table` prints it, is in docs/networks.md.
struct Ruleset {
    /// A bridge and what its containers may do.
    struct Network {
        var bridge: String
        var subnet: IPv4Subnet
        /// nil: it has no IPv6.
        var ipv6: IPv6Subnet?
        var rules = NetworkRules()
    }

    /// The daemon's own bridge.
    let bridge: String
    /// All of them.
    let networks: [Network]
    /// Interfaces between which nothing is forwarded.
    var unrouted = Unrouted()
    /// Bridges that nothing passes to or from, as nothing is known about them.
    var closed: [String] = []

    private static let bridgeSet = "bridges"
    private static let internalSet = "internal"
    private static let closedSet = "closed"

    /// `timber/` and the bridge's name: an interface's name has no slash, so no two bridges have the same table, and nobody else's
    /// table is taken for ours.
    static func table(bridge: String) -> String { "timber/" + bridge }

    /// By family, as what the host forwards is.
    private var unroutedSets: [(name: String, interfaces: [Int32])] { [("unrouted", unrouted.ipv4), ("unrouted6", unrouted.ipv6)] }

    /// Replaces the table, whatever state it is in, by a complete one: one transaction, no packet sees half of it.
    func replace(publishing ports: [(PublishedPort, HostAddress)]) -> NetlinkBatch {
        var transaction = Transaction(table: Self.table(bridge: bridge))
        transaction.addTable()
        transaction.removeTable()
        transaction.addTable()
        addSets(&transaction)
        addEntry(&transaction)
        addTranslation(&transaction)
        addForward(&transaction)
        for (map, elements) in PortMap.elements(ports) where families.contains(map.family) {
            transaction.addElements(elements, to: map.rawValue)
        }
        return transaction.finished()
    }

    /// Adds a container's ports.
    func add(_ ports: [(PublishedPort, HostAddress)]) -> NetlinkBatch {
        var transaction = Transaction(table: Self.table(bridge: bridge))
        for (map, elements) in PortMap.elements(ports) { transaction.addElements(elements, to: map.rawValue) }
        return transaction.finished()
    }

    /// Removes a container's ports.
    func remove(_ ports: [(PublishedPort, HostAddress)]) -> NetlinkBatch {
        var transaction = Transaction(table: Self.table(bridge: bridge))
        for (map, elements) in PortMap.elements(ports) { transaction.removeElements(elements, from: map.rawValue) }
        return transaction.finished()
    }

    /// IPv6 is in the table only where a network has it: a kernel may have none.
    private var families: [IPFamily] { networks.contains { $0.ipv6 != nil } ? [.ipv4, .ipv6] : [.ipv4] }

    private var maps: [PortMap] { PortMap.allCases.filter { families.contains($0.family) } }

    /// Removes a bridge's table; it does not have to be there.
    static func removeTable(bridge: String) -> NetlinkBatch {
        var transaction = Transaction(table: table(bridge: bridge))
        transaction.addTable()
        transaction.removeTable()
        return transaction.finished()
    }

    private func addSets(_ transaction: inout Transaction) {
        for map in maps { transaction.addSet(map.rawValue, map.shape) }
        for (set, interfaces) in unroutedSets {
            transaction.addSet(set, SetShape(key: [SetShape.interfaceIndex]))
            let indices = interfaces.map { SetElement(key: Match.hostBytes(UInt32(bitPattern: $0)), end: nil, value: nil) }
            transaction.addElements(indices, to: set)
        }
        let inner = networks.filter(\.rules.isInternal).map(\.bridge)
        let sets =
            [(Self.bridgeSet, networks.map(\.bridge)), (Self.internalSet, inner)] + (closed.isEmpty ? [] : [(Self.closedSet, closed)])
        for (set, members) in sets {
            transaction.addSet(set, SetShape(key: [SetShape.interfaceName]))
            transaction.addElements(members.map { SetElement(key: Match.padded($0), end: nil, value: nil) }, to: set)
        }
    }

    /// What comes in from outside of the host.
    private func addEntry(_ transaction: inout Transaction) {
        // Loopback addresses on a wire: route_localnet on the bridge, and DNAT before routing, would let a neighbour reach what is
        // published on 127.0.0.1, and a container speak as 127.0.0.1 (CVE-2020-8558).
        transaction.addChain("raw", Hook(type: "filter", number: NF_INET_PRE_ROUTING, priority: -300))
        for side in [Match.Side.destination, .source] {
            transaction.addRule(
                "raw",
                Match.interface(NFT_META_IIFNAME, isNot: "lo") + Match.isFamily(.ipv4) + [
                    .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: side.offset(.ipv4), length: 1, into: Register(0)),
                    .compare(Register(0), NFT_CMP_EQ, [127]), .verdict(NF_DROP),
                ])
        }
        if !closed.isEmpty {
            transaction.addRule("raw", Match.interface(NFT_META_IIFNAME, in: Self.closedSet) + [.verdict(NF_DROP)])
        }
        // No way out of an internal network: not to another address of this host, nor to a port published on one.
        for network in networks where network.rules.isInternal {
            let enters = Match.interface(NFT_META_IIFNAME, is: network.bridge)
            transaction.addRule("raw", enters + Match.address(.destination, NFT_CMP_NEQ, network.subnet) + [.verdict(NF_DROP)])
            guard let ipv6 = network.ipv6 else { continue }
            // Neighbours find each other by link-local and multicast addresses, which no router passes on.
            for local in Self.linkLocal {
                transaction.addRule(
                    "raw", enters + Match.address(.destination, NFT_CMP_EQ, local) + Match.isControl6 + [.verdict(NF_ACCEPT)])
            }
            transaction.addRule("raw", enters + Match.address(.destination, NFT_CMP_NEQ, ipv6) + [.verdict(NF_DROP)])
        }
    }

    private static func publish(_ family: IPFamily) -> String { family == .ipv4 ? "publish" : "publish6" }

    private static let linkLocal = ["fe80::/10", "ff02::/16"].compactMap(IPv6Subnet.init)

    /// Published ports, and the way out.
    private func addTranslation(_ transaction: inout Transaction) {
        for family in families {
            transaction.addChain(Self.publish(family))
            for map in maps where map.family == family { transaction.addRule(Self.publish(family), map.rule) }
        }
        for (name, hook) in [("prerouting", NF_INET_PRE_ROUTING), ("output", NF_INET_LOCAL_OUT)] {
            transaction.addChain(name, Hook(type: "nat", number: hook, priority: -100))
            for family in families {
                // What is sent to ::1 cannot be sent on, and is refused by the reserved port.
                let mayLeave = family == .ipv4 ? [] : Match.isNot(IPv6Address(bits: 1))
                transaction.addRule(
                    name,
                    Match.isFamily(family) + mayLeave + [
                        .destinationType(into: Register(0)), .compare(Register(0), NFT_CMP_EQ, Match.hostBytes(UInt32(RTN_LOCAL))),
                        .jump(Self.publish(family)),
                    ])
            }
        }
        transaction.addChain("postrouting", Hook(type: "nat", number: NF_INET_POST_ROUTING, priority: 100))
        for network in networks where !network.rules.isInternal {
            for from in network.sources {
                if network.rules.masquerades {
                    transaction.addRule("postrouting", Match.interface(NFT_META_OIFNAME, isNot: network.bridge) + from + [.masquerade])
                }
                // To a published port from a container of the same bridge: its answer would go back directly, past the translation.
                transaction.addRule(
                    "postrouting", Match.interface(NFT_META_OIFNAME, is: network.bridge) + from + Match.isTranslated + [.masquerade])
            }
        }
        // From the host's loopback, which has no way back.
        if let loopback = IPv4Subnet(IPv4Address(bits: 127 << 24), prefixLength: 8) {
            transaction.addRule(
                "postrouting",
                Match.interface(NFT_META_OIFNAME, in: Self.bridgeSet) + Match.address(.source, NFT_CMP_EQ, loopback) + Match.isTranslated
                    + [.masquerade])
        }
    }

    /// What passes through the host: connections that containers make, and published ports; nothing else reaches a container, also
    /// not from a neighbour who routes the subnet to this host (moby#45610), and not from another network.
    private func addForward(_ transaction: inout Transaction) {
        transaction.addChain("enter")
        transaction.addRule("enter", Match.isKnown + [.verdict(NF_ACCEPT)])
        transaction.addRule("enter", Match.isTranslated + [.verdict(NF_ACCEPT)])
        // What stays on a bridge comes by here where br_netfilter is on.
        for network in networks where !network.rules.isolatesContainers {
            transaction.addRule(
                "enter",
                Match.interface(NFT_META_IIFNAME, is: network.bridge) + Match.interface(NFT_META_OIFNAME, is: network.bridge)
                    + [.verdict(NF_ACCEPT)])
        }
        transaction.addRule("enter", [.verdict(NF_DROP)])
        transaction.addChain("forward", Hook(type: "filter", number: NF_INET_FORWARD, priority: 0))
        if !closed.isEmpty {
            transaction.addRule("forward", Match.interface(NFT_META_OIFNAME, in: Self.closedSet) + [.verdict(NF_DROP)])
        }
        transaction.addRule("forward", Match.interface(NFT_META_OIFNAME, in: Self.bridgeSet) + [.jump("enter")])
        transaction.addRule("forward", Match.interface(NFT_META_IIFNAME, in: Self.internalSet) + [.verdict(NF_DROP)])
        transaction.addRule("forward", Match.interface(NFT_META_IIFNAME, in: Self.bridgeSet) + [.verdict(NF_ACCEPT)])
        // Forwarding is one switch for the whole host. Where it was off, containers are no reason to become a router between networks.
        for (family, set) in zip([IPFamily.ipv4, .ipv6], unroutedSets) {
            transaction.addRule(
                "forward",
                Match.isFamily(family) + [
                    .meta(NFT_META_IIF, into: Register(0)), .lookup(set.name, key: Register(0), into: nil),
                    .meta(NFT_META_OIF, into: Register(0)), .lookup(set.name, key: Register(0), into: nil), .verdict(NF_DROP),
                ])
        }
    }
}

extension Ruleset.Network {
    /// Conditions that its containers' packets fulfil, one for each family.
    fileprivate var sources: [[Expression]] {
        [Match.address(.source, NFT_CMP_EQ, subnet)] + [ipv6].compactMap { $0.map { Match.address(.source, NFT_CMP_EQ, $0) } }
    }
}

/// Conditions; each uses register 0.
enum Match {
    /// An address in a packet's header.
    enum Side {
        case source
        case destination

        func offset(_ family: IPFamily) -> UInt32 {
            switch (self, family) {
            case (.source, .ipv4): 12
            case (.destination, .ipv4): 16
            case (.source, .ipv6): 8
            case (.destination, .ipv6): 24
            }
        }
    }

    static func isFamily(_ family: IPFamily) -> [Expression] {
        [.meta(NFT_META_NFPROTO, into: Register(0)), .compare(Register(0), NFT_CMP_EQ, [family.number])]
    }

    /// ICMPv6: neighbours' addresses, and errors.
    static let isControl6: [Expression] = [
        .meta(NFT_META_L4PROTO, into: Register(0)), .compare(Register(0), NFT_CMP_EQ, [UInt8(IPPROTO_ICMPV6)]),
    ]

    /// `ct status dnat`.
    static let isTranslated: [Expression] = [
        .connection(NFT_CT_STATUS, into: Register(0)), .mask(Register(0), hostBytes(IPS_DST_NAT.rawValue)),
        .compare(Register(0), NFT_CMP_NEQ, hostBytes(0)),
    ]

    /// `ct state established,related`: bit n+1 is state n of `ip_conntrack_info`.
    static let isKnown: [Expression] = [
        .connection(NFT_CT_STATE, into: Register(0)),
        .mask(Register(0), hostBytes(1 << (IP_CT_ESTABLISHED.rawValue + 1) | 1 << (IP_CT_RELATED.rawValue + 1))),
        .compare(Register(0), NFT_CMP_NEQ, hostBytes(0)),
    ]

    static func interface(_ key: nft_meta_keys, is name: String) -> [Expression] {
        [.meta(key, into: Register(0)), .compare(Register(0), NFT_CMP_EQ, padded(name))]
    }

    static func interface(_ key: nft_meta_keys, isNot name: String) -> [Expression] {
        [.meta(key, into: Register(0)), .compare(Register(0), NFT_CMP_NEQ, padded(name))]
    }

    static func interface(_ key: nft_meta_keys, in set: String) -> [Expression] {
        [.meta(key, into: Register(0)), .lookup(set, key: Register(0), into: nil)]
    }

    /// Source or destination address, in a subnet or not.
    static func address<Address: IPAddress>(_ side: Side, _ comparison: nft_cmp_ops, _ subnet: Subnet<Address>) -> [Expression] {
        isFamily(Address.family) + [
            .payload(
                NFT_PAYLOAD_NETWORK_HEADER, offset: side.offset(Address.family), length: UInt32(subnet.network.bytes.count),
                into: Register(0)),
            .mask(Register(0), subnet.mask.bytes), .compare(Register(0), comparison, subnet.network.bytes),
        ]
    }

    /// Not to this address.
    static func isNot(_ destination: IPv6Address) -> [Expression] {
        [
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: Side.destination.offset(.ipv6), length: 16, into: Register(0)),
            .compare(Register(0), NFT_CMP_NEQ, destination.bytes),
        ]
    }

    /// To one port of one address.
    static func service(_ address: IPv4Address, _ transport: Transport, _ port: UInt16) -> [Expression] {
        isFamily(.ipv4) + [
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: Side.destination.offset(.ipv4), length: 4, into: Register(0)),
            .compare(Register(0), NFT_CMP_EQ, address.bytes), .meta(NFT_META_L4PROTO, into: Register(0)),
            .compare(Register(0), NFT_CMP_EQ, [transport.number]),
            .payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2, into: Register(0)),
            .compare(Register(0), NFT_CMP_EQ, [UInt8(port >> 8), UInt8(port & 255)]),
        ]
    }

    /// DNAT to one port of one address.
    static func redirect(to address: IPv4Address, _ port: UInt16) -> [Expression] {
        [
            .load(address.bytes, into: Register(0)), .load([UInt8(port >> 8), UInt8(port & 255)], into: Register(1)),
            .destinationNAT(.ipv4, address: Register(0), port: Register(1)),
        ]
    }

    static func hostBytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    static func padded(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8.prefix(15))
        return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
    }
}
