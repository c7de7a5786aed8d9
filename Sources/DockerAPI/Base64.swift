/// Base64 with padding (RFC 4648 §4), without Foundation.
public enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Encodes bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var value: UInt32 = 0
            for byte in group { value = value << 8 | UInt32(byte) }
            value <<= 8 * UInt32(3 - group.count)
            for index in 0..<4 {
                text.append(index <= group.count ? digits[Int(value >> (18 - 6 * UInt32(index)) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes a text.
    /// - Returns: nil when it is not base64.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { return nil }
        let padding = characters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        var value: UInt32 = 0
        for (index, character) in characters.dropLast(padding).enumerated() {
            guard let digit = digits.firstIndex(of: character) else { return nil }
            value = value << 6 | UInt32(digit)
            if index % 4 == 3 {
                bytes += [UInt8(truncatingIfNeeded: value >> 16), UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
                value = 0
            }
        }
        if padding == 1 { bytes += [UInt8(truncatingIfNeeded: value >> 10), UInt8(truncatingIfNeeded: value >> 2)] }
        if padding == 2 { bytes.append(UInt8(truncatingIfNeeded: value >> 4)) }
        return bytes
    }
}
