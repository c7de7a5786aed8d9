internal import DockerAPI
internal import Errors

/// `/containers/{id}/archive`, `/changes`, `/export`.
let containerFileRoutes: [Route] = [
    Route("GET", "/containers/{}/changes") { request, backend in
        let changes = try await backend.containerChanges(try request.container)
        // Docker's client reads null as well as it reads a list, and this is what Docker sends.
        return changes.isEmpty ? .null : .json(changes, capacity: 64 + changes.count * 64)
    },
    Route("GET", "/containers/{}/export", whenAbandoned: .isCancelled) { request, backend in
        let bytes = try await backend.exportContainer(try request.container)
        return .stream(StreamedBody(contentType: "application/octet-stream", commit: .withFirstPiece, bytes: bytes))
    },
    Route("HEAD", "/containers/{}/archive") { request, backend in
        let stat = try await backend.containerPathStat(try request.container, path: try request.archivePath)
        var answer = WholeAnswer(status: 200)
        answer.headers = [(pathStatHeader, encoded(stat))]
        return .whole(answer)
    },
    Route("GET", "/containers/{}/archive", whenAbandoned: .isCancelled) { request, backend in
        let (stat, bytes) = try await backend.containerArchive(try request.container, path: try request.archivePath)
        return .stream(
            StreamedBody(
                contentType: "application/x-tar", headers: [(pathStatHeader, encoded(stat))], commit: .withFirstPiece, bytes: bytes))
    },
    Route("PUT", "/containers/{}/archive", body: .uploaded) { request, backend in
        guard let upload = request.upload else { throw TimberError(.internal, "the upload has no pipe") }
        let query = ArchiveQuery(
            path: try request.archivePath, keepsKinds: request.query.bool("noOverwriteDirNonDir"),
            takesUser: request.query.bool("copyUIDGID"))
        try await backend.extractArchive(try upload.takeReadEnd(), into: try request.container, query)
        return .empty(200)
    },
]

private let pathStatHeader = "X-Docker-Container-Path-Stat"

private func encoded(_ stat: ContainerPathStat) -> String {
    Base64.encode(stat.json(suffix: ""))
}

extension Request {
    fileprivate var archivePath: String {
        get throws {
            guard let path = query.nonEmpty("path") else { throw TimberError(.invalidArgument, "bad parameter: path cannot be empty") }
            return path
        }
    }
}
