internal import AsyncHTTPClient
internal import Errors
internal import LinuxKernel
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Sends requests over TLS and proxies, within time limits; knows nothing of registries.
final class Transport: Sendable {
    private let proxies: ProxySettings
    private let timeouts: Timeouts
    /// One client a proxy, made when it is needed: connections are kept and used again.
    private let clients = Mutex<[WebAddress.Origin?: HTTPClient]>([:])

    /// How long to wait for what.
    struct Timeouts: Sendable {
        /// Until there is a connection.
        var connect: TimeAmount = .seconds(15)
        /// Between two pieces of an answer.
        var idle: TimeAmount = .seconds(60)
        /// Until an answer begins.
        var answer: TimeAmount = .seconds(120)
    }

    init(proxies: ProxySettings, timeouts: Timeouts = Timeouts()) {
        self.proxies = proxies
        self.timeouts = timeouts
    }

    private func client(to origin: WebAddress.Origin) -> HTTPClient {
        let proxy = proxies.proxy(to: origin)
        return clients.withLock { clients in
            if let client = clients[proxy] { return client }
            var configuration = HTTPClient.Configuration(
                redirectConfiguration: .disallow,
                timeout: .init(connect: timeouts.connect, read: timeouts.idle, write: timeouts.idle),
                proxy: proxy.map { .server(host: $0.host, port: $0.port) })
            // Several connections are faster than several streams of one, and fail one at a time.
            configuration.httpVersion = .http1Only
            configuration.connectionPool.retryConnectionEstablishment = false
            // As long as a pull is under way there is no pause like that.
            configuration.connectionPool.idleTimeout = .seconds(10)
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[proxy] = client
            return client
        }
    }

    /// Sends one request.
    /// - Returns: the answer whatever its status, its body not read yet.
    /// - Throws: `Unreachable`, `CancellationError`.
    func send(_ request: WebRequest) async throws -> HTTPClientResponse {
        var message = HTTPClientRequest(url: request.address.description)
        message.method = request.method
        message.headers = request.headers
        message.headers.replaceOrAdd(name: "User-Agent", value: "timber")
        message.body = request.body?()
        message.tlsConfiguration = request.tls
        do {
            return try await client(to: request.address.origin).execute(message, timeout: request.isLong ? .hours(24) : timeouts.answer)
        } catch {
            throw Self.failure(error, request.address.origin)
        }
    }

    /// What went wrong on the way.
    static func failure(_ error: any Error, _ origin: WebAddress.Origin) -> any Error {
        if error is CancellationError || error as? HTTPClientError == .cancelled { return CancellationError() }
        return Unreachable(error, origin)
    }

    /// Closes every connection.
    func shutdown() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in all {
            do {
                try await client.shutdown()
            } catch {
                // Already closed: nothing is left open.
            }
        }
    }
}

/// One request, which can be sent again.
struct WebRequest: Sendable {
    var method: HTTPMethod
    var address: WebAddress
    var headers = HTTPHeaders()
    var tls: TLSConfiguration?
    /// Makes the body, once a try.
    var body: (@Sendable () -> HTTPClientRequest.Body)?
    /// Its body takes as long as it takes; the pieces have their own time limit.
    var isLong = false

    init(_ method: HTTPMethod, _ address: WebAddress) {
        self.method = method
        self.address = address
    }
}

/// A request that got no answer, or not all of it.
struct Unreachable: Error, CustomStringConvertible {
    let origin: WebAddress.Origin
    let reason: String
    /// Whether it may be different in a moment.
    let mayPass: Bool

    init(_ reason: String, _ origin: WebAddress.Origin) {
        self.origin = origin
        self.reason = reason
        mayPass = true
    }

    init(_ error: any Error, _ origin: WebAddress.Origin) {
        self.origin = origin
        switch error {
        case let error as NIOConnectionError:
            reason = error.connectionErrors.first.map { Self.words($0.error) } ?? "the host \(error.host) has no address"
            mayPass = false
        case let error as HTTPClientError:
            mayPass = true
            switch error {
            case .connectTimeout: reason = "no connection within the time limit"
            case .readTimeout: reason = "it stopped answering"
            case .deadlineExceeded: reason = "no answer within the time limit"
            case .remoteConnectionClosed: reason = "it closed the connection"
            default: reason = "\(error)"
            }
        case NIOSSLError.handshakeFailed(let inner):
            reason = "no TLS connection: \(inner)"
            mayPass = false
        default:
            reason = Self.words(error)
            mayPass = true
        }
    }

    private static func words(_ error: any Error) -> String {
        if let error = error as? IOError { return SystemError(call: "connect", errno: error.errnoCode).reason }
        return "\(error)"
    }

    var description: String { "cannot reach \(origin): \(reason)" }

    var asTimberError: TimberError { TimberError(.unavailable, description) }
}
