internal import DockerAPI
internal import Errors

/// `/containers/…`.
let containerRoutes: [Route] = [
    Route("GET", "/containers/json") { request, backend in
        let limit = try request.query.integer("limit")
        let query = ContainerListQuery(
            all: request.query.bool("all"), limit: limit.flatMap { $0 > 0 ? $0 : nil }, size: request.query.bool("size"),
            filters: try request.query.filters())
        let containers = try await backend.containers(query)
        return .json(containers, capacity: 64 + containers.count * 768)
    },
    Route("POST", "/containers/create") { request, backend in
        let body = try request.json(ContainerCreateRequest.self)
        let response = try await backend.createContainer(
            name: request.query.nonEmpty("name"), platform: request.query.nonEmpty("platform"), body)
        return .json(response, status: 201)
    },
    Route("POST", "/containers/prune") { request, backend in
        .json(try await backend.pruneContainers(filters: try request.query.filters()))
    },
    Route("GET", "/containers/{}/json") { request, backend in
        .json(try await backend.inspectContainer(try request.container, size: request.query.bool("size")))
    },
    Route("POST", "/containers/{}/start") { request, backend in
        try await backend.startContainer(try request.container)
        return .empty(204)
    },
    Route("POST", "/containers/{}/stop") { request, backend in
        try await backend.stopContainer(try request.container, signal: request.stopSignal, timeout: try request.query.integer("t"))
        return .empty(204)
    },
    Route("POST", "/containers/{}/restart") { request, backend in
        try await backend.restartContainer(try request.container, signal: request.stopSignal, timeout: try request.query.integer("t"))
        return .empty(204)
    },
    Route("POST", "/containers/{}/kill") { request, backend in
        try await backend.killContainer(try request.container, signal: request.query["signal"] ?? "")
        return .empty(204)
    },
    Route("POST", "/containers/{}/pause") { request, backend in
        try await backend.pauseContainer(try request.container)
        return .empty(204)
    },
    Route("POST", "/containers/{}/unpause") { request, backend in
        try await backend.unpauseContainer(try request.container)
        return .empty(204)
    },
    Route("POST", "/containers/{}/wait", whenAbandoned: .isCancelled, waitForContainer),
    Route("DELETE", "/containers/{}") { request, backend in
        try await backend.removeContainer(
            try request.container, force: request.query.bool("force"), volumes: request.query.bool("v"), link: request.query.bool("link"))
        return .empty(204)
    },
    Route("POST", "/containers/{}/rename") { request, backend in
        try await backend.renameContainer(try request.container, to: request.query["name"] ?? "")
        return .empty(204)
    },
    Route("POST", "/containers/{}/update") { request, backend in
        .json(try await backend.updateContainer(try request.container, try request.json(ContainerUpdateRequest.self)))
    },
    Route("POST", "/containers/{}/resize") { request, backend in
        let size = try request.terminalSize
        try await backend.resizeContainer(try request.container, rows: size.rows, columns: size.columns)
        return .empty(200)
    },
    Route("GET", "/containers/{}/logs", whenAbandoned: .isCancelled, containerLogs),
    Route("POST", "/containers/{}/attach", whenAbandoned: .isCancelled) { try await attach($0, $1) },
    Route("GET", "/containers/{}/attach/ws", whenAbandoned: .isCancelled) { request, backend in
        guard let handshake = request.webSocket else {
            throw TimberError(
                .invalidArgument,
                "not a WebSocket request: it needs Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: 13 and Sec-WebSocket-Key"
            )
        }
        return try await attach(request, backend, webSocket: handshake)
    },
    Route("GET", "/containers/{}/top") { request, backend in
        .json(try await backend.topContainer(try request.container, psArguments: request.query.nonEmpty("ps_args") ?? "-ef"))
    },
    Route("GET", "/containers/{}/stats", whenAbandoned: .isCancelled) { request, backend in
        let stream = request.query.bool("stream", default: true)
        let oneShot = request.query.bool("one-shot")
        if stream && oneShot { throw TimberError(.invalidArgument, "cannot have stream=true and one-shot=true") }
        let samples = try await backend.containerStats(try request.container, stream: stream, oneShot: oneShot)
        return .stream(
            StreamedBody(
                contentType: "application/json",
                bytes: Producer { emit in
                    try await samples.run { sample in try await emit(sample.json(suffix: "\n")) }
                }))
    },
]

