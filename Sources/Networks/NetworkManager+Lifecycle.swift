internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization

extension NetworkManager {
    /// Sets the host up: bridge, sysctls, and the table with exactly the expected ports; removes veth pairs that nobody owns.
    /// - Parameter expected: what runs according to the daemon's records.
    /// - Throws: `TimberError`: `.invalidArgument` or `.conflict` for the configuration, `.internal`.
    public func start(expected: [Attachment] = []) async throws {
        try await BlockingPool.shared.run { [self] in
            do {
                try startNow(expected)
            } catch let error as SystemError {
                throw TimberError(.internal, "cannot set up bridge \(configuration.bridge)", cause: error)
            }
        }
        pool.startRefill()
    }

    /// Lets go of what is made ahead; the bridge, the table and the containers' connections stay.
    public func shutDown() async {
        stopWatch()
        await pool.stop()
        host.close()
    }

    /// Undoes `start`: removes the table and the bridge, and turns forwarding off if it was off before.
    /// - Throws: `TimberError.internal`.
    public func tearDown() async throws {
        stopWatch()
        await pool.stop()
        try await BlockingPool.shared.run { [self] in
            network.withLock { $0 = nil }
            let name = configuration.bridge
            do {
                try host.netfilter { try $0.perform(Ruleset.removeTable(bridge: name)) }
                try Bridge.remove(name: name, host: host)
            } catch {
                throw TimberError(.internal, "cannot remove bridge \(name)", cause: error)
            }
        }
        host.close()
    }

    private func startNow(_ expected: [Attachment]) throws {
        let bridge = try Bridge.establish(name: configuration.bridge, subnet: configuration.subnet, host: host)
        var network = Network(bridge: bridge, addresses: AddressPool(subnet: bridge.subnet))
        for attachment in expected {
            do {
                try network.addresses.take(attachment.endpoint.address)
            } catch {
                // It runs and keeps its ports; what its record says about the address cannot be helped here.
                log("a container's recorded address is not usable", ["container": attachment.owner, "error": "\(error)"])
            }
            network.attachments[attachment.endpoint.interface] = attachment
        }
        try replaceTable(network)
        let ours = Ruleset.table(bridge: bridge.name)
        for policy in try host.netfilter({ try ForwardPolicy.dropping(except: ours, $0) }) {
            log(
                "another firewall drops forwarded packets by default, containers may not reach the network, see docs/networks.md",
                ["table": policy.table, "chain": policy.chain])
        }
        let owned = Set(expected.map(\.endpoint.interface))
        try host.route { socket in
            for name in try bridge.ports(socket) where !owned.contains(name) {
                log("removing a veth pair that no container owns", ["interface": name])
                var batch = NetlinkBatch()
                batch.removeLink(name)
                try socket.perform(batch)
            }
        }
        self.network.withLock { $0 = network }
        try startWatch()
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
            try withNetwork { network in
                log("somebody else changed the nf_tables table, it is written anew", ["bridge": network.bridge.name])
                try replaceTable(network)
            }
        } catch {
            log("cannot write the nf_tables table anew", ["bridge": configuration.bridge, "error": "\(error)"])
        }
    }
}
