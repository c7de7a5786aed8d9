internal import DockerAPI
internal import Errors

/// A request as a handler sees it.
struct Request: Sendable {
    /// The version that the client asked for.
    var version: APIVersion
    /// Values of the route's variables, in order, decoded.
    var variables: [String]
    /// The query.
    var query: Query
    /// The value of `Content-Type`, without parameters, in lower case.
    var contentType: String?
    /// Who the client is to a registry, as `X-Registry-Auth` has it.
    var registryAuth: String?
    /// What to answer to a client that asks for a WebSocket; nil: it does not.
    var webSocket: WebSocketHandshake?
    /// The body, of routes that collect it.
    var body: [UInt8] = []
    /// The body, of routes that take it as it comes.
    var upload: UploadPipe?

    /// The JSON body.
    /// - Throws: `TimberError.invalidArgument`.
    func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let contentType {
            guard contentType == "application/json" else {
                throw TimberError(.invalidArgument, "unsupported Content-Type header (\(contentType)): must be 'application/json'")
            }
        } else if !body.isEmpty {
            throw TimberError(.invalidArgument, "malformed Content-Type header (): must be 'application/json'")
        }
        guard !body.isEmpty else { throw TimberError(.invalidArgument, "invalid JSON: got EOF while reading request body") }
        return try decodeJSON(type, from: body)
    }

    /// Who the client is to the registry that the request is about; nil: nobody.
    /// - Throws: `TimberError.invalidArgument`.
    func credentials() throws -> AuthConfig? {
        try registryAuth.flatMap { $0.isEmpty ? nil : try AuthConfig(header: $0) }
    }

    /// The container, exec instance or prefix of an id that the path names.
    /// - Throws: `TimberError.notFound` for what cannot be the name of anything.
    func reference(_ kind: String) throws -> String {
        let name = variables.first ?? ""
        let bytes = name.hasPrefix("/") ? name.utf8.dropFirst() : name.utf8[...]
        let valid =
            (1...255).contains(bytes.count) && bytes.first.map(Self.isAlphanumeric) == true
            && bytes.allSatisfy { Self.isAlphanumeric($0) || "_.-".utf8.contains($0) }
        guard valid else { throw TimberError(.notFound, "No such \(kind): \(printable(name))") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The image that the path names.
    /// - Throws: `TimberError.invalidArgument`.
    func imageName() throws -> String {
        let name = variables.first ?? ""
        guard !name.allSatisfy(\.isWhitespace) else { throw TimberError(.invalidArgument, "image name cannot be blank") }
        guard name.utf8.count <= 1_024, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TimberError(.invalidArgument, "invalid reference format: \(printable(name))")
        }
        return name
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private func printable(_ text: String) -> String {
        var cleaned = String(
            String.UnicodeScalarView(text.unicodeScalars.prefix(128).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
        if text.unicodeScalars.count > 128 { cleaned += "…" }
        return cleaned
    }
}
