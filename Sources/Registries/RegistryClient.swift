internal import Errors
public import Logging

/// The client side of every registry (OCI distribution-spec): connections, certificates and what is known of each registry.
///
/// Every method may be called from any task.
public final class RegistryClient: Sendable {
    let configuration: RegistryConfiguration
    let transport: Transport
    let log: Logger

    /// Makes a client; nothing is sent yet.
    /// - Parameters:
    ///   - configuration: how to reach which registry.
    ///   - environment: of this process, for proxies.
    ///   - log: where to report mirrors that fail.
    /// - Throws: `TimberError.invalidArgument` for a proxy that is no address.
    public convenience init(configuration: RegistryConfiguration, environment: [String: String], log: Logger) throws {
        self.init(configuration, Transport(proxies: try ProxySettings(environment: environment)), log)
    }

    init(_ configuration: RegistryConfiguration, _ transport: Transport, _ log: Logger) {
        self.configuration = configuration
        self.transport = transport
        self.log = log
    }

    /// One repository, as one user sees it.
    /// - Parameters:
    ///   - registry: as image names have it, `docker.io`, `localhost:5000`.
    ///   - path: `library/busybox`.
    ///   - credentials: nil: anonymous.
    public func repository(_ registry: String, _ path: String, credentials: Credentials?) throws -> Repository {
        let name = RegistryName(name: registry)
        let own = try endpoint(name, credentials: credentials)
        let mirrors = try (configuration.mirrors[registry] ?? []).map { text -> Endpoint in
            let origin = try WebAddress(text).origin
            let name = RegistryName(name: origin.authority)
            return Endpoint(
                name, origins: [origin], tls: try Certificates(directory: configuration.certificates, of: name).configuration,
                tokenServers: [], credentials: nil, transport: transport)
        }
        return Repository(path: path, own: own, mirrors: mirrors, log: log)
    }

    /// Tries credentials.
    /// - Throws: `TimberError.permissionDenied` when the registry does not take them, `.unavailable`.
    public func login(to registry: String, _ credentials: Credentials) async throws {
        let endpoint = try endpoint(RegistryName(name: registry), credentials: credentials)
        let response = try await endpoint.ask(Endpoint.Question(method: .GET, path: "", scope: ""))
        if response.status == .ok { return }
        let answer: Answer
        do {
            let origin = await endpoint.currentOrigin
            answer = Answer(response, try await Answer.body(response, limit: 64 << 10, what: "the answer of \(origin)", origin))
        } catch let error as Unreachable {
            throw error.asTimberError
        }
        throw answer.failure("cannot log in to \(registry)")
    }

    private func endpoint(_ name: RegistryName, credentials: Credentials?) throws -> Endpoint {
        let certificates = try Certificates(directory: configuration.certificates, of: name).configuration
        var origins = [try WebAddress("https://\(name.authority)").origin]
        var tls = certificates
        // Whoever gave certificates for a registry wants it to show one.
        if certificates == nil && (configuration.insecure.contains(name.name) || name.isLoopback) {
            tls = Certificates.unverified
            origins.append(try WebAddress("http://\(name.authority)").origin)
        }
        return Endpoint(
            name, origins: origins, tls: tls,
            tokenServers: name.knownTokenServers.union(configuration.tokenServers[name.name] ?? []), credentials: credentials,
            transport: transport)
    }

    /// Closes every connection.
    public func shutdown() async {
        await transport.shutdown()
    }
}
