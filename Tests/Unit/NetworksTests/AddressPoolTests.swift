import Errors
import Testing

@testable import Networks

@Suite struct AddressPoolTests {
    private func pool(_ subnet: String) throws -> AddressPool<IPv4Address> { AddressPool(subnet: try IPv4Subnet(parsing: subnet)) }

    @Test func theSmallestSubnetGivesEveryAddressOnce() throws {
        var pool = try pool("10.0.0.8/29")
        let taken = try (0..<5).map { _ in try pool.take().description }
        #expect(taken == ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"])
        #expect { try pool.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
    }

    @Test func anAddressGivenBackIsNotTheNextOne() throws {
        var pool = try pool("10.0.0.0/29")
        let first = try pool.take()
        pool.giveBack(first)
        #expect(try pool.take() != first)
        // After a round it comes again.
        #expect(try (0..<4).map { _ in try pool.take() }.contains(first))
    }

    @Test func certainAddresses() throws {
        var pool = try pool("10.0.0.0/24")
        let address = try #require(IPv4Address("10.0.0.50"))
        try pool.take(address)
        #expect { try pool.take(address) } throws: { ($0 as? TimberError)?.code == .conflict }
        for text in ["10.0.0.0", "10.0.0.1", "10.0.0.255", "10.0.1.5", "0.0.0.0", "255.255.255.255"] {
            let other = try #require(IPv4Address(text))
            #expect { try pool.take(other) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
        }
        pool.giveBack(address)
        try pool.take(address)
    }

    @Test func givingBackWhatWasNotTakenChangesNothing() throws {
        var pool = try pool("10.0.0.0/29")
        for text in ["10.0.0.0", "10.0.0.1", "10.0.0.3", "10.0.0.7", "10.0.0.8", "192.168.0.1"] {
            pool.giveBack(try #require(IPv4Address(text)))
        }
        #expect(try Set((0..<5).map { _ in try pool.take() }).count == 5)
        #expect { try pool.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
    }

    @Test func aLargeSubnetIsGivenOutWhole() throws {
        var pool = try pool("10.1.0.0/16")
        let seen = try Set((0..<65533).map { _ in try pool.take() })
        #expect(seen.count == 65533)
        #expect { try pool.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
        #expect(seen.allSatisfy { pool.subnet.contains($0) && $0 != pool.subnet.gateway && $0 != pool.subnet.last })
    }

    @Test func itAgreesWithASetWhateverHappens() throws {
        var pool = try pool("10.0.0.0/25")
        var model: Set<IPv4Address> = []
        for _ in 0..<5000 {
            switch Int.random(in: 0..<3) {
            case 0 where model.count < 125:
                #expect(model.insert(try pool.take()).inserted)
            case 1:
                if let address = model.randomElement() {
                    pool.giveBack(address)
                    model.remove(address)
                }
            default:
                let address = IPv4Address(bits: pool.subnet.network.bits + UInt32.random(in: 2..<127))
                if (try? pool.take(address)) != nil {
                    #expect(model.insert(address).inserted)
                } else {
                    #expect(model.contains(address))
                }
            }
        }
        let rest = try (model.count..<125).map { _ in try pool.take() }
        #expect(model.isDisjoint(with: rest) && Set(rest).count == rest.count)
        #expect { try pool.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
    }

    @Test func addressesOfIPv6() throws {
        var pool = AddressPool(subnet: try IPv6Subnet(parsing: "fd00:9::/64"))
        #expect(try (0..<3).map { _ in try pool.take().description } == ["fd00:9::2", "fd00:9::3", "fd00:9::4"])
        let last = try #require(IPv6Address("fd00:9::ffff:ffff:ffff:ffff"))
        try pool.take(last)
        // The turn begins again behind the last one, and passes by what is in use.
        #expect(try pool.take().description == "fd00:9::5")
        #expect { try pool.take(last) } throws: { ($0 as? TimberError)?.code == .conflict }
        for text in ["fd00:9::", "fd00:9::1", "fd00:a::2", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            let other = try #require(IPv6Address(text))
            #expect { try pool.take(other) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
        }
        pool.giveBack(last)
        try pool.take(last)
    }

    @Test func aPartOfASubnet() throws {
        let subnet = try IPv6Subnet(parsing: "fd00:9::/64")
        let kept = try #require(IPv6Address("fd00:9::fffe"))
        let gateway = try #require(IPv6Address("fd00:9::ffff"))
        var pool = AddressPool(
            subnet: subnet, gateway: gateway, range: try AddressRange(parsing: "fd00:9::fffc/126", in: subnet), kept: [kept])
        #expect(try [pool.take().description, pool.take().description] == ["fd00:9::fffc", "fd00:9::fffd"])
        #expect { try pool.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
        // What is asked for by name may be outside of the range.
        try pool.take(try #require(IPv6Address("fd00:9::1")))
        var whole = AddressPool(subnet: try IPv6Subnet(parsing: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126"))
        #expect(try [whole.take(), whole.take()].map(\.description).allSatisfy { $0.hasPrefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff") })
        #expect { try whole.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
    }

    @Test func subnetsInUseAreAvoided() throws {
        func taken(_ text: String) throws -> SubnetChoice<IPv4Address>.Taken {
            let parts = text.split(separator: "/")
            return try .init(
                address: #require(IPv4Address(String(parts[0]))), prefixLength: #require(UInt8(parts[1])), by: "interface wan0")
        }
        func choose(_ taken: [SubnetChoice<IPv4Address>.Taken]) throws -> String {
            try SubnetChoice(taken: taken).choose(from: DefaultSubnets.bridge, advice: "choose one").description
        }
        #expect(try choose([]) == "172.30.0.0/16")
        #expect(try choose([taken("172.30.200.0/24")]) == "172.31.0.0/16")
        #expect(try choose([taken("172.30.0.9/32"), taken("172.31.0.0/16")]) == "172.29.0.0/16")
        #expect(try choose([taken("172.16.0.0/12")]) == "10.215.0.0/16")
        #expect(try choose([taken("172.16.0.0/12"), taken("10.0.0.0/8")]) == "192.168.240.0/21")
        #expect {
            try choose([taken("172.16.0.0/12"), taken("10.0.0.0/8"), taken("192.168.0.0/16")])
        } throws: {
            ($0 as? TimberError)?.code == .unavailable
        }
        let subnet = try IPv4Subnet(parsing: "192.0.2.0/24")
        #expect {
            try SubnetChoice(taken: [taken("192.0.2.128/25")]).check(subnet)
        } throws: {
            "\($0)" == "subnet 192.0.2.0/24 overlaps 192.0.2.128/25 of interface wan0, configure another one with --bridge-subnet"
        }
    }

    @Test func subnetsOfIPv6() throws {
        let prefix = try IPv6Subnet(parsing: "fd12:3456:789a::/48")
        let parts = Array(DefaultSubnets.parts(of: prefix))
        #expect(parts.count == 65536)
        #expect(parts.first?.description == "fd12:3456:789a::/64" && parts.last?.description == "fd12:3456:789a:ffff::/64")
        let taken = try SubnetChoice.Taken(address: #require(IPv6Address("fd12:3456:789a:0:8000::")), prefixLength: 65, by: "network x")
        let choice = SubnetChoice(taken: [taken])
        #expect(try choice.choose(from: parts, advice: "").description == "fd12:3456:789a:1::/64")
        #expect {
            try choice.check(try IPv6Subnet(parsing: "fd12::/16"), advice: "choose")
        } throws: {
            "\($0)" == "subnet fd12::/16 overlaps fd12:3456:789a:0:8000::/65 of network x, choose"
        }
    }
}
