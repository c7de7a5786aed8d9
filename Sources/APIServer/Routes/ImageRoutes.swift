internal import DockerAPI
internal import Errors

/// `/images/…`.
let imageRoutes: [Route] = [
    Route("GET", "/images/json") { request, backend in
        var filters = try request.query.filters()
        if let reference = request.query.nonEmpty("filter") { filters.values["reference", default: []].append(reference) }
        let query = ImageListQuery(all: request.query.bool("all"), sharedSize: request.query.bool("shared-size"), filters: filters)
        var images = try await backend.images(query)
        if request.wantsVirtualSize {
            for index in images.indices { images[index].virtualSize = images[index].size }
        }
        return .json(images)
    },
    Route("POST", "/images/load", body: .uploaded, whenAbandoned: .isCancelled) { request, backend in
        guard let upload = request.upload else { throw TimberError(.internal, "the upload has no pipe") }
        try refusePlatform(request)
        let quiet = request.query.bool("quiet", default: true)
        return progress { sink in
            try await backend.loadImages(from: try upload.takeReadEnd(), quiet: quiet, progress: sink)
        }
    },
    Route("POST", "/images/create", whenAbandoned: .isCancelled) { request, backend in
        guard let image = request.query.nonEmpty("fromImage") else {
            throw TimberError(.unsupported, "importing a root file system is not supported: load an image archive instead")
        }
        let reference = pulled(image, tag: request.query.nonEmpty("tag"))
        let platform = request.query.nonEmpty("platform")
        return progress { sink in try await backend.pullImage(reference, platform: platform, progress: sink) }
    },
    Route("POST", "/images/prune") { request, backend in .json(try await backend.pruneImages(filters: try request.query.filters())) },
    Route("GET", "/images/get", whenAbandoned: .isCancelled) { request, backend in
        try refusePlatform(request)
        return try await save(request.query.all("names"), backend)
    },
    Route("GET", "/images/{...}/get", whenAbandoned: .isCancelled) { request, backend in
        try refusePlatform(request)
        return try await save([try request.imageName()], backend)
    },
    Route("GET", "/images/{...}/json") { request, backend in
        var image = try await backend.inspectImage(try request.imageName())
        if request.wantsVirtualSize { image.virtualSize = image.size }
        return .json(image)
    },
    Route("GET", "/images/{...}/history") { request, backend in .json(try await backend.imageHistory(try request.imageName())) },
    Route("POST", "/images/{...}/tag") { request, backend in
        guard let repository = request.query.nonEmpty("repo") else {
            throw TimberError(.invalidArgument, "repository name must have at least one component")
        }
        try await backend.tagImage(try request.imageName(), repository: repository, tag: request.query["tag"] ?? "")
        return .empty(201)
    },
    Route("DELETE", "/images/{...}") { request, backend in
        .json(
            try await backend.removeImage(
                try request.imageName(), force: request.query.bool("force"), prune: !request.query.bool("noprune")))
    },
]

/// Load takes what runs here out of an index, and save gives all that is stored: neither can be asked for another platform.
private func refusePlatform(_ request: Request) throws {
    if let platform = request.query.nonEmpty("platform") {
        throw TimberError(.unsupported, "choosing a platform (\(platform)) on load or save is not supported by Timber: leave it out")
    }
}

/// `name:tag`, or `name@digest` when the tag is a digest.
private func pulled(_ image: String, tag: String?) -> String {
    guard let tag else { return image }
    return tag.contains(":") ? "\(image)@\(tag)" : "\(image):\(tag)"
}

private func save(_ names: [String], _ backend: any Backend) async throws -> Response {
    guard !names.isEmpty else { throw TimberError(.invalidArgument, "no image named: give at least one in names") }
    return .stream(
        StreamedBody(contentType: "application/x-tar", commit: .withFirstPiece, bytes: try await backend.saveImages(names)))
}

/// Docker's progress stream: JSON lines, and a failure after the first one is one more line.
private func progress(_ work: @escaping @Sendable (_ sink: @escaping ProgressSink) async throws -> Void) -> Response {
    .stream(
        StreamedBody(
            contentType: "application/json", commit: .withFirstPiece,
            bytes: Producer { emit in
                try await work { message in try await emit(line(message)) }
            },
            failure: { error in
                let text = "\(error)"
                return line(ProgressMessage(errorDetail: ErrorDetail(message: text), error: text))
            }))
}

private func line(_ message: ProgressMessage) -> [UInt8] {
    message.json(suffix: "\r\n")
}

extension Request {
    /// Until API 1.44 sizes came twice.
    fileprivate var wantsVirtualSize: Bool { version < APIVersion(major: 1, minor: 44) }
}
