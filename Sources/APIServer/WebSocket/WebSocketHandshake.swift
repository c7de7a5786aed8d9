internal import Crypto

/// The opening handshake of a WebSocket (RFC 6455, section 4.2).
struct WebSocketHandshake: Sendable, Equatable {
    /// The answer to the client's key.
    let accept: String

    /// What the RFC appends to a key.
    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// - Returns: nil when the request asks for no WebSocket of version 13, or has no key of 16 bytes.
    init?(_ head: RequestHead) {
        guard head.wantsUpgrade, head["upgrade"]?.lowercased() == "websocket", head["sec-websocket-version"] == "13",
            let key = head["sec-websocket-key"], Self.isKey(Array(key.utf8))
        else { return nil }
        accept = Base64.encode(Array(Insecure.SHA1.hash(data: Array((key + Self.guid).utf8))))
    }

    /// Base64 of 16 bytes.
    private static func isKey(_ key: [UInt8]) -> Bool {
        key.count == 24 && key.hasSuffix("==")
            && key.dropLast(2).allSatisfy { Base64.digits.contains($0) }
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { suffix(text.utf8CodeUnitCount).elementsEqual($0) }
    }
}

enum Base64 {
    static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) }
            bits <<= 8 * (3 - group.count)
            for place in 0..<4 {
                text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 0x3F] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
