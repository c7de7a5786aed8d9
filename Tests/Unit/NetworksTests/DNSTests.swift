import Errors
import Glibc
import LinuxKernel
import Testing

@testable import Networks

/// Messages as they are on the wire.
private enum Wire {
    static func name(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    static func question(
        _ name: String, type: UInt16 = 1, id: UInt16 = 0x1234, flags: UInt16 = 0x0100, payloadSize: UInt16? = nil
    ) -> [UInt8] {
        var bytes = [id, flags, 1, 0, 0, payloadSize == nil ? 0 : 1].flatMap(DNSAnswer.bytes)
        bytes += self.name(name) + DNSAnswer.bytes(type) + [0, 1]
        if let payloadSize { bytes += [0] + DNSAnswer.bytes(41) + DNSAnswer.bytes(payloadSize) + [0, 0, 0, 0, 0, 0] }
        return bytes
    }

    static func query(_ bytes: [UInt8]) -> DNSQuery? {
        guard case .query(let query) = DNSQuery.parse(bytes) else { return nil }
        return query
    }

    static func code(_ answer: [UInt8]) -> UInt8 { answer[3] & 15 }
    static func answers(_ answer: [UInt8]) -> Int { Int(answer[6]) << 8 | Int(answer[7]) }
    static func isTruncated(_ answer: [UInt8]) -> Bool { answer[2] & 2 != 0 }
}

@Suite struct DNSMessageTests {
    @Test func aQuestion() throws {
        let query = try #require(Wire.query(Wire.question("Web.Example.com", type: 28, payloadSize: 1400)))
        #expect(query.id == 0x1234 && query.wantsRecursion && query.name == "web.example.com" && query.type == 28)
        #expect(query.payloadSize == 1400 && query.datagramLimit == 1400)
        #expect(query.question == Wire.name("Web.Example.com") + [0, 28, 0, 1])
        #expect(Wire.query(Wire.question("x"))?.datagramLimit == 512)
        #expect(Wire.query(Wire.question("x", payloadSize: 65535))?.datagramLimit == 4096)
        #expect(Wire.query(Wire.question("x", payloadSize: 0))?.datagramLimit == 512)
    }

    @Test func namesThatNobodyOfOursHas() {
        let strange: [[UInt8]] = [[0], [1, 0, 0], [3, 0x61, 0x2e, 0x62, 0], [2, 0xc3, 0xa9, 0], [1, 0x20, 0]]
        for name in strange {
            let query = Wire.query([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1])
            #expect(query != nil && query?.name == nil, "\(name)")
        }
    }

    @Test func whatIsNoQuestionGetsNothing() {
        #expect(DNSQuery.parse([]) == .ignored)
        #expect(DNSQuery.parse([UInt8](repeating: 0, count: 11)) == .ignored)
        // An answer: two servers would send each other errors for ever.
        #expect(DNSQuery.parse(Wire.question("x", flags: 0x8100)) == .ignored)
    }

    @Test(
        arguments: [
            [0xc0, 0x0c, 0, 1, 0, 1],  // A pointer, to itself.
            [0x40, 0, 1, 0, 1], [0x80, 0, 1, 0, 1], [5, 0x61, 0, 1, 0, 1], [1, 0x61, 0, 0, 1, 0], [1, 0x61], [],
            [1, 0x61, 0, 0, 1, 0, 1, 0xff],  // More behind it.
            [UInt8](repeating: 63, count: 64) + [UInt8](repeating: 63, count: 64 * 4) + [0, 0, 1, 0, 1],
        ] as [[UInt8]])
    func whatIsMalformedIsRefused(body: [UInt8]) {
        let header: [UInt8] = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        guard case .refused(let answer) = DNSQuery.parse(header + body) else {
            Issue.record("\(body) was not refused")
            return
        }
        #expect(answer.count == 12 && answer[1] == 7 && Wire.code(answer) == 1)
    }

    @Test func otherOperationsAndCounts() {
        for (index, value) in [(2, UInt8(0x28)), (5, 0), (5, 2), (7, 1), (9, 1), (11, 1)] {
            var bytes = Wire.question("x")
            bytes[index] = value
            guard case .refused(let answer) = DNSQuery.parse(bytes) else {
                Issue.record("byte \(index) = \(value) was not refused")
                continue
            }
            #expect(Wire.code(answer) == (index == 2 ? 4 : 1))
        }
    }

