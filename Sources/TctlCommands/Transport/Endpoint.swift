internal import Glibc

/// The Unix socket of a daemon.
struct Endpoint: Equatable, Sendable {
    /// Where timberd listens when nothing else is said.
    static let standard = Endpoint(path: "/run/timber/timberd.sock")

    /// The socket's path in the file system.
    let path: String

    private init(path: String) {
        self.path = path
    }

    /// Reads `unix:///path` or an absolute path.
    /// - Throws: `CommandFailure` for other schemes and for paths that do not fit into a socket address.
    init(parsing text: String) throws {
        if text.hasPrefix("unix://") {
            path = String(text.dropFirst("unix://".count))
        } else if text.hasPrefix("/") {
            path = text
        } else {
            throw CommandFailure("tctl talks to a Unix socket only, not to \(Printable(text)); give --host unix:///PATH")
        }
        // sun_path has 108 bytes, one of them the zero at the end.
        if path.isEmpty || path.utf8.count > 107 || path.utf8.contains(0) {
            throw CommandFailure("the socket path in \(Printable(text)) must have 1 to 107 bytes")
        }
    }

    /// `--host`, then TIMBER_HOST, then DOCKER_HOST, then the standard path; an empty variable counts as absent.
    static func resolve(flag: String?, environment: (String) -> String?) throws -> Endpoint {
        for candidate in [flag, environment("TIMBER_HOST"), environment("DOCKER_HOST")] {
            if let candidate, !candidate.isEmpty { return try Endpoint(parsing: candidate) }
        }
        return standard
    }
}

/// Text from somebody else, safe to print in a message: control characters become visible, and it is cut at 300 characters.
struct Printable: CustomStringConvertible {
    let description: String

    init(_ text: String) {
        var safe = ""
        for scalar in text.unicodeScalars.prefix(300) {
            if Printable.isControl(scalar) {
                safe += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                safe.unicodeScalars.append(scalar)
            }
        }
        description = safe
    }

    /// C0, DEL, C1: what a terminal may take as a command.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (scalar.value >= 0x7F && scalar.value < 0xA0)
    }
}
