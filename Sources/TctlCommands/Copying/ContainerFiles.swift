internal import DockerAPI

/// Files of a container over the API.
struct ContainerFiles {
    let client: Client
    let container: String

    /// Looks at a path.
    /// - Throws: `APIError` with status 404 when there is nothing.
    func stat(_ path: String) throws -> ContainerPathStat {
        let exchange = try client.open(Request("HEAD", try ContainerPath.make(container, "/archive"), query: [("path", path)]))
        _ = try exchange.body()
        let stat = try Self.stat(try exchange.head())
        client.release(exchange)
        return stat
    }

    /// Opens a path as an archive.
    func archive(_ path: String) throws -> (exchange: Exchange, stat: ContainerPathStat) {
        let exchange = try client.open(.get(try ContainerPath.make(container, "/archive"), query: [("path", path)]))
        return (exchange, try Self.stat(try exchange.head()))
    }

    private static func stat(_ head: ResponseHead) throws -> ContainerPathStat {
        guard let text = head.field("x-docker-container-path-stat"), let bytes = Base64.decode(text) else {
            throw HTTPSyntaxError("no X-Docker-Container-Path-Stat")
        }
        return try JSONDecoding.read(ContainerPathStat.self, from: try JSONValue(parsing: bytes))
    }
}

extension ContainerPathStat {
    var kind: GoFileMode { GoFileMode(rawValue: mode) }
}
