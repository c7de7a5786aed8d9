internal import FoundationEssentials

/// Who somebody is to one registry. Never printed: a description would end in a log.
public struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    let user: String
    let password: String
    /// A token that a token server gave for logging in; takes the place of a password.
    let identityToken: String?

    /// Name and password.
    public init(user: String, password: String) {
        self.user = user
        self.password = password
        identityToken = nil
    }

    /// A refresh token of OAuth 2.
    public init(identityToken: String) {
        user = ""
        password = ""
        self.identityToken = identityToken
    }

    /// The value of `Authorization` for the basic scheme (RFC 7617).
    var basic: String { "Basic " + Data("\(user):\(password)".utf8).base64EncodedString() }

    /// Says nothing.
    public var description: String { "credentials" }

    /// Says nothing.
    public var debugDescription: String { description }
}
