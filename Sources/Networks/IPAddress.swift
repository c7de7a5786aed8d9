internal import CTimber
internal import Glibc

/// An address of either family, as a number: most significant byte first.
public protocol IPAddress: Comparable, Hashable, Sendable, TextCodable {
    /// As many bits as the family's addresses have.
    associatedtype Bits: BitwiseCopyable, FixedWidthInteger, Sendable, UnsignedInteger

    /// The number.
    var bits: Bits { get }
    /// Makes an address from its number.
    init(bits: Bits)
    /// Which kind of address it is.
    static var family: IPFamily { get }
}

/// IPv4 or IPv6.
public enum IPFamily: String, Sendable, Hashable {
    /// IPv4.
    case ipv4 = "IPv4"
    /// IPv6.
    case ipv6 = "IPv6"

    /// AF_INET or AF_INET6, which are nf_tables' numbers as well.
    var number: UInt8 { UInt8(self == .ipv4 ? AF_INET : AF_INET6) }

    /// What prefixes networks of containers may have: room for a gateway and some containers.
    var prefixLengths: ClosedRange<UInt8> { self == .ipv4 ? 8...29 : 8...126 }

    /// Whether nobody may have a network's last address.
    var hasBroadcast: Bool { self == .ipv4 }

    var exampleSubnet: String { self == .ipv4 ? "172.30.0.0/16" : "fd00:9:1:2::/64" }
    var exampleRange: String { self == .ipv4 ? "172.30.4.0/24" : "fd00:9:1:2:4::/80" }
}

extension IPAddress {
    /// 0.0.0.0 or `::`: every address of the host.
    public static var any: Self { Self(bits: 0) }

    /// In network order.
    var bytes: [UInt8] { withUnsafeBytes(of: bits.bigEndian) { Array($0) } }

    /// Reads the first bytes, in network order; nil when they are too few.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let bits = bytes.load(Bits.self) else { return nil }
        self.init(bits: Bits(bigEndian: bits))
    }

    /// By number.
    public static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }
}

/// An IPv4 address.
public struct IPv4Address: IPAddress {
    /// The address as a number, most significant byte first: 127.0.0.1 is 0x7f000001.
    public let bits: UInt32

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

    /// IPv4.
    public static var family: IPFamily { .ipv4 }

    /// Dotted decimal.
    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }
}

/// An IPv6 address.
public struct IPv6Address: IPAddress {
    /// The address as a number, most significant byte first.
    public let bits: UInt128

    /// Makes an address from its number.
    public init(bits: UInt128) {
        self.bits = bits
    }

    /// Reads what inet_pton(3) does; an address that is bound to an interface (`fe80::1%eth0`) is none of ours.
    public init?(_ text: String) {
        var value = in6_addr()
        guard !text.utf8.contains(0), inet_pton(AF_INET6, text, &value) == 1 else { return nil }
        bits = withUnsafeBytes(of: value) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
    }

    /// IPv6.
    public static var family: IPFamily { .ipv6 }

    /// `fd00::2` (RFC 5952).
    public var description: String {
        var value = in6_addr()
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes) }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(AF_INET6, &value, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An address of the host that ports are published on.
public enum HostAddress: Comparable, Hashable, Sendable, TextCodable {
    /// One of IPv4; 0.0.0.0: all of them.
    case ipv4(IPv4Address)
    /// One of IPv6; `::`: all of them.
    case ipv6(IPv6Address)

    /// Reads either.
    public init?(_ text: String) {
        if let address = IPv4Address(text) {
            self = .ipv4(address)
        } else if let address = IPv6Address(text) {
            self = .ipv6(address)
        } else {
            return nil
        }
    }

    /// Which kind of address it is.
    public var family: IPFamily { if case .ipv4 = self { .ipv4 } else { .ipv6 } }

    /// Whether it stands for every address of its family.
    var isAny: Bool { self == .ipv4(.any) || self == .ipv6(.any) }

    var bytes: [UInt8] {
        switch self {
        case .ipv4(let address): address.bytes
        case .ipv6(let address): address.bytes
        }
    }

    /// As its family writes it.
    public var description: String {
        switch self {
        case .ipv4(let address): address.description
        case .ipv6(let address): address.description
        }
    }

    /// Before a port: IPv6 in brackets.
    var withPort: String { family == .ipv4 ? description : "[\(self)]" }
}

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