    /// Nothing that can arrive ends the daemon, and every answer is a message itself.
    @Test func anything() {
        var generator = Seeded(state: 7)
        let seeds = [
            Wire.question("web"), Wire.question("a.b.c.example", type: 12, payloadSize: 4096),
            Wire.question("2.0.9.10.in-addr.arpa", type: 12), Wire.question("x", type: 255),
            Wire.question("1." + String(repeating: "0.", count: 31) + "ip6.arpa", type: 12),
        ]
        let table = NameTable()
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let place = Int.random(in: 0..<max(1, bytes.count), using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0 where !bytes.isEmpty: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: min(place, bytes.count))
                case 2 where !bytes.isEmpty: bytes.remove(at: place)
                default: bytes = Array(bytes.prefix(place))
                }
            }
            switch DNSQuery.parse(bytes) {
            case .ignored: continue
            case .refused(let answer): #expect(answer.count == 12 && answer[0] == bytes[0] && answer[2] & 0x80 != 0)
            case .query(let query):
                #expect(query.question.count <= 255 + 4 && (query.name?.utf8.count ?? 0) <= 253)
                guard case .answer(let answer) = DNSDecision.decide(query, for: "c", forwards: false, table, limit: 512) else { continue }
                #expect(query.isAnswered(by: answer, id: query.id))
            }
            if let query = Wire.query(seeds[round % seeds.count]) {
                // A hostile name server, too.
                if query.isAnswered(by: bytes, id: query.id) { _ = DNSAnswer.passOn(bytes, to: query, limit: 512) }
            }
        }
    }

    @Test func whoseAnswerItIs() throws {
        let query = try #require(Wire.query(Wire.question("web.example")))
        var reply = DNSAnswer.make(query, .none, [[1, 2, 3, 4]], limit: 512)
        #expect(query.isAnswered(by: reply, id: 0x1234))
        #expect(!query.isAnswered(by: reply, id: 0x1235))
        reply[13] ^= 0x20  // Another case of a letter is the same name.
        #expect(query.isAnswered(by: reply, id: 0x1234))
        reply[13] = UInt8(ascii: "x")
        #expect(!query.isAnswered(by: reply, id: 0x1234))
        #expect(!query.isAnswered(by: Wire.question("web.example"), id: 0x1234))
        #expect(!query.isAnswered(by: Array(reply.prefix(20)), id: 0x1234) && !query.isAnswered(by: [], id: 0x1234))
    }

    @Test func whatIsTooLongIsCut() throws {
        let query = try #require(Wire.query(Wire.question("web")))
        let addresses = (0..<100).map { [10, 9, 0, UInt8($0)] as [UInt8] }
        let answer = DNSAnswer.make(query, .none, addresses, limit: 512)
        #expect(answer.count <= 512 && Wire.isTruncated(answer) && Wire.answers(answer) == 30)
        let whole = DNSAnswer.make(query, .none, addresses, limit: 65535)
        #expect(!Wire.isTruncated(whole) && Wire.answers(whole) == 100)
        let passed = DNSAnswer.passOn([9, 9] + whole.dropFirst(2), to: query, limit: 512)
        #expect(Wire.isTruncated(passed) && passed.prefix(2) == [0x12, 0x34] && passed.count == 12 + query.question.count)
        #expect(DNSAnswer.passOn([9, 9] + whole.dropFirst(2), to: query, limit: 65535) == whole)
    }

    @Test func namesAsRecordsHaveThem() {
        #expect(DNSAnswer.encode("web.ash") == [3] + Array("web".utf8) + [3] + Array("ash".utf8) + [0])
        let long = String(repeating: "a", count: 64)
        #expect(DNSAnswer.encode(long) == nil && DNSAnswer.encode("a..b") == nil && DNSAnswer.encode("") == nil)
        #expect(DNSAnswer.encode(Array(repeating: String(repeating: "a", count: 63), count: 4).joined(separator: ".")) == nil)
    }
}

/// A generator that gives the same numbers every time.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) | (state << 31)
    }
}

