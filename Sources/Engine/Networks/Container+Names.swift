internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel
internal import Networks

/// What a container is called in networks of users, and who answers its own questions.
extension Container {
    /// Whether one of these is in a network of a user's; on the default bridge there is no DNS of ours, as with Docker.
    func usesOwnDNS(_ endpoints: [Endpoint]) -> Bool { endpoints.contains { $0.network != BuiltInNetwork.bridge.id } }

    /// Tells the DNS where others find this container.
    func registerNames(_ endpoints: [Endpoint]) {
        for endpoint in endpoints where endpoint.network != BuiltInNetwork.bridge.id {
            guard let membership = definition.memberships.first(where: { $0.network == endpoint.network }),
                let network = services.userNetworks[endpoint.network]?.configuration
            else { continue }
            let links = membership.links.map { link in
                let parts = link.split(separator: ":").map(String.init)
                return (parts.last ?? link, linkTarget(parts.first ?? link))
            }
            services.networks.dns.names.set(
                NameTable.Entry(
                    container: id, network: endpoint.network, networkName: membership.name,
                    names: InspectMapping.names(membership, snapshot),
                    links: Dictionary(links, uniquingKeysWith: { $1 }), address: endpoint.address, subnet: network.subnet,
                    ipv6Address: endpoint.ipv6?.address, ipv6Subnet: network.ipv6?.subnet),
                interface: endpoint.interface)
        }
    }

    /// A name that the DNS knows of what a link names: a container by name or id, or an alias.
    private func linkTarget(_ name: String) -> String {
        let ids = services.registry.ids(matching: name)
        return ids.count == 1 ? String(ids[0].prefix(12)) : name
    }

    /// Answers its questions, when it is in a network of a user's.
    func serveNames(_ endpoints: [Endpoint], route: Endpoint?, in namespace: NetworkNamespace) async throws {
        registerNames(endpoints)
        guard usesOwnDNS(endpoints) else { return }
        let service = ContainerDNS.Service(container: id, forwards: route != nil, servers: definition.host.dns)
        try await services.networks.dns.serve(service, in: namespace)
    }

    /// After it came into networks or left some while it runs.
    func settleNames(before: [Endpoint], in namespace: NetworkNamespace) async throws {
        guard let shim = run.shim else { return }
        await settleHosts(before: before)
        guard usesOwnDNS(run.endpoints), !usesOwnDNS(before) else {
            return services.networks.dns.update(container: id, forwards: run.route != nil)
        }
        try await serveNames(run.endpoints, route: run.route, in: namespace)
        guard run.shim === shim else { return services.networks.dns.stop(container: id) }
        guard hostNames.directory == directory else { return }
        let (path, host) = ("\(directory)/resolv.conf", definition.host)
        try await BlockingPool.shared.run {
            // In place, as the container has the very file; and only if nobody wrote another one.
            let ours = Array(try EtcFiles.resolvConf(host, usesOwnDNS: false).utf8)
            do {
                guard try Files.read(path, limit: ours.count) == ours else { return }
            } catch let error as SystemError where error.errno == EFBIG {
                return
            }
            try Files.write(Array(try EtcFiles.resolvConf(host, usesOwnDNS: true).utf8), to: path, mode: 0o644)
        }
    }
}
