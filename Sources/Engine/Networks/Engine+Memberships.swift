internal import DockerAPI
internal import Errors
internal import Networks

extension Engine {
    /// The networks that a new container is in: the one of its mode first, the others by name.
    /// - Throws: `TimberError`: `.invalidArgument` when a network is not there or cannot be joined, or what is asked of it makes no sense.
    func memberships(_ request: ContainerCreateRequest, _ mode: Definition.NetworkMode) throws -> [Membership] {
        let endpoints = request.networkingConfig.endpointsConfig
        switch mode {
        case .bridge, .user: break
        case .none, .host, .container:
            if let other = endpoints.keys.sorted().first(where: { $0 != mode.word && $0 != "default" }) {
                throw TimberError(
                    .invalidArgument, "conflicting options: a container with --network \(mode.word) cannot be connected to network \(other)"
                )
            }
            if !request.config.macAddress.isEmpty || endpoints.values.contains(where: { !$0.macAddress.isEmpty }) {
                throw TimberError(.invalidArgument, "conflicting options: mac-address and --network \(mode.word)")
            }
            return []
        }
        let own = try join(mode == .bridge ? "bridge" : mode.word)
        var all: [Membership] = []
        for (name, settings) in endpoints.sorted(by: { $0.key < $1.key }) {
            let membership = try Membership(try join(["default", ""].contains(name) ? "bridge" : name), settings)
            guard !all.contains(where: { $0.network == membership.network }) else {
                throw TimberError(.invalidArgument, "network \(membership.name) is given twice")
            }
            all.append(membership)
        }
        // As Docker: the mode's network only if nothing else is asked for.
        if all.isEmpty { all = [try Membership(own, EndpointSettings())] }
        if let first = all.firstIndex(where: { $0.network == own.id }) { all.insert(all.remove(at: first), at: 0) }
        if !request.config.macAddress.isEmpty, all[0].mac == nil { all[0].mac = try Membership.mac(request.config.macAddress) }
        for link in try request.hostConfig.links.map(Membership.link) where !all[0].links.contains(link) { all[0].links.append(link) }
        for membership in all { try membership.check(nameServers: request.hostConfig.dns) }
        return all
    }

    /// Not 404: clients take that for a missing image and pull it.
    private func join(_ name: String) throws -> JoinableNetwork {
        do {
            return try joinable(try services.userNetworks.find(name))
        } catch let error as TimberError where error.code == .notFound {
            throw TimberError(.invalidArgument, error.message)
        }
    }
}