/// The client gets the headers as soon as the wait is registered: `docker run` starts the container only then.
@Sendable private func waitForContainer(_ request: Request, _ backend: any Backend) async throws -> Response {
    let text = request.query.nonEmpty("condition") ?? WaitCondition.notRunning.rawValue
    guard let condition = WaitCondition(rawValue: text) else { throw TimberError(.invalidArgument, "invalid condition: \"\(text)\"") }
    let exit = try await backend.waitContainer(try request.container, condition)
    return .stream(
        StreamedBody(
            contentType: "application/json",
            commit: request.version < APIVersion(major: 1, minor: 30) ? .withFirstPiece : .immediately,
            bytes: Producer { emit in
                var response: ContainerWaitResponse
                do {
                    response = try await exit()
                } catch let error as TimberError {
                    response = ContainerWaitResponse(statusCode: 125, error: ContainerWaitError(message: error.description))
                }
                try await emit(response.json(suffix: "\n"))
            }))
}

@Sendable private func containerLogs(_ request: Request, _ backend: any Backend) async throws -> Response {
    let query = LogQuery(
        follow: request.query.bool("follow"), stdout: request.query.bool("stdout"), stderr: request.query.bool("stderr"),
        since: try request.query.instant("since").flatMap { $0 == Instant(seconds: 0) ? nil : $0 },
        until: try request.query.instant("until").flatMap { $0 == Instant(seconds: 0) ? nil : $0 },
        timestamps: request.query.bool("timestamps"),
        // As in Docker: `all`, nothing, and what is no number or negative mean all.
        tail: request.query["tail"].flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 })
    guard query.stdout || query.stderr else {
        throw TimberError(.invalidArgument, "Bad parameters: you must choose at least one stream")
    }
    let logs = try await backend.containerLogs(try request.container, query)
    return .stream(StreamedBody(contentType: request.streamType(isTerminal: logs.isTerminal), bytes: logs.bytes))
}

private func attach(_ request: Request, _ backend: any Backend, webSocket: WebSocketHandshake? = nil) async throws -> Response {
    let detachKeys = try DetachKeys.parse(request.query.nonEmpty("detachKeys") ?? DetachKeys.standard)
    let query = AttachQuery(
        stdin: request.query.bool("stdin"), stdout: request.query.bool("stdout"), stderr: request.query.bool("stderr"),
        logs: request.query.bool("logs"), stream: request.query.bool("stream"))
    let container = try request.container
    // Attached first: between the two nothing is lost, at worst something comes twice.
    var stream: AttachedStream?
    var isTerminal = false
    if query.stream {
        let attached = try await backend.attachContainer(container, query)
        isTerminal = attached.isTerminal
        stream = consume attached
    }
    var prelude: Producer<[UInt8]>?
    if query.logs {
        let logs = try await backend.containerLogs(container, LogQuery(stdout: query.stdout, stderr: query.stderr))
        isTerminal = logs.isTerminal
        prelude = logs.bytes
    }
    return .hijack(
        Hijack(
            contentType: request.streamType(isTerminal: isTerminal), stream: stream, prelude: prelude,
            detachKeys: isTerminal && query.stdin ? detachKeys : [],
            webSocket: webSocket.map { handshake in
                let opcode = request.version < APIVersion(major: 1, minor: 28) ? WebSocketOpcode.text : .binary
                return (handshake, WebSocketEncoder(opcode: opcode, isTerminal: isTerminal))
            }))
}

extension Request {
    /// The container that the path names.
    var container: String {
        get throws { try reference("container") }
    }

    /// Since API 1.42; before, the parameter was ignored.
    fileprivate var stopSignal: String? {
        version >= APIVersion(major: 1, minor: 42) ? query.nonEmpty("signal") : nil
    }

    /// `h` and `w`.
    var terminalSize: (rows: Int, columns: Int) {
        get throws {
            guard let rows = try query.integer("h"), let columns = try query.integer("w"), (0...65_535).contains(rows),
                (0...65_535).contains(columns)
            else { throw TimberError(.invalidArgument, "invalid terminal size: h and w must be numbers from 0 to 65535") }
            return (rows, columns)
        }
    }

    /// Docker's name of an output stream.
    func streamType(isTerminal: Bool) -> String {
        isTerminal || version < APIVersion(major: 1, minor: 42)
            ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream"
    }
}
