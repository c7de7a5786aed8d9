/// An Ethernet address.
public struct MACAddress: Sendable, Hashable, TextCodable {
    /// The six bytes in the low 48 bits.
    public let bits: UInt64

    /// Reads six hexadecimal bytes separated by colons; multicast addresses are refused.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var bits: UInt64 = 0
        for part in parts {
            guard part.count == 2, part.first != UInt8(ascii: "+"), let byte = UInt8(String(decoding: part, as: UTF8.self), radix: 16)
            else {
                return nil
            }
            bits = bits << 8 | UInt64(byte)
        }
        guard bits >> 40 & 1 == 0, bits != 0 else { return nil }
        self.bits = bits
    }

    /// The address that belongs to an IPv4 address: locally administered, `02:54` and the four bytes.
    ///
    /// An address that passes to another container keeps its MAC, so that no neighbour's ARP cache is ever stale.
    init(for address: IPv4Address) {
        bits = 0x0254_0000_0000 | UInt64(address.bits)
    }

    /// The address of the host's end of the same container's veth pair: `06:54`.
    init(outside address: IPv4Address) {
        bits = 0x0654_0000_0000 | UInt64(address.bits)
    }

    /// The six bytes in order.
    var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> (40 - 8 * $0)) } }

    /// `02:54:ac:1e:00:02`.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
