internal import Crypto
internal import Errors

/// A sha256 content address, `sha256:` and 64 lower-case hexadecimal digits.
///
/// There is no other way to make one than by validation or by hashing, so a digest may be used as a file name.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The 64 digits.
    public let hex: String

    /// Validates a digest as written in a manifest, a config or a reference.
    /// - Throws: `TimberError.invalidArgument` for anything but a well-formed sha256.
    public init(_ text: String) throws {
        let prefix = "sha256:"
        guard text.utf8.starts(with: prefix.utf8) else {
            if ["sha512:", "sha384:", "blake3:"].contains(where: text.hasPrefix) {
                throw TimberError(.unsupported, "digest \"\(Self.shown(text))\": only sha256 is supported")
            }
            throw TimberError(.invalidArgument, "invalid digest \"\(Self.shown(text))\": must be sha256: and 64 hexadecimal digits")
        }
        try self.init(hex: String(text.dropFirst(prefix.count)))
    }

    /// Validates the digits alone, as in a file name.
    /// - Throws: `TimberError.invalidArgument`.
    public init(hex: String) throws {
        let digits = hex.utf8
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }
        guard digits.count == 64, digits.allSatisfy(isDigit) else {
            throw TimberError(
                .invalidArgument, "invalid digest \"sha256:\(Self.shown(hex))\": must be sha256: and 64 lower-case hexadecimal digits")
        }
        self.hex = hex
    }

    private init(unchecked hash: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in hash {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        hex = String(decoding: text, as: UTF8.self)
    }

    /// Hashes bytes that are in memory.
    public static func sha256(of bytes: some Sequence<UInt8>) -> Digest {
        Digest(unchecked: SHA256.hash(data: Array(bytes)))
    }

    /// The first 12 digits, for people.
    public var short: String { String(hex.prefix(12)) }

    /// `sha256:<hex>`.
    public var description: String { "sha256:" + hex }

    /// By the digits.
    public static func < (left: Digest, right: Digest) -> Bool { left.hex < right.hex }

    /// The chain id of a layer on top of a chain (OCI image-spec, config.md, "Layer ChainID").
    /// - Parameters:
    ///   - parent: the chain id of what lies below, nil for the lowest layer.
    ///   - diffID: the layer's diff id.
    public static func chainID(parent: Digest?, diffID: Digest) -> Digest {
        guard let parent else { return diffID }
        return sha256(of: "\(parent) \(diffID)".utf8)
    }

    /// At most 80 characters of text that an image chose.
    private static func shown(_ text: String) -> String {
        text.count > 80 ? text.prefix(80) + "…" : text
    }

    /// A running hash.
    public struct Hasher: Sendable {
        private var hash = SHA256()

        /// Makes an empty hash.
        public init() {}

        /// Adds bytes.
        public mutating func update(_ bytes: UnsafeRawBufferPointer) {
            hash.update(bufferPointer: bytes)
        }

        /// The digest of everything added.
        public func digest() -> Digest {
            Digest(unchecked: hash.finalize())
        }
    }
}
