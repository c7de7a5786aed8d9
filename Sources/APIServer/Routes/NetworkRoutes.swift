internal import DockerAPI

/// `/networks/…`.
let networkRoutes: [Route] = [
    Route("GET", "/networks") { request, backend in .json(try await backend.networks(filters: try request.query.filters())) },
    Route("POST", "/networks/create") { request, backend in
        .json(try await backend.createNetwork(try request.json(NetworkCreateRequest.self)), status: 201)
    },
    Route("POST", "/networks/prune") { request, backend in .json(try await backend.pruneNetworks(filters: try request.query.filters())) },
    Route("GET", "/networks/{}") { request, backend in .json(try await backend.inspectNetwork(try request.network)) },
    Route("DELETE", "/networks/{}") { request, backend in
        try await backend.removeNetwork(try request.network)
        return .empty(204)
    },
    Route("POST", "/networks/{}/connect") { request, backend in
        try await backend.connectNetwork(try request.network, try request.json(NetworkConnectRequest.self))
        return .empty(200)
    },
    Route("POST", "/networks/{}/disconnect") { request, backend in
        try await backend.disconnectNetwork(try request.network, try request.json(NetworkDisconnectRequest.self))
        return .empty(200)
    },
]

extension Request {
    /// The network that the path names.
    fileprivate var network: String {
        get throws { try reference("network") }
    }
}
