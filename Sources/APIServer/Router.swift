internal import DockerAPI
internal import Errors

/// What a handler does: a request in, an answer out.
typealias Handler = @Sendable (Request, any Backend) async throws -> Response

/// One endpoint.
struct Route: Sendable {
    /// What happens to the request's body.
    enum Body: Sendable {
        /// Read whole, up to the limit.
        case collected
        /// Goes into a pipe as it comes.
        case uploaded
    }

    /// Whether work goes on when its client goes away.
    enum Abandoned: Sendable {
        /// It changes something: it goes on to its end.
        case finishes
        /// Nobody else wants its result: it is cancelled.
        case isCancelled
    }

    fileprivate enum Part: Sendable {
        case literal(String)
        /// One part of the path.
        case variable
        /// One or more parts: an image's name has slashes.
        case rest
    }

    fileprivate var method: String
    fileprivate var pattern: [Part]
    var body: Body
    var abandoned: Abandoned
    var handler: Handler

    /// - Parameters:
    ///   - method: `GET`, …
    ///   - pattern: the path behind the version; `{}` is one part, `{...}` one or more.
    init(
        _ method: String, _ pattern: String, body: Body = .collected, whenAbandoned abandoned: Abandoned = .finishes,
        _ handler: @escaping Handler
    ) {
        self.method = method
        self.pattern = pattern.split(separator: "/").map {
            switch $0 {
            case "{}": .variable
            case "{...}": .rest
            default: .literal(String($0))
            }
        }
        self.body = body
        self.abandoned = abandoned
        self.handler = handler
    }

    /// `GET /containers/{}/json`.
    fileprivate var endpoint: String {
        let path = pattern.map { part in
            switch part {
            case .literal(let text): "/\(text)"
            case .variable, .rest: "/{}"
            }
        }
        return "\(method) \(path.joined())"
    }

    /// The variables' values when the path fits.
    fileprivate func match(_ path: [String]) -> [String]? {
        guard let rest = pattern.firstIndex(where: { if case .rest = $0 { true } else { false } }) else {
            return pattern.count == path.count ? Self.match(pattern[...], path[...]) : nil
        }
        let behind = pattern.count - rest - 1
        let count = path.count - rest - behind
        guard count >= 1 else { return nil }
        guard let before = Self.match(pattern[..<rest], path[..<rest]),
            let after = Self.match(pattern[(rest + 1)...], path[(rest + count)...])
        else { return nil }
        return before + [path[rest..<rest + count].joined(separator: "/")] + after
    }

    private static func match(_ pattern: ArraySlice<Part>, _ path: ArraySlice<String>) -> [String]? {
        var variables: [String] = []
        for (part, text) in zip(pattern, path) {
            switch part {
            case .literal(let literal): guard literal == text else { return nil }
            case .variable, .rest: variables.append(text)
            }
        }
        return variables
    }
}

/// The one table of endpoints; the first that fits is taken, so fixed paths stand before variables.
struct Router: Sendable {
    private let routes: [Route]

    init(
        _ routes: [Route] = systemRoutes + containerRoutes + containerFileRoutes + execRoutes + imageRoutes + networkRoutes + volumeRoutes
            + refusedRoutes
    ) {
        self.routes = routes
    }

    /// Every endpoint, as `GET /containers/{}/json`.
    var endpoints: [String] { routes.map(\.endpoint) }

    /// Finds the endpoint of a request.
    /// - Throws: `TimberError.notFound`.
    func route(method: String, path: [String]) throws -> (route: Route, variables: [String]) {
        for route in routes where route.method == method {
            if let variables = route.match(path) { return (route, variables) }
        }
        throw TimberError(.notFound, "page not found")
    }
}
