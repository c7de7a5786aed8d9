internal import DockerAPI
internal import Errors

/// A request target taken apart: API version, path and query, each decoded exactly once.
struct Target: Sendable, Equatable {
    /// The version of the path's prefix; nil: none was given.
    var version: APIVersion?
    /// The path's parts behind the version, decoded; a part may contain any character but NUL.
    var path: [String]
    /// The query.
    var query: Query

    /// - Parameter text: the target as sent.
    /// - Throws: `TimberError`.
    init(_ text: String) throws {
        let bytes = text.utf8.prefix { $0 != UInt8(ascii: "#") }
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        query = try Query(mark.map { bytes[bytes.index(after: $0)...] } ?? bytes.suffix(0))
        // Cut before decoding: an encoded slash is part of a name and never a separator.
        var parts = bytes[..<(mark ?? bytes.endIndex)].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        if let first = parts.first, first.first == UInt8(ascii: "v"), first.dropFirst().first.map({ (0x30...0x39).contains($0) }) == true,
            first.dropFirst().allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") })
        {
            version = try Self.version(String(decoding: first.dropFirst(), as: UTF8.self))
            parts = parts.dropFirst()
        }
        path = try parts.map { try PercentEncoding.decode($0, plusIsSpace: false) }
    }

    private static func version(_ text: String) throws -> APIVersion {
        guard let version = APIVersion(text[...]) else { throw TimberError(.invalidArgument, "invalid API version \(text)") }
        if version < .oldest {
            throw TimberError(
                .invalidArgument,
                "client version \(version) is too old. Minimum supported API version is \(APIVersion.oldest), "
                    + "please upgrade your client to a newer version")
        }
        if version > .newest {
            throw TimberError(
                .invalidArgument, "client version \(version) is too new. Maximum supported API version is \(APIVersion.newest)")
        }
        return version
    }
}

enum PercentEncoding {
    /// Decodes once.
    /// - Throws: `TimberError.invalidArgument` for a broken escape, NUL, or what is no UTF-8.
    static func decode(_ bytes: some Sequence<UInt8>, plusIsSpace: Bool) throws -> String {
        var decoded: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = iterator.next().flatMap(Hexadecimal.value), let low = iterator.next().flatMap(Hexadecimal.value) else {
                    throw TimberError(.invalidArgument, "invalid percent-encoding in the request's target")
                }
                decoded.append(high << 4 | low)
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        guard !decoded.contains(0), let text = String(validating: decoded, as: UTF8.self) else {
            throw TimberError(.invalidArgument, "the request's target is not text")
        }
        return text
    }
}
