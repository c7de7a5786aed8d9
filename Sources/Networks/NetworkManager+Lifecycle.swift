internal import Errors
internal import LinuxKernel

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
        await pool.stop()
        host.close()
    }

    /// Undoes `start`: removes the table and the bridge, and turns forwarding off if it was off before.
    /// - Throws: `TimberError.internal`.
    public func tearDown() async throws {
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
            try network.addresses.take(attachment.endpoint.address)
            network.attachments[attachment.endpoint.interface] = attachment
        }
        try replaceTable(network)
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
    }
}
