internal import Errors

/// An IPv4 address.
public struct IPv4Address: Sendable, Hashable, Comparable, Codable, LosslessStringConvertible {
    /// The address as a number, most significant byte first: 127.0.0.1 is 0x7f000001.
    public let bits: UInt32

    /// 0.0.0.0: every address of the host.
    public static let any = IPv4Address(bits: 0)

    /// Makes an address from its number.
    public init(bits: UInt32) {
        self.bits = bits
    }

    /// Reads dotted decimal, four numbers without leading zeros (inet_pton(3)).
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let number = UInt8(decimal: part) else { return nil }
            bits = bits << 8 | UInt32(number)
        }
        self.bits = bits
    }

    /// The four bytes in network order.
    var bytes: [UInt8] { withUnsafeBytes(of: bits.bigEndian) { Array($0) } }

    /// Whether it is in 127.0.0.0/8.
    var isLoopback: Bool { bits >> 24 == 127 }

    /// Dotted decimal.
    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }

    /// By number.
    public static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }
}

/// An IPv4 network for containers: 5 to 16 million usable addresses.
public struct IPv4Subnet: Sendable, Hashable, Codable, LosslessStringConvertible {
    /// The network's own address; its host bits are zero.
    public let network: IPv4Address
    /// How many leading bits name the network: 8 to 29.
    public let prefixLength: UInt8

    /// Makes a subnet; host bits of the address are dropped.
    /// - Returns: nil unless the prefix is between 8 and 29.
    public init?(_ address: IPv4Address, prefixLength: UInt8) {
        guard (8...29).contains(prefixLength) else { return nil }
        self.prefixLength = prefixLength
        network = IPv4Address(bits: address.bits & Self.mask(prefixLength))
    }

    /// Reads `172.30.0.0/16`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let prefix = UInt8(decimal: parts[1].utf8) else { return nil }
        self.init(address, prefixLength: prefix)
    }

    /// Reads a subnet that a person configured.
    /// - Throws: `TimberError.invalidArgument` when it is not one, or has bits set outside of its prefix.
    public init(parsing text: String) throws {
        guard let subnet = Self(text) else {
            throw TimberError(.invalidArgument, "subnet \"\(text)\" is not an IPv4 network such as 172.30.0.0/16 (prefix 8 to 29)")
        }
        guard text == subnet.description else {
            throw TimberError(.invalidArgument, "subnet \"\(text)\" has bits set outside of its prefix, use \(subnet)")
        }
        self = subnet
    }

    /// The first usable address: the bridge's own.
    public var gateway: IPv4Address { IPv4Address(bits: network.bits + 1) }

    /// The last address of the network.
    public var broadcast: IPv4Address { IPv4Address(bits: network.bits | ~Self.mask(prefixLength)) }

    /// Whether an address is in the network.
    public func contains(_ address: IPv4Address) -> Bool {
        address.bits & Self.mask(prefixLength) == network.bits
    }

    /// Whether the two networks have addresses in common.
    func overlaps(_ address: IPv4Address, prefixLength other: UInt8) -> Bool {
        let mask = Self.mask(min(prefixLength, other))
        return address.bits & mask == network.bits & mask
    }

    /// `172.30.0.0/16`.
    public var description: String { "\(network)/\(prefixLength)" }

    private static func mask(_ prefix: UInt8) -> UInt32 {
        prefix == 0 ? 0 : ~0 << (32 - UInt32(min(prefix, 32)))
    }
}

/// Some addresses of a subnet in a row: those that are given out.
public struct AddressRange: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The first.
    public let first: IPv4Address
    /// The last.
    public let last: IPv4Address
    /// How many leading bits they have in common.
    public let prefixLength: UInt8

    /// Reads `172.30.4.0/24`, a part of a subnet.
    /// - Throws: `TimberError.invalidArgument`.
    public init(parsing text: String, in subnet: IPv4Subnet) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let prefix = UInt8(decimal: parts[1].utf8), prefix <= 32 else {
            throw TimberError(.invalidArgument, "address range \"\(text)\" is not a part of an IPv4 network such as 172.30.4.0/24")
        }
        guard prefix >= subnet.prefixLength, subnet.contains(address) else {
            throw TimberError(.invalidArgument, "address range \(text) is not inside of subnet \(subnet), choose a part of it")
        }
        let hostBits = prefix == 32 ? 0 : ~UInt32(0) >> UInt32(prefix)
        first = IPv4Address(bits: address.bits & ~hostBits)
        last = IPv4Address(bits: address.bits | hostBits)
        prefixLength = prefix
    }

    /// `172.30.4.0/24`.
    public var description: String { "\(first)/\(prefixLength)" }
}

/// An Ethernet address.
public struct MACAddress: Sendable, Hashable, Codable, LosslessStringConvertible {
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

extension IPv4Address: TextCodable {}
extension IPv4Subnet: TextCodable {}
extension MACAddress: TextCodable {}

/// Codable as its text.
public protocol TextCodable: Codable, LosslessStringConvertible {}

extension TextCodable {
    /// Reads the text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not a \(Self.self)")
        }
        self = value
    }

    /// Writes the text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension FixedWidthInteger {
    /// Reads decimal digits only: no sign, no leading zero, no overflow.
    init?(decimal digits: some Collection<UInt8>) {
        guard let first = digits.first, digits.count == 1 || first != UInt8(ascii: "0") else { return nil }
        var value: Self = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.addingReportingOverflow(Self(digit - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        self = value
    }
}
