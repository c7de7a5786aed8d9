internal import DockerAPI
internal import Errors

/// `/_ping`, `/version`, `/info`, `/system/df`, `/events`.
let systemRoutes: [Route] = [
    Route("GET", "/_ping") { _, _ in ping(body: "OK") },
    Route("HEAD", "/_ping") { _, _ in ping(body: "") },
    Route("GET", "/version") { _, backend in
        var version = try await backend.version()
        version.apiVersion = "\(APIVersion.newest)"
        version.minAPIVersion = "\(APIVersion.oldest)"
        for index in version.components.indices where version.components[index].name == "Engine" {
            version.components[index].details["ApiVersion"] = version.apiVersion
            version.components[index].details["MinAPIVersion"] = version.minAPIVersion
        }
        return .json(version)
    },
    Route("GET", "/info") { _, backend in .json(try await backend.info()) },
    Route("GET", "/system/df", whenAbandoned: .isCancelled) { request, backend in
        let kinds = try request.query.all("type").map { word in
            guard let kind = DiskUser(rawValue: word) else { throw TimberError(.invalidArgument, "unknown object type: \(word)") }
            return kind
        }
        return .json(try await backend.diskUsage(of: kinds.isEmpty ? Set(DiskUser.allCases) : Set(kinds)))
    },
    Route("GET", "/events", whenAbandoned: .isCancelled) { request, backend in
        let query = EventQuery(
            since: try request.query.instant("since"), until: try request.query.instant("until"), filters: try request.query.filters())
        let events = try await backend.events(query)
        return .stream(
            StreamedBody(
                contentType: "application/json",
                bytes: Producer { emit in
                    try await events.run { event in try await emit(event.withOldFields.json(suffix: "\n")) }
                }))
    },
]

/// `Builder-Version: 1`: the classic builder, the one that needs nothing of BuildKit's protocol.
private func ping(body: String) -> Response {
    var answer = WholeAnswer(status: 200)
    answer.headers = [
        ("Content-Type", "text/plain; charset=utf-8"), ("Builder-Version", "1"),
        ("Cache-Control", "no-cache, no-store, must-revalidate"), ("Pragma", "no-cache"),
    ]
    answer.body = Array(body.utf8)
    return .whole(answer)
}

extension EventMessage {
    /// With the fields that clients before API 1.22 read, which Docker still sends.
    fileprivate var withOldFields: EventMessage {
        guard type == "container" || type == "image" else { return self }
        var event = self
        event.status = action
        event.id = actor.id
        event.from = type == "container" ? actor.attributes["image"] ?? "" : ""
        return event
    }
}
