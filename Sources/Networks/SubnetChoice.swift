internal import Errors
internal import Glibc
internal import LinuxKernel

/// Which subnets of one family the host has in use already.
struct SubnetChoice<Address: IPAddress>: Sendable {
    /// A subnet in use, and by what.
    struct Taken: Sendable, Hashable {
        var address: Address
        var prefixLength: UInt8
        var by: String
    }

    var taken: [Taken]

    init(taken: [Taken]) {
        self.taken = taken
    }

    /// Reads routes, addresses and name servers.
    /// - Parameter except: an interface whose own addresses do not count.
    init(_ socket: borrowing NetlinkSocket, except: Int32) throws {
        let names = Dictionary(try Links.list(socket).map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        let used = try Links.routes(Address.self, socket).filter { $0.prefixLength > 0 } + Links.addresses(Address.self, socket)
        taken = used.filter { $0.interface != except || except == 0 }.map {
            Taken(address: $0.address, prefixLength: $0.prefixLength, by: names[$0.interface].map { "interface \($0)" } ?? "a route")
        }
        // A name server behind a default route has no route of its own.
        taken += try Self.nameServers().map {
            Taken(address: $0, prefixLength: UInt8(Address.Bits.bitWidth), by: "a name server in /etc/resolv.conf")
        }
    }

    /// The first candidate that collides with nothing.
    /// - Throws: `TimberError.unavailable`.
    func choose(from candidates: some Sequence<Subnet<Address>>, advice: String) throws -> Subnet<Address> {
        guard let subnet = candidates.first(where: { collision($0) == nil }) else {
            throw TimberError(.unavailable, "no private subnet is free on this host, \(advice)")
        }
        return subnet
    }

    /// - Throws: `TimberError.conflict` when the subnet collides with something.
    func check(_ subnet: Subnet<Address>, advice: String = "configure another one with --bridge-subnet") throws {
        guard let other = collision(subnet) else { return }
        throw TimberError(.conflict, "subnet \(subnet) overlaps \(other.address)/\(other.prefixLength) of \(other.by), \(advice)")
    }

    private func collision(_ subnet: Subnet<Address>) -> Taken? {
        taken.first { subnet.overlaps($0.address, prefixLength: $0.prefixLength) }
    }

    private static func nameServers() throws -> [Address] {
        guard let file = fopen("/etc/resolv.conf", "re") else { return [] }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        var found: [Address] = []
        // A resolv.conf has a handful of lines; what comes after the first hundred is not read.
        for _ in 0..<100 where fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            if let address = Address(String(words[1])) { found.append(address) }
        }
        return found
    }
}

/// What networks get whose subnet nobody has chosen.
enum DefaultSubnets {
    /// What a default bridge may get, in this order: parts of the private ranges that other tools take last.
    static let bridge: [IPv4Subnet] =
        ([30, 31] + (18...29).reversed()).compactMap { IPv4Subnet("172.\($0).0.0/16") }
        + (0..<16).compactMap { IPv4Subnet("10.\(215 - $0).0.0/16") }
        + (0..<8).compactMap { IPv4Subnet("192.168.\(240 - 8 * $0).0/21") }

    /// What networks of users may get: the same, then smaller ones.
    static let users: [IPv4Subnet] = bridge + (0...255).compactMap { IPv4Subnet("10.199.\($0).0/24") }

    /// Parts of a network of 2^64 addresses each.
    static func parts(of prefix: IPv6Subnet) -> some Sequence<IPv6Subnet> {
        (UInt128(0)...0xffff).lazy.compactMap { IPv6Subnet(IPv6Address(bits: prefix.network.bits | $0 << 64), prefixLength: 64) }
    }
}
