internal import DockerAPI
internal import Errors

/// `/volumes/…`.
let volumeRoutes: [Route] = [
    Route("GET", "/volumes") { request, backend in
        .json(VolumeList(volumes: try await backend.volumes(filters: try request.query.filters())))
    },
    Route("POST", "/volumes/create") { request, backend in
        .json(try await backend.createVolume(try request.json(VolumeCreateRequest.self)), status: 201)
    },
    Route("POST", "/volumes/prune") { request, backend in
        var filters = try request.query.filters()
        // Until API 1.42 there was no difference between volumes with names and without.
        if request.version < APIVersion(major: 1, minor: 42) { filters.values["all"] = ["true"] }
        return .json(try await backend.pruneVolumes(filters: filters))
    },
    Route("GET", "/volumes/{}") { request, backend in .json(try await backend.inspectVolume(try request.volume)) },
    Route("DELETE", "/volumes/{}") { request, backend in
        let force = request.query.bool("force")
        do {
            try await backend.removeVolume(try request.volume, force: force)
        } catch let error as TimberError where error.code == .notFound && force {
            // A name that no volume can have.
        }
        return .empty(204)
    },
]

extension Request {
    /// The volume that the path names.
    fileprivate var volume: String {
        get throws { try reference("volume") }
    }
}
