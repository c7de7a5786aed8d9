internal import Errors
internal import Foundation
internal import Glibc
internal import Layers
internal import LinuxKernel
internal import Networks

/// The 48 bits from which a daemon takes the IPv6 subnets that nobody chooses: `fd`, and 40 that are this daemon's alone (RFC 4193),
/// so that networks of several hosts can be joined one day.
enum UniqueLocalPrefix {
    /// The same after every start: it follows from the machine's id, or, where there is none, from a random one that is kept.
    /// - Parameters:
    ///   - bridge: tells several daemons of one machine apart.
    ///   - data: where to keep it.
    ///   - machine: the file with the machine's id.
    static func ofThisHost(bridge: String, data: String, machine: String = "/etc/machine-id") throws -> IPv6Subnet {
        try make((machineID(machine) ?? kept("\(data)/ipv6-seed")) + Array(bridge.utf8))
    }

    /// What is in the file; nil when that is nobody's id: images of systems have an empty one, or `uninitialized` (machine-id(5)).
    private static func machineID(_ path: String) throws -> [UInt8]? {
        let text: [UInt8]
        do {
            text = try Files.read(path, limit: 64)
        } catch let error as SystemError where [ENOENT, EACCES, EFBIG, EISDIR].contains(error.errno) {
            return nil
        }
        return isID(text) ? text : nil
    }

    /// 32 hexadecimal digits, not all of them 0.
    private static func isID(_ text: [UInt8]) -> Bool {
        let digits = String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return digits.utf8.count == 32 && digits.allSatisfy(\.isHexDigit) && digits.contains { $0 != "0" }
    }

    private static func kept(_ path: String) throws -> [UInt8] {
        do {
            let text = try Files.read(path, limit: 64)
            if isID(text) { return text }
        } catch let error as SystemError where [ENOENT, EFBIG].contains(error.errno) {}
        let bits = (0..<2).map { _ in String(UInt64.random(in: 0 ... .max), radix: 16) }
        let text = Array(bits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined().utf8)
        try Files.write(text, to: path + ".new")
        try retrying("rename", path) { rename(path + ".new", path) }
        return text
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
