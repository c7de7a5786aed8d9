internal import DockerAPI
internal import Errors

/// Parts of the API that Timber does not have, answered as Docker answers where they are switched off: clients that ask go on, and
/// people read why.
let refusedRoutes: [Route] = registryRoutes + builderRoutes + pluginRoutes + swarmRoutes

// MARK: Registries

private let registryRoutes: [Route] = [
    Route("GET", "/images/search") { _, _ in .refusal(501, "Timber searches no registries: look at the registry's own pages") }
]

// MARK: Building

private let builderRoutes: [Route] = [
    Route("POST", "/build", body: .uploaded) { _, _ in
        .refusal(501, "Timber builds no images: build with buildah or docker, and load the archive with tctl load")
    },
    // `docker system prune` asks for this, too.
    Route("POST", "/build/prune") { _, _ in .json(BuildPruneReport()) },
    Route("POST", "/build/cancel") { _, _ in .refusal(501, "Timber builds no images") },
    Route("POST", "/session") { _, _ in .refusal(501, "Timber builds no images: it has no sessions") },
    Route("POST", "/grpc") { _, _ in .refusal(501, "Timber builds no images: it has no gRPC endpoint") },
]

// MARK: Plugins

private let pluginRoutes: [Route] = [
    Route("GET", "/plugins") { request, _ in
        let filters = try request.query.filters()
        for key in filters.values.keys.sorted() where !["capability", "enabled"].contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        return .json([String]())
    },
    Route("GET", "/plugins/privileges") { _, _ in .refusal(501, noPlugins) },
    Route("POST", "/plugins/pull") { _, _ in .refusal(501, noPlugins) },
    Route("POST", "/plugins/create", body: .uploaded) { _, _ in .refusal(501, noPlugins) },
    Route("GET", "/plugins/{...}/json", plugin),
    Route("POST", "/plugins/{...}/enable", plugin),
    Route("POST", "/plugins/{...}/disable", plugin),
    Route("POST", "/plugins/{...}/upgrade", plugin),
    Route("POST", "/plugins/{...}/push", plugin),
    Route("POST", "/plugins/{...}/set", plugin),
    Route("DELETE", "/plugins/{...}", plugin),
]

private let noPlugins = "Timber has no plugins"

@Sendable private func plugin(_ request: Request, _ backend: any Backend) async throws -> Response {
    .refusal(404, "plugin \"\(try request.imageName())\" not found: Timber has no plugins")
}

// MARK: Swarm

private let swarmRoutes: [Route] =
    [
        Route("POST", "/swarm/init") { _, _ in .refusal(501, noSwarm) },
        Route("POST", "/swarm/join") { _, _ in .refusal(501, noSwarm) },
        Route("POST", "/swarm/leave") { _, _ in .refusal(503, "This node is not part of a swarm: \(noSwarm)") },
        // Of cluster volumes only.
        Route("PUT", "/volumes/{}", noManager),
    ]
    + [
        ("GET", "/swarm"), ("POST", "/swarm/update"), ("GET", "/swarm/unlockkey"), ("POST", "/swarm/unlock"), ("GET", "/nodes"),
        ("GET", "/nodes/{}"), ("DELETE", "/nodes/{}"), ("POST", "/nodes/{}/update"), ("GET", "/services"), ("POST", "/services/create"),
        ("GET", "/services/{}"), ("DELETE", "/services/{}"), ("POST", "/services/{}/update"), ("GET", "/services/{}/logs"),
        ("GET", "/tasks"), ("GET", "/tasks/{}"), ("GET", "/tasks/{}/logs"), ("GET", "/secrets"), ("POST", "/secrets/create"),
        ("GET", "/secrets/{}"), ("DELETE", "/secrets/{}"), ("POST", "/secrets/{}/update"), ("GET", "/configs"),
        ("POST", "/configs/create"), ("GET", "/configs/{}"), ("DELETE", "/configs/{}"), ("POST", "/configs/{}/update"),
    ].map { Route($0.0, $0.1, noManager) }

private let noSwarm = "Timber runs the containers of one machine and has no swarm"

/// By this beginning and the status clients know that swarm mode is off.
@Sendable private func noManager(_ request: Request, _ backend: any Backend) async throws -> Response {
    .refusal(503, "This node is not a swarm manager: \(noSwarm)")
}

extension Response {
    /// What Timber does not do at all, with the status that Docker has for it.
    fileprivate static func refusal(_ status: Int, _ message: String) -> Response {
        .json(ErrorResponse(message: message), status: status)
    }
}
