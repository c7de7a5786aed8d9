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
        if let platform = request.query.nonEmpty("platform") {
            throw TimberError(.unsupported, "choosing a platform (\(platform)) on load is not supported by Timber: it takes what runs here")
        }
        let quiet = request.query.bool("quiet", default: true)
        return progress { sink in
            try await backend.loadImages(from: try upload.takeReadEnd(), quiet: quiet, progress: sink)
        }
    },
    Route("POST", "/images/create", body: .uploaded, whenAbandoned: .isCancelled, createImage),
    Route("POST", "/commit", whenAbandoned: .isCancelled) { request, backend in
        guard let container = request.query.nonEmpty("container") else {
            throw TimberError(.notFound, "No such container: give one in container")
        }
        var query = CommitQuery(container: container)
        query.repository = request.query["repo"] ?? ""
        query.tag = request.query["tag"] ?? ""
        query.comment = request.query["comment"] ?? ""
        query.author = request.query["author"] ?? ""
        query.pauses = request.query.nonEmpty("pause") == nil || request.query.bool("pause")
        query.changes = request.query.all("changes")
        let isEmpty = request.body.allSatisfy { " \n\r\t".utf8.contains($0) } || request.body.starts(with: Array("null".utf8))
        if !isEmpty { query.config = try request.json(ContainerConfig.self) }
        return .json(try await backend.commit(query), status: 201)
    },
    Route("POST", "/images/prune") { request, backend in .json(try await backend.pruneImages(filters: try request.query.filters())) },
    Route("GET", "/images/get", whenAbandoned: .isCancelled) { request, backend in
        let names = request.query.all("names")
        try await checkPlatform(request, of: names, backend)
        return try await save(names, backend)
    },
    Route("GET", "/images/{...}/get", whenAbandoned: .isCancelled) { request, backend in
        let name = try request.imageName()
        try await checkPlatform(request, of: [name], backend)
        return try await save([name], backend)
    },
    Route("GET", "/images/{...}/json") { request, backend in
        let name = try request.imageName()
        try await checkPlatform(request, of: [name], backend)
        var image = try await backend.inspectImage(name)
        if request.wantsVirtualSize { image.virtualSize = image.size }
        return .json(image)
    },
    Route("GET", "/images/{...}/history") { request, backend in
        let name = try request.imageName()
        try await checkPlatform(request, of: [name], backend)
        return .json(try await backend.imageHistory(name))
    },
    Route("POST", "/images/{...}/tag") { request, backend in
        guard let repository = request.query.nonEmpty("repo") else {
            throw TimberError(.invalidArgument, "repository name must have at least one component")
        }
        try await backend.tagImage(try request.imageName(), repository: repository, tag: request.query["tag"] ?? "")
        return .empty(201)
    },
    Route("POST", "/images/{...}/push", whenAbandoned: .isCancelled) { request, backend in
        let name = try request.imageName()
        try await checkPlatform(request, of: [name], backend)
        let (tag, credentials) = (request.query.nonEmpty("tag"), try request.credentials())
        return progress { sink in try await backend.pushImage(name, tag: tag, credentials: credentials, progress: sink) }
    },
    Route("GET", "/distribution/{...}/json") { request, backend in
        .json(try await backend.inspectDistribution(try request.imageName(), credentials: try request.credentials()))
    },
    Route("POST", "/auth") { request, backend in .json(try await backend.login(try request.json(AuthConfig.self))) },
    Route("DELETE", "/images/{...}") { request, backend in
        if let platform = request.query.nonEmpty("platforms") {
            throw TimberError(.unsupported, "removing one platform (\(platform)) of an image is not supported by Timber: an image has one")
        }
        return .json(
            try await backend.removeImage(
                try request.imageName(), force: request.query.bool("force"), prune: !request.query.bool("noprune")))
    },
]

/// An image is of one platform here; who asks for another one must not get it.
private func checkPlatform(_ request: Request, of names: [String], _ backend: any Backend) async throws {
    guard let text = request.query.nonEmpty("platform") else { return }
    let wanted: DistributionPlatform
    do {
        wanted = try decodeJSON(DistributionPlatform.self, from: Array(text.utf8))
    } catch {
        throw TimberError(
            .invalidArgument, "invalid platform \(text): expected {\"os\":\"linux\",\"architecture\":\"amd64\"}", cause: error)
    }
    for name in names {
        let image = try await backend.inspectImage(name)
        guard wanted.os.isEmpty || wanted.os == image.os,
            wanted.architecture.isEmpty || wanted.architecture == image.architecture,
            wanted.variant.isEmpty || image.variant.isEmpty || wanted.variant == image.variant
        else {
            let words = [wanted.os, wanted.architecture, wanted.variant].filter { !$0.isEmpty }.joined(separator: "/")
            throw TimberError(
                .notFound,
                "image with reference \(name) was found but does not provide the specified platform (\(words)): it is for \(image.os)/\(image.architecture)"
            )
        }
    }
}

/// Pulls, or imports what the body brings.
@Sendable private func createImage(_ request: Request, _ backend: any Backend) async throws -> Response {
    if let image = request.query.nonEmpty("fromImage") {
        let reference = pulled(image, tag: request.query.nonEmpty("tag"))
        let platform = request.query.nonEmpty("platform")
        let credentials = try request.credentials()
        return progress { sink in try await backend.pullImage(reference, platform: platform, credentials: credentials, progress: sink) }
    }
    guard request.query["fromSrc"] == "-", let upload = request.upload else {
        throw TimberError(
            .unsupported, "Timber fetches nothing: give fromImage, or fromSrc=- and the archive of a root file system as the body")
    }
    var query = ImportQuery()
    query.repository = request.query["repo"] ?? ""
    query.tag = request.query["tag"] ?? ""
    query.message = request.query.nonEmpty("message") ?? "Imported from -"
    query.changes = request.query.all("changes")
    query.platform = request.query.nonEmpty("platform")
    let wanted = query
    return progress { sink in
        try await sink(ProgressMessage(status: try await backend.importImage(from: try upload.takeReadEnd(), wanted)))
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
