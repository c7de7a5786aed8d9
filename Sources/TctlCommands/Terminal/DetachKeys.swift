/// The keys that leave a container running: `ctrl-p,ctrl-q` unless said otherwise.
struct DetachKeys: Equatable {
    /// Ctrl-P Ctrl-Q.
    static let standard = DetachKeys(bytes: [0x10, 0x11])

    /// The bytes that a terminal sends for the keys.
    let bytes: [UInt8]

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads docker's form: single characters and `ctrl-X`, separated by commas, where X is a letter or one of `@ [ \ ] ^ _`.
    /// - Throws: `CommandFailure`.
    init(parsing text: String) throws {
        var bytes: [UInt8] = []
        for key in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let byte = DetachKeys.byte(of: key) else {
                throw CommandFailure(
                    "invalid detach keys \(Printable(text)): give single characters or ctrl-X with X one of a-z @ [ \\ ] ^ _, separated by commas",
                    status: 125)
            }
            bytes.append(byte)
        }
        self.bytes = bytes
    }

    private static func byte(of key: Substring) -> UInt8? {
        let bytes = Array(key.utf8)
        if bytes.count == 1 { return bytes[0] }
        guard bytes.count == 6, key.lowercased().hasPrefix("ctrl-"), let last = bytes.last else { return nil }
        switch last {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): return last - UInt8(ascii: "a") + 1
        // @ is 0, and [ \ ] ^ _ are 27 to 31.
        case UInt8(ascii: "@"): return 0
        case UInt8(ascii: "[")...UInt8(ascii: "_"): return last - UInt8(ascii: "@")
        default: return nil
        }
    }
}

/// Watches what is typed for the detach keys; holds back what may be their beginning.
struct DetachScanner {
    private let keys: [UInt8]
    private var matched = 0

    init(_ keys: DetachKeys) {
        self.keys = keys.bytes
    }

    /// Takes typed bytes.
    /// - Parameters:
    ///   - input: the next bytes.
    ///   - output: where what the container shall get is appended.
    /// - Returns: true when the keys were typed; what follows them is dropped.
    mutating func scan(_ input: some Sequence<UInt8>, into output: inout [UInt8]) -> Bool {
        for byte in input {
            if matched < keys.count && byte == keys[matched] {
                matched += 1
                if matched == keys.count { return true }
                continue
            }
            // The keys did not come: what was held back goes out, and the byte may start them anew.
            var held = keys.prefix(matched) + [byte]
            matched = 0
            while let first = held.first {
                if keys.starts(with: held) {
                    matched = held.count
                    break
                }
                output.append(first)
                held = held.dropFirst()
            }
        }
        return false
    }

    /// What is held back, when the input ends.
    var held: ArraySlice<UInt8> { keys.prefix(matched) }
}
