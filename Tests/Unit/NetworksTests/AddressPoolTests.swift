import Errors
import Testing

@testable import Networks

@Suite struct AddressPoolTests {
    private func pool(_ subnet: String) throws -> AddressPool { AddressPool(subnet: try IPv4Subnet(parsing: subnet)) }

    @Test func theSmallestSubnetGivesEveryAddressOnce() throws {
        var pool = try pool("10.0.0.8/29")
        #expect(pool.free == 5)
        let taken = try (0..<5).map { _ in try pool.take().description }
        #expect(taken == ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"])
        #expect { try pool.take() } throws: { ($0 as? TimberError)?.code == .unavailable }
        #expect(pool.free == 0)
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
        #expect(pool.free == 5)
        #expect(try Set((0..<5).map { _ in try pool.take() }).count == 5)
    }

    @Test func aLargeSubnetIsGivenOutWhole() throws {
        var pool = try pool("10.1.0.0/16")
        #expect(pool.free == 65533)
        var seen: Set<IPv4Address> = []
        while pool.free > 0 { seen.insert(try pool.take()) }
        #expect(seen.count == 65533)
        #expect(seen.allSatisfy { pool.subnet.contains($0) && $0 != pool.subnet.gateway && $0 != pool.subnet.broadcast })
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
            #expect(pool.free == 125 - model.count)
        }
    }

    @Test func subnetsInUseAreAvoided() throws {
        func taken(_ text: String) throws -> SubnetChoice.Taken {
            let parts = text.split(separator: "/")
            return try .init(
                address: #require(IPv4Address(String(parts[0]))), prefixLength: #require(UInt8(parts[1])), by: "interface wan0")
        }
        #expect(try SubnetChoice(taken: []).choose().description == "172.30.0.0/16")
        #expect(try SubnetChoice(taken: [taken("172.30.200.0/24")]).choose().description == "172.31.0.0/16")
        #expect(try SubnetChoice(taken: [taken("172.30.0.9/32"), taken("172.31.0.0/16")]).choose().description == "172.29.0.0/16")
        #expect(try SubnetChoice(taken: [taken("172.16.0.0/12")]).choose().description == "10.215.0.0/16")
        #expect(try SubnetChoice(taken: [taken("172.16.0.0/12"), taken("10.0.0.0/8")]).choose().description == "192.168.240.0/21")
        #expect {
            try SubnetChoice(taken: [taken("172.16.0.0/12"), taken("10.0.0.0/8"), taken("192.168.0.0/16")]).choose()
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
}
