internal import Errors

/// A network for containers.
public struct Subnet<Address: IPAddress>: Hashable, Sendable, TextCodable {
    /// The network's own address; its host bits are zero.
    public let network: Address
    /// How many leading bits name the network.
    public let prefixLength: UInt8

    /// Makes a subnet; host bits of the address are dropped.
    /// - Returns: nil unless the prefix is between 8 and 29, for IPv6 between 8 and 126.
    public init?(_ address: Address, prefixLength: UInt8) {
        guard Address.family.prefixLengths.contains(prefixLength) else { return nil }
        self.prefixLength = prefixLength
        network = Address(bits: address.bits & Self.mask(prefixLength))
    }

    /// Reads `172.30.0.0/16`.
    public init?(_ text: String) {
        guard let (address, prefixLength) = Self.split(text) else { return nil }
        self.init(address, prefixLength: prefixLength)
    }

    /// Reads a subnet that a person configured.
    /// - Throws: `TimberError.invalidArgument` when it is not one, or has bits set outside of its prefix.
    public init(parsing text: String) throws {
        let family = Address.family
        guard let (address, prefixLength) = Self.split(text), let subnet = Self(address, prefixLength: prefixLength) else {
            let lengths = family.prefixLengths
            throw TimberError(
                .invalidArgument,
                "subnet \"\(text.prefix(100))\" is not an \(family.rawValue) network such as \(family.exampleSubnet) (prefix \(lengths.lowerBound) to \(lengths.upperBound))"
            )
        }
        guard address == subnet.network else {
            throw TimberError(.invalidArgument, "subnet \"\(text)\" has bits set outside of its prefix, use \(subnet)")
        }
        self = subnet
    }

    static func split(_ text: String) -> (address: Address, prefixLength: UInt8)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = Address(String(parts[0])), let prefix = UInt8(decimal: parts[1].utf8) else { return nil }
        return (address, prefix)
    }

    /// The first usable address: the bridge's own.
    public var gateway: Address { Address(bits: network.bits + 1) }

    /// The last address; the broadcast address of IPv4.
    public var last: Address { Address(bits: network.bits | ~Self.mask(prefixLength)) }

    /// Whether an address is in the network.
    public func contains(_ address: Address) -> Bool {
        address.bits & Self.mask(prefixLength) == network.bits
    }

    /// Whether a host in the network can have an address: not the network's own, nor the broadcast address.
    public func canHave(_ address: Address) -> Bool {
        contains(address) && address != network && !(Address.family.hasBroadcast && address == last)
    }

    /// Whether the two networks have addresses in common.
    public func overlaps(_ address: Address, prefixLength other: UInt8) -> Bool {
        let mask = Self.mask(min(prefixLength, other))
        return address.bits & mask == network.bits & mask
    }

    /// The bits of the prefix.
    var mask: Address { Address(bits: Self.mask(prefixLength)) }

    /// `172.30.0.0/16`.
    public var description: String { "\(network)/\(prefixLength)" }

    private static func mask(_ prefix: UInt8) -> Address.Bits {
        // Smart shifts: by all bits gives zero.
        ~Address.Bits(0) << (Address.Bits.bitWidth - min(Int(prefix), Address.Bits.bitWidth))
    }
}

/// An IPv4 network for containers: 5 to 16 million usable addresses.
public typealias IPv4Subnet = Subnet<IPv4Address>

/// An IPv6 network for containers.
public typealias IPv6Subnet = Subnet<IPv6Address>

/// Some addresses of a subnet in a row: those that are given out.
public struct AddressRange<Address: IPAddress>: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The first.
    public let first: Address
    /// The last.
    public let last: Address
    /// How many leading bits they have in common.
    public let prefixLength: UInt8

    /// Reads `172.30.4.0/24`, a part of a subnet.
    /// - Throws: `TimberError.invalidArgument`.
    public init(parsing text: String, in subnet: Subnet<Address>) throws {
        guard let (address, prefix) = Subnet<Address>.split(text), Int(prefix) <= Address.Bits.bitWidth else {
            let family = Address.family
            throw TimberError(
                .invalidArgument,
                "address range \"\(text.prefix(100))\" is not a part of an \(family.rawValue) network such as \(family.exampleRange)")
        }
        guard prefix >= subnet.prefixLength, subnet.contains(address) else {
            throw TimberError(.invalidArgument, "address range \(text) is not inside of subnet \(subnet), choose a part of it")
        }
        let hostBits = ~Address.Bits(0) >> Int(prefix)
        first = Address(bits: address.bits & ~hostBits)
        last = Address(bits: address.bits | hostBits)
        prefixLength = prefix
    }

    /// `172.30.4.0/24`.
    public var description: String { "\(first)/\(prefixLength)" }
}
