internal import Errors

/// Who a client is to a registry: the body of `POST /auth` and, in URL-safe base64, the header `X-Registry-Auth`.
public struct AuthConfig: WireObject, CustomStringConvertible {
    /// The user's name.
    public var username: String = ""
    /// The password.
    public var password: String = ""
    /// Name and password as `config.json` keeps them: base64 of `name:password`.
    public var auth: String = ""
    /// Which registry it is for.
    public var serveraddress: String = ""
    /// A refresh token, instead of a password.
    public var identitytoken: String = ""
    /// A token for the registry itself.
    public var registrytoken: String = ""

    /// Nobody.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("username", &username, empty: .omitted)
        try coder.field("password", &password, empty: .omitted)
        try coder.field("auth", &auth, empty: .omitted)
        try coder.field("serveraddress", &serveraddress, empty: .omitted)
        try coder.field("identitytoken", &identitytoken, empty: .omitted)
        try coder.field("registrytoken", &registrytoken, empty: .omitted)
    }

    /// Reads the header.
    /// - Throws: `TimberError.invalidArgument`; the message does not repeat what was sent.
    public init(header: String) throws {
        // Clients differ in alphabet and padding.
        var text = header.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }.filter { $0 != "=" }
        while text.count % 4 != 0 { text.append("=") }
        guard let bytes = Base64.decode(String(text)) else {
            throw TimberError(.invalidArgument, "the header X-Registry-Auth is not base64")
        }
        if bytes.isEmpty {
            self.init()
            return
        }
        do {
            self = try decodeJSON(AuthConfig.self, from: bytes)
        } catch {
            throw TimberError(.invalidArgument, "the header X-Registry-Auth is not the JSON that it should be")
        }
        try completed()
    }

    /// The value of the header.
    public var header: String {
        Base64.encode(json()).map { $0 == "+" ? "-" : $0 == "/" ? "_" : String($0) }.joined()
    }

    /// Takes name and password out of `auth`.
    /// - Throws: `TimberError.invalidArgument`.
    private mutating func completed() throws {
        guard username.isEmpty, password.isEmpty, !auth.isEmpty else { return }
        guard let bytes = Base64.decode(auth), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw TimberError(.invalidArgument, "\"auth\" in the header X-Registry-Auth is not base64 of name:password")
        }
        username = String(decoding: bytes[..<colon], as: UTF8.self)
        password = String(decoding: bytes[(colon + 1)...], as: UTF8.self)
    }

    /// Not what it has in it: a description would end in a log.
    public var description: String { "AuthConfig(\(serveraddress))" }
}

/// Answer of `POST /auth`.
public struct AuthResponse: WireObject {
    /// `Login Succeeded`.
    public var status: String = ""
    /// To be kept instead of the password, where the registry gives one.
    public var identityToken: String = ""

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Status", &status)
        try coder.field("IdentityToken", &identityToken)
    }
}

/// What a push made, for programs.
public struct PushResult: WireObject {
    /// The tag in the registry.
    public var tag: String = ""
    /// Of the manifest.
    public var digest: String = ""
    /// Of the manifest, bytes.
    public var size: Int = 0

    /// Makes one.
    public init(tag: String, digest: String, size: Int) {
        self.tag = tag
        self.digest = digest
        self.size = size
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Tag", &tag)
        try coder.field("Digest", &digest)
        try coder.field("Size", &size)
    }
}

/// Answer of `GET /distribution/{name}/json`.
public struct DistributionInspect: WireObject {
    /// What the name stands for.
    public var descriptor = DistributionDescriptor()
    /// What it can run on.
    public var platforms: [DistributionPlatform] = []

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Descriptor", &descriptor)
        try coder.field("Platforms", &platforms)
    }
}

/// A manifest or an index in a registry.
public struct DistributionDescriptor: WireObject {
    /// What it is.
    public var mediaType: String = ""
    /// Of its bytes.
    public var digest: String = ""
    /// Bytes.
    public var size: Int64 = 0

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("mediaType", &mediaType)
        try coder.field("digest", &digest)
        try coder.field("size", &size)
    }
}

/// What an image runs on.
public struct DistributionPlatform: WireObject {
    /// `amd64`.
    public var architecture: String = ""
    /// `linux`.
    public var os: String = ""
    /// `v8`.
    public var variant: String = ""

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("architecture", &architecture)
        try coder.field("os", &os)
        try coder.field("variant", &variant, empty: .omitted)
    }
}
