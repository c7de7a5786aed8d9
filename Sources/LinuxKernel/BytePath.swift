/// A path or file name as the kernel sees it: bytes without a NUL, in no particular encoding.
///
/// Names that come from an archive stay bytes all the way to the system call; `description` is for people only.
public struct BytePath: Hashable, Sendable, CustomStringConvertible {
    /// NUL-terminated, so that a system call needs no copy.
    private let storage: [UInt8]

    /// Takes bytes as a path.
    /// - Returns: nil when there is a NUL among them.
    public init?(_ bytes: some Collection<UInt8>) {
        if bytes.contains(0) { return nil }
        var storage: [UInt8] = []
        storage.reserveCapacity(bytes.count + 1)
        storage.append(contentsOf: bytes)
        storage.append(0)
        self.storage = storage
    }

    /// Takes a string's UTF-8 as a path, up to its first NUL.
    public init(_ string: String) {
        storage = Array(string.utf8.prefix { $0 != 0 }) + [0]
    }

    /// The bytes without the terminator.
    public var bytes: ArraySlice<UInt8> { storage.dropLast() }

    /// Whether there are no bytes at all.
    public var isEmpty: Bool { storage.count == 1 }

    /// Lends the path as a C string.
    public func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try storage.withUnsafeBytes { buffer in
            // Never empty: the terminator is always there.
            try body(buffer.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped)
        }
    }

    /// The path in printable characters: control characters and bytes that are not UTF-8 as `\xNN`, cut after 200 bytes.
    public var description: String { Self.printable(bytes) }

    /// Bytes of any origin as printable text for a message.
    public static func printable(_ bytes: some Collection<UInt8>) -> String {
        let shown = bytes.prefix(200)
        var text = ""
        if let string = String(validating: shown, as: UTF8.self), string.unicodeScalars.allSatisfy({ $0.properties.isPrintable }) {
            text = string
        } else {
            for byte in shown {
                switch byte {
                case 0x20...0x7e: text.unicodeScalars.append(Unicode.Scalar(byte))
                default: text += byte < 16 ? "\\x0" + String(byte, radix: 16) : "\\x" + String(byte, radix: 16)
                }
            }
        }
        return shown.count < bytes.count ? text + "…" : text
    }
}

extension Unicode.Scalar.Properties {
    /// Neither a control, format, surrogate, private-use or unassigned character nor a line or paragraph separator.
    fileprivate var isPrintable: Bool {
        switch generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
