internal import Errors

/// The keys that leave a terminal and let the process run on.
enum DetachKeys {
    /// Docker's default.
    static let standard = "ctrl-p,ctrl-q"

    /// Reads `ctrl-p,ctrl-q`, `a,b`, `DEL`.
    /// - Returns: the bytes that those keys send.
    /// - Throws: `TimberError.invalidArgument`.
    static func parse(_ text: String) throws -> [UInt8] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { key in
            let bytes = Array(key.utf8)
            if bytes.count == 1 { return bytes[0] }
            if key.lowercased() == "del" { return 0x7F }
            if bytes.count == 6, key.lowercased().hasPrefix("ctrl-") {
                switch bytes[5] {
                case 0x61...0x7A: return bytes[5] - 0x60
                case UInt8(ascii: "@"), 0x5B...0x5F: return bytes[5] & 0x1F
                default: break
                }
            }
            throw TimberError(
                .invalidArgument, "invalid detach keys (\(text)): \(key) is neither one character nor ctrl-a to ctrl-z, ctrl-@, ctrl-[")
        }
    }
}

/// Looks for the detach keys in what a terminal's user types, and holds back what may be their beginning.
struct DetachScanner: Sendable {
    private let keys: [UInt8]
    private var matched = 0

    init(keys: [UInt8]) {
        self.keys = keys
    }

    /// Takes the next bytes.
    /// - Returns: the bytes to pass on, and whether the keys were found; nothing behind them is passed on.
    mutating func scan(_ bytes: some Collection<UInt8>) -> (passed: [UInt8], detached: Bool) {
        var passed: [UInt8] = []
        passed.reserveCapacity(bytes.count)
        for byte in bytes {
            while true {
                if byte == keys[matched] {
                    matched += 1
                    if matched == keys.count { return (passed, true) }
                    break
                }
                if matched == 0 {
                    passed.append(byte)
                    break
                }
                // What was held back was not the keys; its first byte is passed on and the rest looked at again.
                let held = keys[..<matched]
                passed.append(held[0])
                matched = Self.overlap(held.dropFirst(), keys)
                let released = held.count - 1 - matched
                passed.append(contentsOf: held.dropFirst().prefix(released))
            }
        }
        return (passed, false)
    }

    /// How many bytes at the end of `text` are a beginning of `keys`.
    private static func overlap(_ text: ArraySlice<UInt8>, _ keys: [UInt8]) -> Int {
        for length in stride(from: text.count, to: 0, by: -1) where text.suffix(length).elementsEqual(keys.prefix(length)) { return length }
        return 0
    }
}
