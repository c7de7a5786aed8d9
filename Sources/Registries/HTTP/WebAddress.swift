internal import Errors
internal import FoundationEssentials

/// An `http` or `https` address that somebody gave us: a redirect, an upload's location, a token server.
struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// Scheme, host and port: who gets to see what is sent.
    struct Origin: Hashable, Sendable, CustomStringConvertible {
        var isSecure: Bool
        /// Lower case; an IPv6 address in brackets.
        var host: String
        var port: Int

        /// `host`, or `host:port` where the port is not the scheme's.
        var authority: String { port == (isSecure ? 443 : 80) ? host : "\(host):\(port)" }

        var description: String { "\(isSecure ? "https" : "http")://\(authority)" }
    }

    let origin: Origin
    /// From the first slash on, with the query, without a fragment; encoded.
    private(set) var target: String

    init(_ origin: Origin, target: String) {
        self.origin = origin
        self.target = target
    }

    /// Reads an address that a server sent.
    /// - Parameters:
    ///   - text: absolute, or relative to `base`.
    ///   - base: where it was said.
    /// - Throws: `TimberError.invalidArgument` for anything but http and https, for a user name in it, and for what is no address.
    init(_ text: String, relativeTo base: WebAddress? = nil) throws {
        let shown = text.prefix(200)
        let invalid = TimberError(.invalidArgument, "\"\(shown)\" is not a web address")
        guard text.utf8.count <= 16 << 10, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }),
            let url = URL(string: text, relativeTo: try base.map { try $0.url() })?.absoluteURL,
            let scheme = url.scheme?.lowercased(), let host = url.host(percentEncoded: true)?.lowercased(), !host.isEmpty
        else { throw invalid }
        guard scheme == "https" || scheme == "http" else {
            throw TimberError(.invalidArgument, "\"\(shown)\" is neither an http nor an https address")
        }
        if url.user(percentEncoded: true) != nil || url.password(percentEncoded: true) != nil {
            throw TimberError(.invalidArgument, "the address of \(host) has a user name in it")
        }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        guard (1...65535).contains(port) else { throw invalid }
        origin = Origin(isSecure: scheme == "https", host: host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host, port: port)
        let path = url.path(percentEncoded: true)
        target = (path.isEmpty ? "/" : path) + (url.query(percentEncoded: true).map { "?" + $0 } ?? "")
    }

    private func url() throws -> URL {
        guard let url = URL(string: description) else { throw TimberError(.internal, "\(description) is not a web address") }
        return url
    }

    /// The same with more parameters in its query.
    func adding(_ parameters: [(name: String, value: String)]) -> WebAddress {
        var copy = self
        for (name, value) in parameters {
            copy.target += (copy.target.contains("?") ? "&" : "?") + "\(Self.escaped(name))=\(Self.escaped(value))"
        }
        return copy
    }

    /// Everything but the unreserved characters of RFC 3986 as `%XX`.
    static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            if isPlain || "-._~".utf8.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }

    var description: String { origin.description + target }
}
