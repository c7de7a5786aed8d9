internal import Errors
internal import Glibc
internal import LinuxKernel

/// Which subnets the host has in use already.
struct SubnetChoice: Sendable {
    /// What a default bridge may get, in this order: parts of the private ranges that other tools take last.
    static let candidates: [IPv4Subnet] =
        ([30, 31] + (18...29).reversed()).compactMap { IPv4Subnet("172.\($0).0.0/16") }
        + (0..<16).compactMap { IPv4Subnet("10.\(215 - $0).0.0/16") }
        + (0..<8).compactMap { IPv4Subnet("192.168.\(240 - 8 * $0).0/21") }

    /// What networks of users may get: the same, then smaller ones.
    static let userCandidates: [IPv4Subnet] = candidates + (0...255).compactMap { IPv4Subnet("10.199.\($0).0/24") }

    /// A subnet in use, and by what.
    struct Taken: Sendable, Hashable {
        var address: IPv4Address
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
        let used = try Links.routes(socket).filter { $0.prefixLength > 0 } + Links.addresses(socket)
        taken = used.filter { $0.interface != except || except == 0 }.map {
            Taken(address: $0.address, prefixLength: $0.prefixLength, by: names[$0.interface].map { "interface \($0)" } ?? "a route")
        }
        // A name server behind a default route has no route of its own.
        taken += try Self.nameServers().map { Taken(address: $0, prefixLength: 32, by: "a name server in /etc/resolv.conf") }
    }

    /// The first candidate that collides with nothing.
    /// - Throws: `TimberError.unavailable`.
    func choose(from candidates: [IPv4Subnet] = candidates, advice: String = "configure one with --bridge-subnet") throws -> IPv4Subnet {
        guard let subnet = candidates.first(where: { collision($0) == nil }) else {
            throw TimberError(.unavailable, "no private subnet is free on this host, \(advice)")
        }
        return subnet
    }

    /// - Throws: `TimberError.conflict` when the subnet collides with something.
    func check(_ subnet: IPv4Subnet, advice: String = "configure another one with --bridge-subnet") throws {
        guard let other = collision(subnet) else { return }
        throw TimberError(.conflict, "subnet \(subnet) overlaps \(other.address)/\(other.prefixLength) of \(other.by), \(advice)")
    }

    private func collision(_ subnet: IPv4Subnet) -> Taken? {
        taken.first { subnet.overlaps($0.address, prefixLength: $0.prefixLength) }
    }

    private static func nameServers() throws -> [IPv4Address] {
        guard let file = fopen("/etc/resolv.conf", "re") else { return [] }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        var found: [IPv4Address] = []
        // A resolv.conf has a handful of lines; what comes after the first hundred is not read.
        for _ in 0..<100 where fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            if let address = IPv4Address(String(words[1])), !address.isLoopback { found.append(address) }
        }
        return found
    }
}
