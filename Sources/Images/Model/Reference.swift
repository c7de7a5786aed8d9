internal import Errors
public import Layers

/// A normalised image name: `docker.io/library/busybox:1`, with the grammar of Docker's reference library.
public struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// The registry: `docker.io`, `localhost`, `registry.example.com:5000`.
    public let domain: String
    /// The repository on the registry: `library/busybox`.
    public let path: String
    /// `1` in `busybox:1`.
    public let tag: String?
    /// What follows `@`.
    public let digest: Digest?

    /// Docker's own registry, left out of familiar names.
    private static let defaultDomain = "docker.io"
    private static let officialPrefix = "library/"

    private init(domain: String, path: String, tag: String?, digest: Digest?) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Parses what a person or an archive wrote.
    /// - Throws: `TimberError.invalidArgument` with Docker's words.
    public init(parsing text: String) throws {
        var rest = Substring(text)
        var digest: Digest?
        if let at = rest.lastIndex(of: "@") {
            digest = try Digest(String(rest[rest.index(after: at)...]))
            rest = rest[..<at]
        }
        if rest.utf8.count == 64, rest.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }) {
            throw TimberError(.invalidArgument, "invalid repository name (\(rest)), cannot specify 64-byte hexadecimal strings")
        }
        let (domain, remainder) = Self.splitDomain(rest)
        var path = remainder
        var tag: String?
        if let colon = remainder.lastIndex(of: ":") {
            tag = String(remainder[remainder.index(after: colon)...])
            path = remainder[..<colon]
        }
        guard Self.isDomain(domain) else { throw TimberError(.invalidArgument, "invalid reference format") }
        if path.utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5a }) {
            throw TimberError(.invalidArgument, "invalid reference format: repository name (\(path)) must be lowercase")
        }
        guard Self.isPath(path), tag.map(Self.isTag) ?? true else { throw TimberError(.invalidArgument, "invalid reference format") }
        if domain.utf8.count + 1 + path.utf8.count > 255 {
            throw TimberError(.invalidArgument, "repository name must not be more than 255 characters")
        }
        self.init(domain: String(domain), path: String(path), tag: tag, digest: digest)
    }

    /// `docker.io/library/busybox`.
    public var repository: String { "\(domain)/\(path)" }

    /// `busybox`.
    public var familiarRepository: String {
        guard domain == Self.defaultDomain else { return repository }
        return path.hasPrefix(Self.officialPrefix) ? String(path.dropFirst(Self.officialPrefix.count)) : path
    }

    /// `busybox:1`, as Docker prints it.
    public var familiar: String { familiarRepository + suffix }

    /// `docker.io/library/busybox:1`.
    public var description: String { repository + suffix }

    private var suffix: String { (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "") }

    /// With `:latest` if there is neither a tag nor a digest.
    public var taggedLatest: Reference {
        tag == nil && digest == nil ? with(tag: "latest") : self
    }

    /// The same repository with another tag and no digest.
    func with(tag: String) -> Reference {
        Reference(domain: domain, path: path, tag: tag, digest: nil)
    }

    /// The same repository with a digest and no tag.
    func with(digest: Digest) -> Reference {
        Reference(domain: domain, path: path, tag: nil, digest: digest)
    }

    /// The same name as another tool on this machine records it when it builds an image without a registry.
    var onLocalhost: Reference? {
        guard domain == Self.defaultDomain, path.hasPrefix(Self.officialPrefix) else { return nil }
        return Reference(domain: "localhost", path: String(path.dropFirst(Self.officialPrefix.count)), tag: tag, digest: digest)
    }

    // MARK: Grammar

    private static func splitDomain(_ name: Substring) -> (domain: Substring, rest: Substring) {
        if let slash = name.firstIndex(of: "/") {
            let first = name[..<slash]
            let isDomain = first.contains(".") || first.contains(":") || first == "localhost" || first.contains { $0.isUppercase }
            if isDomain {
                let rest = name[name.index(after: slash)...]
                let canonical = first == "index.docker.io" ? Substring(defaultDomain) : first
                return (canonical, canonical == defaultDomain && !rest.contains("/") ? Substring(officialPrefix + rest) : rest)
            }
            return (Substring(defaultDomain), name)
        }
        return (Substring(defaultDomain), Substring(officialPrefix + name))
    }

    /// Host name labels or a bracketed IPv6 address, and perhaps a port.
    private static func isDomain(_ text: Substring) -> Bool {
        var host = text.utf8[...]
        if host.first == UInt8(ascii: "[") {
            guard let close = host.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = host[host.index(after: host.startIndex)..<close]
            guard !address.isEmpty, address.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") }) else { return false }
            let rest = host[host.index(after: close)...]
            return rest.isEmpty || (rest.first == UInt8(ascii: ":") && isPort(rest.dropFirst()))
        }
        if let colon = host.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(host[host.index(after: colon)...]) else { return false }
            host = host[..<colon]
        }
        let labels = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            guard let first = label.first, let last = label.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last) && label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPort(_ text: Substring.UTF8View.SubSequence) -> Bool {
        !text.isEmpty && text.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    /// `component(/component)*`; a component is lower-case alphanumerics joined by one dot, one or two underscores, or dashes.
    private static func isPath(_ text: Substring) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
            let bytes = Array(component.utf8)
            guard let first = bytes.first, let last = bytes.last, isLower(first), isLower(last) else { return false }
            return bytes.split(omittingEmptySubsequences: true, whereSeparator: isLower).allSatisfy { separator in
                separator == [UInt8(ascii: ".")] || separator == [UInt8(ascii: "_")] || separator == [UInt8(ascii: "_"), UInt8(ascii: "_")]
                    || separator.allSatisfy { $0 == UInt8(ascii: "-") }
            }
        }
    }

    private static func isTag(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...128).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) || first == UInt8(ascii: "_") else {
            return false
        }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || (0x41...0x5a).contains(byte) }
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }
}
