internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

extension NetworkManager {
    /// Sets the host up: bridges, sysctls, and the table with exactly the expected ports; removes veth pairs and bridges that nobody owns.
    /// - Parameters:
    ///   - networks: the users'; one that cannot be set up is logged, and nothing is connected to it.
    ///   - untouched: ids of networks whose bridges stay, whatever they are.
    ///   - expected: what runs according to the daemon's records.
    /// - Throws: `TimberError`: `.invalidArgument` or `.conflict` for the configuration, `.internal`.
    public func start(networks: [NetworkConfiguration] = [], untouched: [String] = [], expected: [Attachment] = []) async throws {
        try await BlockingPool.shared.run { [self] in
            do {
                try startNow(networks, untouched, expected)
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot set up bridge \(configuration.bridge)", cause: error)
            }
        }
        pool.startRefill()
    }

    /// Lets go of what is made ahead; the bridge, the table and the containers' connections stay.
    public func shutDown() async {
        dns.stop()
        stopWatch()
        await pool.stop()
        host.close()
    }

    /// Undoes `start`: removes the table and the bridges, and turns forwarding off if it was off before.
    /// - Throws: `TimberError.internal`.
    public func tearDown() async throws {
        dns.stop()
        stopWatch()
        await pool.stop()
        try await BlockingPool.shared.run { [self] in
            networks.withLock { $0 = nil }
            let name = configuration.bridge
            do {
                try host.netfilter { try $0.perform(Ruleset.removeTable(bridge: name)) }
                try Bridge.removeNetworks(of: name, except: [], host: host)
                try Bridge.remove(name: name, journal: journal, host: host)
            } catch {
                throw TimberError(.internal, "cannot remove bridge \(name)", cause: error)
            }
        }
        host.close()
    }

    private func startNow(_ users: [NetworkConfiguration], _ untouched: [String], _ expected: [Attachment]) throws {
        let own = configuration.bridge
        var networks = try setUp(users, untouched)
        for attachment in expected {
            let endpoint = attachment.endpoint
            // It runs and keeps its ports; what its record says about an address cannot be helped here.
            func reserve(_ body: () throws -> Void) {
                do {
                    try body()
                } catch {
                    log("a container's recorded address is not usable", ["container": attachment.owner, "error": "\(error)"])
                }
            }
            reserve { try networks.all[endpoint.network]?.addresses.take(endpoint.address) }
            if let ipv6 = endpoint.ipv6 { reserve { try networks.all[endpoint.network]?.ipv6Addresses?.take(ipv6.address) } }
            networks.all[endpoint.network]?.attachments[endpoint.interface] = attachment
        }
        let needed = networks.all.values.contains { $0.bridge != nil && $0.configuration.forwardsIPv6 } ? [IPFamily.ipv4, .ipv6] : [.ipv4]
        networks.unrouted = try Bridge.forward(Set(needed), daemon: own, journal: journal, host: host) { [self, networks] unrouted in
            var guarded = networks
            guarded.unrouted = unrouted
            try replaceTable(&guarded)
        }
        let ours = Ruleset.table(bridge: own)
        let families = Set(users.contains { $0.ipv6 != nil } ? [IPFamily.ipv4, .ipv6] : [.ipv4])
        for policy in try host.netfilter({ try ForwardPolicy.dropping(families, except: ours, $0) }) {
            log(
                "another firewall drops forwarded packets by default, containers may not reach the network, see docs/networks.md",
                ["table": policy.table, "chain": policy.chain])
        }
        let owned = Set(expected.map(\.endpoint.interface))
        let bridges = networks.all.values.compactMap(\.bridge)
        try host.route { socket in
            for name in try bridges.flatMap({ try $0.ports(socket) }) where !owned.contains(name) {
                log("removing a veth pair that no container owns", ["interface": name])
                var batch = NetlinkBatch()
                batch.removeLink(name)
                try socket.perform(batch)
            }
        }
        self.networks.withLock { $0 = networks }
        try startWatch()
    }

    /// Finds or makes the bridges, and removes those of networks that are not known any more.
    private func setUp(_ users: [NetworkConfiguration], _ untouched: [String]) throws -> Networks {
        let own = configuration.bridge
        let bridge = try Bridge.establish(name: own, subnet: configuration.subnet, host: host)
        var networks = Networks()
        networks.all[configuration.network] = Network(
            NetworkConfiguration(
                id: configuration.network, name: "bridge", bridge: bridge.name, subnet: bridge.subnet, gateway: bridge.gateway, range: nil,
                kept: [], rules: NetworkRules(), mtu: nil), bridge: bridge)
        try Bridge.removeNetworks(of: own, except: Set(users.map(\.id) + untouched), host: host)
        let present = try Bridge.networks(of: own, host: host)
        for user in users {
            var network = Network(user)
            do {
                network.bridge = try Bridge.establish(user, daemon: own, host: host)
            } catch {
                log(
                    "cannot set a network up: nobody joins it before the next start, those that are in it are treated as before",
                    ["network": user.name, "error": "\(error)"])
                network.isStuck = present[user.id] == user.bridge
            }
            networks.all[user.id] = network
        }
        for (id, name) in present where untouched.contains(id) {
            log("nothing is known about a network that is there: nothing of it is forwarded", ["network": id, "bridge": name])
            networks.closed.append(name)
        }
        networks.closed.sort()
        return networks
    }

    private func startWatch() throws {
        let socket = try host.run {
            let socket = try NetlinkSocket(protocolNumber: NETLINK_NETFILTER)
            try socket.join(group: Int32(NFNLGRP_NFTABLES.rawValue))
            return SharedNetlinkSocket(socket)
        }
        let host = host
        let watch = TableWatch(
            table: Ruleset.table(bridge: configuration.bridge), socket: socket, isOurs: { host.isOwnNetfilterPort($0) },
            rewrite: { [weak self] in self?.rewriteTable() })
        stopWatch()
        self.watch.withLock { $0 = watch }
    }

    func stopWatch() {
        watch.withLock { watch in
            watch?.stop()
            watch = nil
        }
    }

    private func rewriteTable() {
        do {
            try withNetworks { networks in
                log("somebody else changed the nf_tables table, it is written anew", ["bridge": configuration.bridge])
                try replaceTable(&networks)
            }
        } catch {
            log("cannot write the nf_tables table anew", ["bridge": configuration.bridge, "error": "\(error)"])
        }
    }
}
