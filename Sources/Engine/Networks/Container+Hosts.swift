internal import Errors
internal import LinuxKernel
internal import Networks

/// /etc/hosts: the container's own addresses, and those of containers that it is linked to on the default bridge, which has no DNS.
extension Container {
    /// What it is called inside.
    var ownHostname: String { definition.host.utsMode == "host" ? HostName.current : hostNames.hostname }

    /// The addresses and names of what it is linked to on the default bridge.
    /// - Throws: `TimberError.conflict` when one does not run.
    func bridgeLinks() throws -> [(address: String, names: String)] {
        try bridgeLinkWords.map { link in
            guard let found = bridgeLink(link) else {
                let target = link.split(separator: ":").first ?? ""
                throw TimberError(.conflict, "cannot link to \(target): it does not run in network bridge, start it first")
            }
            return found
        }
    }

    private var bridgeLinkWords: [String] { definition.memberships.first { $0.network == BuiltInNetwork.bridge.id }?.links ?? [] }

    private func bridgeLink(_ link: String) -> (address: String, names: String)? {
        let parts = link.split(separator: ":").map(String.init)
        guard let target = parts.first, let alias = parts.last,
            let other = services.registry.ids(matching: target).first.flatMap({ services.registry.snapshot(id: $0) }),
            let endpoint = other.endpoints.first(where: { $0.network == BuiltInNetwork.bridge.id })
        else { return nil }
        let names = [alias, String(other.id.prefix(12)), other.name].reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return ("\(endpoint.address)", names.joined(separator: " "))
    }

    /// Once it runs: those who are linked to it find it where it is now, and it finds those that were started anew meanwhile.
    func tellLinks() async {
        guard run.endpoints.contains(where: { $0.network == BuiltInNetwork.bridge.id }) else { return }
        await followLinks()
        for other in services.registry.snapshots where other.lifecycle.run != nil && other.id != id {
            guard let membership = other.definition.memberships.first(where: { $0.network == BuiltInNetwork.bridge.id }),
                membership.links.contains(where: { services.registry.ids(matching: String($0.prefix { $0 != ":" })).first == id })
            else { continue }
            await services.registry.container(id: other.id)?.followLinks()
        }
    }

    /// Puts the addresses of what it is linked to right. What has no address now keeps its last one, as with Docker.
    private func followLinks() async {
        let links = bridgeLinkWords.compactMap(bridgeLink)
        guard !links.isEmpty else { return }
        await editHosts { HostsFile.readdressing(links, in: $0) }
    }

    /// After it came into networks or left some while it runs.
    func settleHosts(before: [Endpoint]) async {
        let (name, domain) = (ownHostname, definition.config.domainname)
        func lines(_ endpoints: [Endpoint]) -> [String] {
            endpoints.flatMap(\.addresses).map { EtcFiles.ownLine($0, hostname: name, domainname: domain) }
        }
        let old = lines(before.filter { !run.endpoints.contains($0) })
        let new = lines(run.endpoints.filter { !before.contains($0) })
        await editHosts { HostsFile.replacing(old, with: new, in: $0) }
    }

    /// One change at a time; another container's file is its own to change.
    private func editHosts(_ change: @escaping @Sendable ([UInt8]) -> [UInt8]) async {
        guard hostNames.directory == directory else { return }
        let path = "\(directory)/hosts"
        await attempt("change /etc/hosts") { [hostsTurn] in
            try await hostsTurn.run { try await BlockingPool.shared.run { try HostsFile.edit(path, change) } }
        }
    }
}
