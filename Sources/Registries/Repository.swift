internal import AsyncHTTPClient
internal import Errors
internal import FoundationEssentials
public import Layers
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// A repository in a registry, as one user sees it (OCI distribution-spec).
public final class Repository: Sendable {
    /// `library/busybox`.
    let path: String
    let own: Endpoint
    let mirrors: [Endpoint]
    let log: Logger

    init(path: String, own: Endpoint, mirrors: [Endpoint], log: Logger) {
        self.path = path
        self.own = own
        self.mirrors = mirrors
        self.log = log
    }

    /// What is reached under this name, for messages: `localhost:5000/web`.
    public var name: String { "\(own.name.name)/\(path)" }

    /// `localhost:5000`.
    public var registry: String { own.name.name }

    var pullScope: String { "repository:\(path):pull" }
    var pushScope: String { "repository:\(path):pull,push" }

    // MARK: Reading

    /// A document as the registry keeps it.
    public struct Manifest: Sendable {
        /// Byte for byte.
        public let bytes: [UInt8]
        /// What the registry calls it; empty when it does not say.
        public let mediaType: String
        /// Of the bytes.
        public let digest: Digest
    }

    /// Fetches a manifest or an index.
    /// - Parameters:
    ///   - reference: a tag or a digest.
    ///   - accepting: media types that the caller understands.
    /// - Throws: `TimberError.notFound`, `.permissionDenied`, `.unavailable`, `.corrupt` when it is not what the digest names.
    public func manifest(_ reference: String, accepting types: [String]) async throws -> Manifest {
        try await fromAny { endpoint in
            var question = Endpoint.Question(method: .GET, path: "\(self.path)/manifests/\(reference)", scope: self.pullScope)
            for type in types { question.headers.add(name: "Accept", value: type) }
            let what = "manifest for \(self.name)\(reference.contains(":") ? "@" : ":")\(reference)"
            let (response, bytes) = try await self.document(question, from: endpoint, what: what)
            guard response.status == .ok else { throw self.refusal(Answer(response, bytes), what) }
            let digest = Digest.sha256(of: bytes)
            if reference.contains(":"), reference != digest.description {
                throw TimberError(.corrupt, "registry \(endpoint.name.name) answered with \(digest) when asked for the \(what)")
            }
            return Manifest(bytes: bytes, mediaType: Self.mediaType(response), digest: digest)
        }
    }

    /// Fetches a small blob, a config.
    /// - Parameter size: as its descriptor says.
    /// - Throws: as `manifest`.
    public func document(_ digest: Digest, size: Int64) async throws -> [UInt8] {
        guard size >= 0, size <= Int64(Endpoint.documentLimit) else {
            throw TimberError(
                .invalidArgument, "\(digest) of \(name) has \(size) bytes, more than the limit of \(Endpoint.documentLimit) for a document")
        }
        return try await fromAny { endpoint in
            let question = Endpoint.Question(method: .GET, path: "\(self.path)/blobs/\(digest)", scope: self.pullScope)
            let what = "blob \(digest) of \(self.name)"
            let (response, bytes) = try await self.document(question, from: endpoint, what: what)
            guard response.status == .ok else { throw self.refusal(Answer(response, bytes), what) }
            let found = Digest.sha256(of: bytes)
            if found != digest {
                throw TimberError(.corrupt, "registry \(endpoint.name.name) answered with \(found) when asked for the \(what)")
            }
            return bytes
        }
    }

    /// The tags, in the registry's order.
    /// - Throws: `TimberError`.
    public func tags() async throws -> [String] {
        struct Wire: Decodable {
            var tags: [String]?
        }
        var tags: [String] = []
        var address: WebAddress?
        // More pages than any repository has.
        for _ in 0..<1000 {
            var question = Endpoint.Question(method: .GET, path: "\(path)/tags/list", scope: pullScope)
            question.address = address
            let (response, bytes) = try await document(question, from: own, what: "the tags of \(name)")
            guard response.status == .ok else { throw refusal(Answer(response, bytes), "the tags of \(name)") }
            let page: Wire = try Self.decode(bytes, "the tags of \(name)")
            tags += page.tags ?? []
            guard let next = try await own.nextPage(response) else { return tags }
            address = next
        }
        throw TimberError(.unavailable, "registry \(own.name.name) never ends its list of the tags of \(name)")
    }

    func document(
        _ question: Endpoint.Question, from endpoint: Endpoint, what: String
    ) async throws -> (HTTPClientResponse, [UInt8]) {
        let response = try await endpoint.ask(question)
        do {
            return (response, try await Answer.body(response, limit: Endpoint.documentLimit, what: what, await endpoint.currentOrigin))
        } catch let error as Unreachable {
            throw error.asTimberError
        }
    }

    /// Asks the mirrors, then the registry itself, whose failure counts.
    func fromAny<Value: Sendable>(_ body: (Endpoint) async throws -> Value) async throws -> Value {
        for mirror in mirrors {
            do {
                return try await body(mirror)
            } catch let error as TimberError {
                log.info("a mirror cannot help", metadata: ["mirror": "\(mirror.name.name)", "reason": "\(error)"])
            }
        }
        return try await body(own)
    }

    /// A refusal in Docker's words where it has any.
    func refusal(_ answer: Answer, _ what: String) -> TimberError {
        switch answer.status {
        case 404: TimberError(.notFound, "\(what) not found: \(answer.words)")
        case 401, 403:
            TimberError(
                .notFound, "pull access denied for \(name), repository does not exist or may require 'tctl login': \(answer.words)")
        default: answer.failure("cannot get the \(what)")
        }
    }

    private static func decode<Value: Decodable>(_ bytes: [UInt8], _ what: String) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(bytes))
        } catch {
            throw TimberError(.unavailable, "\(what): the registry's answer is not what it should be", cause: error)
        }
    }

    private static func mediaType(_ response: HTTPClientResponse) -> String {
        (response.headers.first(name: "Content-Type") ?? "").split(separator: ";").first.map { $0.filter { $0 != " " } } ?? ""
    }
}
