internal import Errors
internal import Glibc
internal import Layers
internal import LinuxKernel
internal import Networks

/// The 48 bits from which a daemon takes the IPv6 subnets that nobody chooses: `fd`, and 40 that are this daemon's alone (RFC 4193),
/// so that networks of several hosts can be joined one day.
enum UniqueLocalPrefix {
    /// The same after every start: it follows from the machine's id.
    /// - Parameter bridge: tells several daemons of one machine apart.
    static func ofThisHost(bridge: String) throws -> IPv6Subnet {
        do {
            return try make(try Files.read("/etc/machine-id", limit: 64) + Array(bridge.utf8))
        } catch let error as SystemError where [ENOENT, EACCES, EFBIG].contains(error.errno) {
            // As unique as that, until the next start.
            return try make((0..<32).map { _ in UInt8.random(in: 0 ... .max) })
        }
    }

    /// Hashed, as nobody else is to see the machine's id (machine-id(5)).
    static func make(_ seed: [UInt8]) throws -> IPv6Subnet {
        let digits = Digest.sha256(of: seed).hex.prefix(10)
        guard let number = UInt128(digits, radix: 16),
            let subnet = IPv6Subnet(IPv6Address(bits: 0xfd << 120 | number << 80), prefixLength: 48)
        else { throw TimberError(.internal, "cannot make a prefix of IPv6 addresses") }
        return subnet
    }
}
