internal import AsyncHTTPClient
internal import Errors
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// One server that answers for a registry, and the right to ask it: finds out how it wants to be asked, and asks again as it says.
actor Endpoint {
    nonisolated let name: RegistryName
    private nonisolated let tls: TLSConfiguration?
    private nonisolated let tokenServers: Set<String>
    private nonisolated let credentials: Credentials?
    private nonisolated let transport: Transport

    /// Where it may answer, the best first; one is left when it is known.
    private var origins: [WebAddress.Origin]
    /// The value of `Authorization` by scope.
    private var authorizations: [String: String] = [:]

    /// A request may be sent so often before its failure counts.
    private static let tries = 5
    private static let redirectLimit = 5
    static let documentLimit = 4 << 20

    init(
        _ name: RegistryName, origins: [WebAddress.Origin], tls: TLSConfiguration?, tokenServers: Set<String>,
        credentials: Credentials?, transport: Transport
    ) {
        self.name = name
        self.origins = origins
        self.tls = tls
        self.tokenServers = tokenServers
        self.credentials = credentials
        self.transport = transport
    }

    /// One question to a registry.
    struct Question: Sendable {
        var method: HTTPMethod
        /// Below `/v2/`, encoded.
        var path: String
        var query: [(name: String, value: String)] = []
        /// `repository:library/busybox:pull`.
        var scope: String
        var headers = HTTPHeaders()
        var body: (@Sendable () -> HTTPClientRequest.Body)?
        var isLong = false
        /// Where to send it instead, because the registry said so.
        var address: WebAddress?
    }

    // MARK: Asking

    /// Asks, with whatever the registry wants to see first; asks again after failures that pass.
    /// - Returns: the answer, whatever its status is but 401 and those that pass; its body is not read yet.
    /// - Throws: `TimberError`, `CancellationError`.
    func ask(_ question: Question) async throws -> HTTPClientResponse {
        var attempt = 0
        while true {
            attempt += 1
            do {
                let response = try await askOnce(question)
                let canRepeat = question.method == .GET || question.method == .HEAD
                guard let pause = Retry.pause(after: response, attempt: attempt), canRepeat, attempt < Self.tries else { return response }
                try await discard(response)
                try await Task.sleep(for: pause)
            } catch let error as Unreachable {
                guard error.mayPass, attempt < Self.tries, question.body == nil else { throw error.asTimberError }
                try await Task.sleep(for: Retry.pause(attempt: attempt))
            }
        }
    }

    private func askOnce(_ question: Question) async throws -> HTTPClientResponse {
        let origin = try await origin()
        let address = question.address ?? WebAddress(origin, target: "/v2/" + question.path).adding(question.query)
        var request = WebRequest(question.method, address)
        request.headers = question.headers
        request.body = question.body
        request.isLong = question.isLong
        request.tls = address.origin == origin ? tls : nil
        let sent = authorizations[question.scope]
        let response = try await follow(request, from: origin, authorization: sent)
        guard response.status == .unauthorized, address.origin == origin else { return response }
        // Another question of the same kind may have found out meanwhile.
        if let known = authorizations[question.scope], known != sent {
            try await discard(response)
            return try await follow(request, from: origin, authorization: known)
        }
        guard
            let authorization = try await authorize(
                Challenge.parse(response.headers["WWW-Authenticate"]), scope: question.scope, sent: sent)
        else {
            return response
        }
        try await discard(response)
        authorizations[question.scope] = authorization
        return try await follow(request, from: origin, authorization: authorization)
    }

    /// Sends a request and goes where the answer leads. What proves who we are stays with the origin it is for (GHSA-mx96-5vvg-x2mg).
    private func follow(
        _ first: WebRequest, from home: WebAddress.Origin, authorization: String?
    ) async throws -> HTTPClientResponse {
        var request = first
        for _ in 0...Self.redirectLimit {
            request.headers.remove(name: "Authorization")
            if request.address.origin == home, let authorization { request.headers.add(name: "Authorization", value: authorization) }
            let response = try await transport.send(request)
            guard [301, 302, 303, 307, 308].contains(response.status.code), request.method == .GET || request.method == .HEAD,
                let location = response.headers.first(name: "Location")
            else { return response }
            try await discard(response)
            request.address = try Self.address(location, from: request.address)
            request.tls = request.address.origin == home ? tls : nil
        }
        throw TimberError(.unavailable, "\(home) leads from one address to the next, more than \(Self.redirectLimit) times")
    }

    /// Where an answer leads.
    /// - Throws: `TimberError.permissionDenied` when that would no longer be encrypted.
    static func address(_ location: String, from current: WebAddress) throws -> WebAddress {
        let next = try WebAddress(location, relativeTo: current)
        if current.origin.isSecure && !next.origin.isSecure {
            throw TimberError(.permissionDenied, "\(current.origin) leads to \(next.origin), which is not encrypted: refused")
        }
        return next
    }

    /// Where it answers, as far as that is known.
    var currentOrigin: WebAddress.Origin {
        origins.first ?? WebAddress.Origin(isSecure: true, host: name.host, port: 443)
    }

    /// The address of the next page of a list (RFC 8288, `rel="next"`).
    func nextPage(_ response: HTTPClientResponse) throws -> WebAddress? {
        guard let link = response.headers.first(name: "Link"), link.contains("rel=\"next\""), let open = link.firstIndex(of: "<"),
            let close = link.firstIndex(of: ">"), open < close
        else { return nil }
        let next = try WebAddress(
            String(link[link.index(after: open)..<close]), relativeTo: WebAddress(currentOrigin, target: "/v2/"))
        if next.origin != currentOrigin {
            throw TimberError(.permissionDenied, "registry \(name.name) continues its list at \(next.origin): refused")
        }
        return next
    }

    /// Finds out where it answers.
    private func origin() async throws -> WebAddress.Origin {
        guard origins.count > 1 else {
            guard let only = origins.first else { throw TimberError(.internal, "registry \(name.name) has no address") }
            return only
        }
        var failure: Unreachable?
        for origin in origins {
            var request = WebRequest(.GET, WebAddress(origin, target: "/v2/"))
            request.tls = tls
            do {
                try await discard(try await transport.send(request))
                origins = [origin]
                return origin
            } catch let error as Unreachable {
                failure = error
            }
        }
        throw failure ?? TimberError(.internal, "registry \(name.name) has no address")
    }

    /// Reads an answer to its end, so that the connection can be used again; a long one is cut.
    private func discard(_ response: HTTPClientResponse) async throws {
        var rest = 64 << 10
        do {
            for try await piece in response.body {
                rest -= piece.readableBytes
                if rest < 0 { return }
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // The status said everything.
        }
    }

    // MARK: Proving who we are

    /// - Returns: the value of `Authorization`; nil when there is nothing that could help.
    private func authorize(_ challenges: [Challenge], scope: String, sent: String?) async throws -> String? {
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) { return try await token(bearer, scope: scope) }
        if challenges.contains(where: { $0.scheme == "basic" }), let credentials, credentials.identityToken == nil {
            // Sent before: they are wrong.
            return sent == credentials.basic ? nil : credentials.basic
        }
        return nil
    }

    /// Fetches a token (distribution: token authentication; OAuth 2 with an identity token).
    private func token(_ challenge: Challenge, scope: String) async throws -> String {
        guard let realm = challenge.parameters["realm"] else {
            throw TimberError(.unavailable, "registry \(name.name) asks for a token and does not say where to get it")
        }
        let server = try WebAddress(realm)
        let origin = try await origin()
        if origin.isSecure && !server.origin.isSecure {
            throw TimberError(
                .permissionDenied, "registry \(name.name) gives its tokens at \(server.origin), which is not encrypted: refused")
        }
        let isTrusted = server.origin == origin || (server.origin.isSecure && tokenServers.contains(server.origin.authority))
        if credentials != nil && !isTrusted {
            throw TimberError(
                .permissionDenied,
                "registry \(name.name) wants its password at \(server.origin.authority): if that is right, add it to \"token-servers\" of the registries' configuration"
            )
        }
        var request = WebRequest(.GET, server)
        request.tls = server.origin == origin ? tls : nil
        var parameters = scope.split(separator: " ").map { (name: "scope", value: String($0)) }
        if let service = challenge.parameters["service"] { parameters.append((name: "service", value: service)) }
        if let token = credentials?.identityToken {
            request.method = .POST
            parameters = scope.isEmpty ? [] : [(name: "scope", value: scope)]
            if let service = challenge.parameters["service"] { parameters.append((name: "service", value: service)) }
            parameters += [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "timber")]
            let form = parameters.map { "\(WebAddress.escaped($0.name))=\(WebAddress.escaped($0.value))" }.joined(separator: "&")
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = { .bytes(ByteBuffer(string: form)) }
        } else {
            request.address = server.adding(parameters)
            if let credentials { request.headers.add(name: "Authorization", value: credentials.basic) }
        }
        let response = try await transport.send(request)
        let body = try await Answer.body(response, limit: 1 << 20, what: "the token of \(server.origin)", server.origin)
        guard response.status == .ok else {
            throw Answer(response, body).failure("cannot get a token for \(name.name) at \(server.origin.authority)")
        }
        struct Wire: Decodable {
            var token: String?
            var access_token: String?
        }
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(body)), let token = wire.token ?? wire.access_token,
            !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else {
            throw TimberError(.unavailable, "\(server.origin) answered without a token for registry \(name.name)")
        }
        return "Bearer \(token)"
    }
}