@Suite struct NameTableTests {
    private func entry(
        _ container: String, _ network: String, _ last: UInt8, names: [String] = [], links: [String: String] = [:]
    ) throws -> NameTable.Entry {
        let third = network == "ash" ? 1 : 2
        return NameTable.Entry(
            container: container, network: network, networkName: network, names: [container] + names, links: links,
            address: try #require(IPv4Address("10.9.\(third).\(last)")), subnet: try IPv4Subnet(parsing: "10.9.\(third).0/24"))
    }

    private func table() throws -> NameTable {
        let table = NameTable()
        table.set(try entry("web", "ash", 2, names: ["Front", "pool"], links: ["db": "postgres"]), interface: "i1")
        table.set(try entry("postgres", "ash", 3, names: ["pool"]), interface: "i2")
        table.set(try entry("postgres", "birch", 3), interface: "i3")
        table.set(try entry("hidden", "birch", 4), interface: "i4")
        return table
    }

    private func look(_ name: String, _ container: String, _ table: NameTable) -> [String]? {
        table.addresses(of: name, for: container)?.map(\.address.description).sorted()
    }

    @Test func namesInSharedNetworksOnly() throws {
        let table = try table()
        #expect(look("postgres", "web", table) == ["10.9.1.3"])
        #expect(look("postgres", "hidden", table) == ["10.9.2.3"])
        #expect(look("hidden", "web", table) == nil && look("hidden", "postgres", table) == ["10.9.2.4"])
        #expect(look("front", "postgres", table) == ["10.9.1.2"] && look("pool", "web", table) == ["10.9.1.2", "10.9.1.3"])
        #expect(look("postgres", "postgres", table) == ["10.9.1.3", "10.9.2.3"])
        #expect(look("web", "nobody", table) == nil)
    }

    @Test func namesWithTheirNetworkAndLinks() throws {
        let table = try table()
        #expect(look("postgres.birch", "postgres", table) == ["10.9.2.3"] && look("postgres.birch", "web", table) == nil)
        #expect(look("db", "web", table) == ["10.9.1.3"] && look("db", "postgres", table) == nil)
    }

    @Test func whatIsForgottenAndRenamed() throws {
        let table = try table()
        table.remove(interface: "i2")
        table.remove(interface: "i2")
        #expect(look("postgres", "web", table) == nil && look("pool", "web", table) == ["10.9.1.2"])
        table.set(try entry("web", "ash", 2, names: ["back"]), interface: "i1")
        #expect(look("front", "web", table) == nil && look("back", "web", table) == ["10.9.1.2"])
        for interface in ["i1", "i3", "i4"] { table.remove(interface: interface) }
        #expect(look("web", "web", table) == nil)
    }

    @Test func addressesOfIPv6() throws {
        let table = try table()
        var six = try entry("six", "ash", 6)
        (six.ipv6Address, six.ipv6Subnet) = (IPv6Address("fd00:9::6"), IPv6Subnet("fd00:9::/64"))
        table.set(six, interface: "i6")
        func ask(_ name: String, _ type: UInt16, for container: String = "six") throws -> DNSDecision {
            DNSDecision.decide(try #require(Wire.query(Wire.question(name, type: type))), for: container, forwards: true, table, limit: 512)
        }
        func answer(_ decision: DNSDecision) -> [UInt8] {
            guard case .answer(let bytes) = decision else { return [] }
            return bytes
        }
        let address = answer(try ask("six", 28, for: "web"))
        #expect(Wire.code(address) == 0 && Wire.answers(address) == 1)
        #expect(Array(address.suffix(16)) == [0xfd, 0, 0, 9] + [UInt8](repeating: 0, count: 11) + [6])
        #expect(Wire.answers(answer(try ask("six", 1))) == 1)
        // A name without IPv6 has no address of it, and nobody else is asked.
        let none = answer(try ask("web", 28))
        #expect(!none.isEmpty && Wire.code(none) == 0 && Wire.answers(none) == 0)
        let zeros = [String](repeating: "0", count: 23).joined(separator: ".")
        let reverse = answer(try ask("6.\(zeros).9.0.0.0.0.0.d.f.ip6.arpa", 12))
        let name = try #require(DNSAnswer.encode("six.ash"))
        #expect(Array(reverse.suffix(name.count)) == name)
        #expect(Wire.code(answer(try ask("7.\(zeros).9.0.0.0.0.0.d.f.ip6.arpa", 12))) == 3)
        // Of another network, of a container that has no IPv6, and what is no address.
        for foreign in [
            "6.\(zeros).9.0.0.1.0.0.d.f.ip6.arpa", "6.0.ip6.arpa", "g.\(zeros).9.0.0.0.0.0.d.f.ip6.arpa",
            "66.\(zeros).9.0.0.0.0.d.f.ip6.arpa",
        ] {
            #expect(try ask(foreign, 12) == .forward)
        }
        #expect(try ask("6.\(zeros).9.0.0.0.0.0.d.f.ip6.arpa", 12, for: "hidden") == .forward)
        table.remove(interface: "i6")
        #expect(try ask("six", 28, for: "web") == .forward)
    }

    @Test func decisions() throws {
        let table = try table()
        func decide(_ name: String, type: UInt16 = 1, for container: String = "web", forwards: Bool = true) throws -> DNSDecision {
            DNSDecision.decide(
                try #require(Wire.query(Wire.question(name, type: type))), for: container, forwards: forwards, table, limit: 512)
        }
        func answer(_ decision: DNSDecision) -> [UInt8] {
            guard case .answer(let bytes) = decision else { return [] }
            return bytes
        }
        let address = answer(try decide("Postgres"))
        #expect(Wire.code(address) == 0 && Wire.answers(address) == 1 && address.suffix(4) == [10, 9, 1, 3])
        // Other types of a name that is there are nobody else's business.
        for type in [28, 15, 16, 33, 255] as [UInt16] {
            let empty = answer(try decide("postgres", type: type))
            #expect(!empty.isEmpty && Wire.code(empty) == 0 && Wire.answers(empty) == 0)
        }
        let reverse = answer(try decide("3.1.9.10.in-addr.arpa", type: 12))
        let name = try #require(DNSAnswer.encode("postgres.ash"))
        #expect(reverse.suffix(14) == name[...])
        #expect(Wire.code(answer(try decide("9.1.9.10.in-addr.arpa", type: 12))) == 3)
        for foreign in ["3.2.9.10.in-addr.arpa", "1.1.1.1.in-addr.arpa", "x.in-addr.arpa", "1.2.in-addr.arpa", "01.1.9.10.in-addr.arpa"] {
            #expect(try decide(foreign, type: 12) == .forward)
        }
        #expect(try decide("hidden") == .forward)
        // A container without a way out asks nobody outside.
        #expect(Wire.code(answer(try decide("example.com", forwards: false))) == 2)
        #expect(Wire.code(answer(try decide("postgres", forwards: false))) == 0)
    }
}

@Suite struct HostResolverTests {
    @Test func lines() {
        let text = """
            # nameserver 192.0.2.9
            domain example
            nameserver 192.0.2.1
            nameserver\t2001:db8::1
            nameserver fe80::1%eth0
            nameserver nosuch
            nameserver 127.0.0.53
            nameserver 192.0.2.4
            """
        let servers = HostResolvers.parse(Array(text.utf8))
        #expect(servers.map(\.family) == [2, 10, 2])
        #expect(servers.first.map { Array($0.bytes[2..<8]) } == [0, 53, 192, 0, 2, 1])
        #expect(HostResolvers.parse([]).isEmpty && HostResolvers.parse([0xff, 0x0a, 0x00]).isEmpty)
    }
}

@Suite struct DNSLimitTests {
    @Test func fewQuestionsMayWaitWhateverOthersAsk() throws {
        let socket = SharedDescriptor(Descriptor(owning: try retrying("open") { open("/dev/null", O_RDONLY | O_CLOEXEC) }))
        let client = DNSWorker.Client(
            ContainerDNS.Service(container: "c", forwards: true, servers: []), DNSStation(datagrams: socket, connections: socket))
        for (own, all, expected) in [
            (0, 0, true), (99, 1999, true), (100, 100, false), (0, 2000, true), (4, 100_000, true), (5, 2000, false), (99, 2000, false),
        ] {
            client.waiting = own
            #expect(client.mayWait(among: all) == expected, "\(own) of \(all)")
        }
    }
}

@Suite struct NameServerTests {
    @Test(
        arguments: [
            ("127.0.0.1", true), ("127.255.255.254", true), ("0.0.0.0", true), ("::1", true), ("::", true), ("::ffff:127.0.0.1", true),
            ("::ffff:0.0.0.0", true), ("126.0.0.1", false), ("10.0.0.127", false), ("::2", false), ("2001:db8::1", false),
            ("::ffff:10.0.0.1", false), ("1::", false), ("nonsense", false),
        ])
    func onALoopback(_ text: String, _ expected: Bool) {
        #expect(ContainerDNS.isLoopback(nameServer: text) == expected)
    }
}
