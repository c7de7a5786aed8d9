/// The one public error of Timber: what kind, what happened to which object, and what caused it.
///
/// Messages are lower case, without a full stop, name the object, and say what to do next where there is something to do.
/// The code, not the text, is what programs compare and what is stored.
public struct TimberError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure; `DockerAPI` maps it to an HTTP status, `tctl` to an exit status.
    public enum Code: String, Sendable, Codable, CaseIterable {
        /// The request is malformed or asks for something impossible (400).
        case invalidArgument
        /// The object does not exist (404).
        case notFound
        /// The object exists already, is in use, or is in a state that does not allow the operation (409).
        case conflict
        /// Nothing to do: already started, already stopped (304).
        case notModified
        /// The caller may not do this (403).
        case permissionDenied
        /// Timber does not do this; the message says which option (400; Docker answers 501 for none of these).
        case unsupported
        /// The command does not exist in the container (Docker: 400, exit status 127).
        case commandNotFound
        /// The command cannot be executed (Docker: 400, exit status 126).
        case commandNotExecutable
        /// Something outside failed or took too long (503).
        case unavailable
        /// Content does not match its digest, or stored state cannot be read (500).
        case corrupt
        /// A bug or a system call that should not fail (500).
        case `internal`
    }

    /// What kind of failure.
    public let code: Code
    /// What happened, to which object, and what to do next.
    public let message: String
    /// What it was caused by, as text; printed after the message.
    public let cause: String?

    /// Makes an error.
    /// - Parameters:
    ///   - code: what kind.
    ///   - message: lower case, no full stop, names the object.
    ///   - cause: the underlying error, rendered with its `description`.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause.map { "\($0)" }
    }

    /// `message: cause`.
    public var description: String {
        if let cause { return "\(message): \(cause)" }
        return message
    }
}
