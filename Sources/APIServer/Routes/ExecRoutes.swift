internal import DockerAPI
internal import Errors

/// `/containers/{id}/exec`, `/exec/…`.
let execRoutes: [Route] = [
    Route("POST", "/containers/{}/exec") { request, backend in
        let body = try request.json(ExecCreateRequest.self)
        guard body.cmd?.isEmpty == false else { throw TimberError(.invalidArgument, "no exec command specified") }
        if !body.detachKeys.isEmpty { _ = try DetachKeys.parse(body.detachKeys) }
        return .json(try await backend.createExec(container: try request.container, body), status: 201)
    },
    Route("POST", "/exec/{}/start", startExec),
    Route("POST", "/exec/{}/resize") { request, backend in
        let size = try request.terminalSize
        try await backend.resizeExec(try request.exec, rows: size.rows, columns: size.columns)
        return .empty(200)
    },
    Route("GET", "/exec/{}/json") { request, backend in .json(try await backend.inspectExec(try request.exec)) },
]

@Sendable private func startExec(_ request: Request, _ backend: any Backend) async throws -> Response {
    let body = try request.json(ExecStartRequest.self)
    guard body.consoleSize?.allSatisfy({ $0 >= 0 }) != false else {
        throw TimberError(.invalidArgument, "invalid ConsoleSize: expected rows and columns")
    }
    let id = try request.exec
    if body.detach {
        try await backend.startExecDetached(id)
        return .empty(200)
    }
    let instance = try await backend.inspectExec(id)
    let detachKeys = try DetachKeys.parse(instance.detachKeys.isEmpty ? DetachKeys.standard : instance.detachKeys)
    do {
        let stream = try await backend.startExecAttached(id, body)
        let isTerminal = stream.isTerminal
        return .hijack(
            Hijack(
                contentType: request.streamType(isTerminal: isTerminal), stream: stream, prelude: nil,
                detachKeys: isTerminal && instance.openStdin ? detachKeys : []))
    } catch let error as TimberError where error.code != .notFound && error.code != .conflict {
        // Docker has answered by then: the client reads the reason on the stream and the exit status (126, 127) by inspecting.
        let line = Array("\(error)\r\n".utf8)
        let bytes = instance.processConfig.tty ? line : StreamFrame.frame(.stderr, line)
        return .hijack(
            Hijack(
                contentType: request.streamType(isTerminal: instance.processConfig.tty), stream: nil,
                prelude: Producer { emit in try await emit(bytes) },
                detachKeys: []))
    }
}

extension Request {
    /// The exec instance that the path names.
    fileprivate var exec: String {
        get throws { try reference("exec instance") }
    }
}
