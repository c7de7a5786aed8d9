import Errors
import Testing

@testable import Networks

@Suite struct PortTests {
    @Test(arguments: [
        ("80/tcp", "", "8080", PortBinding(containerPort: 80, hostPorts: 8080...8080)),
        ("80", "0.0.0.0", "", PortBinding(containerPort: 80, hostAddress: .ipv4(.any))), ("80", "", "", PortBinding(containerPort: 80)),
        ("80", "::", "", PortBinding(containerPort: 80, hostAddress: .ipv6(.any))),
        ("80", "2001:db8::1", "1", PortBinding(containerPort: 80, hostAddress: HostAddress("2001:db8::1"), hostPorts: 1...1)),
        ("53/udp", "127.0.0.1", "0", PortBinding(containerPort: 53, transport: .udp, hostAddress: HostAddress("127.0.0.1"))),
        ("65535/TCP", "", "1-65535", PortBinding(containerPort: 65535, hostPorts: 1...65535)),
        ("80/tcp", "", "8000-8000", PortBinding(containerPort: 80, hostPorts: 8000...8000)),
    ])
    func dockersSpelling(port: String, hostIP: String, hostPort: String, expected: PortBinding) throws {
        #expect(try PortBinding(containerPort: port, hostIP: hostIP, hostPort: hostPort) == expected)
    }

    @Test(arguments: [
        ("80/sctp", "", "80", TimberError.Code.unsupported), ("80/tcp", "[::]", "80", .invalidArgument),
        ("80/tcp", "::1", "80", .unsupported),
        ("80/icmp", "", "80", .invalidArgument), ("80/", "", "80", .invalidArgument), ("/tcp", "", "80", .invalidArgument),
        ("", "", "80", .invalidArgument), ("0/tcp", "", "80", .invalidArgument), ("65536/tcp", "", "80", .invalidArgument),
        ("-1/tcp", "", "80", .invalidArgument), ("+1/tcp", "", "80", .invalidArgument), ("080/tcp", "", "80", .invalidArgument),
        ("80/tcp/udp", "", "80", .invalidArgument), ("80/tcp", "localhost", "80", .invalidArgument),
        ("80/tcp", "1.2.3", "80", .invalidArgument), ("80/tcp", "", "x", .invalidArgument), ("80/tcp", "", "65536", .invalidArgument),
        ("80/tcp", "", "-80", .invalidArgument), ("80/tcp", "", "80-", .invalidArgument), ("80/tcp", "", "0-80", .invalidArgument),
        ("80/tcp", "", "81-80", .invalidArgument), ("80/tcp", "", "1-2-3", .invalidArgument),
        ("80/tcp", "", "99999999999999999999", .invalidArgument),
        ("80/tcp", "", "８０", .invalidArgument), ("80/tcp", "", " 80", .invalidArgument),
    ])
    func whatDoesNotMakeSenseIsRefused(port: String, hostIP: String, hostPort: String, code: TimberError.Code) {
        #expect {
            try PortBinding(containerPort: port, hostIP: hostIP, hostPort: hostPort)
        } throws: {
            ($0 as? TimberError)?.code == code
        }
    }

    private let address = HostAddress.ipv4(IPv4Address(bits: 0xac1e_0002))
    private let other = HostAddress.ipv4(IPv4Address(bits: 0xac1e_0003))

    private func port(
        _ host: UInt16, _ container: UInt16? = nil, _ transport: Transport = .tcp, on hostAddress: HostAddress = .ipv4(.any)
    ) -> PublishedPort {
        PublishedPort(transport: transport, hostAddress: hostAddress, hostPort: host, containerPort: container ?? host)
    }

    @Test func onePortIsOneElement() {
        let elements = PortMap.elements([(port(8080, 80), address)])
        #expect(elements.map(\.0) == [.ports])
        #expect(
            elements.first?.1 == [
                SetElement(key: [6, 0, 0, 0, 0x1f, 0x90, 0, 0], end: nil, value: [172, 30, 0, 2, 0, 80, 0, 0])
            ])
    }

    @Test func aPortOnOneAddressHasItInItsKey() {
        let elements = PortMap.elements([(port(53, 5353, .udp, on: .ipv4(IPv4Address(bits: 0x7f00_0001))), address)])
        #expect(elements.map(\.0) == [.addressedPorts])
        #expect(
            elements.first?.1 == [
                SetElement(key: [127, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0], end: nil, value: [172, 30, 0, 2, 0x14, 0xe9, 0, 0])
            ])
    }

    @Test func portsOfIPv6() throws {
        let inside = try #require(HostAddress("fd00:9::2"))
        let outside = try #require(HostAddress("2001:db8::1"))
        let elements = PortMap.elements([(port(53, 5353, .udp, on: outside), inside), (port(80, 8080, on: .ipv6(.any)), inside)])
        #expect(elements.map(\.0) == [.addressedPorts6, .ports6])
        #expect(
            elements.first?.1 == [
                SetElement(key: outside.bytes + [17, 0, 0, 0, 0, 53, 0, 0], end: nil, value: inside.bytes + [0x14, 0xe9, 0, 0])
            ])
        #expect(
            elements.last?.1 == [SetElement(key: [6, 0, 0, 0, 0, 80, 0, 0], end: nil, value: inside.bytes + [0x1f, 0x90, 0, 0])])
        #expect(PortMap.elements((1...9).map { (port($0, on: .ipv6(.any)), inside) }).map(\.0) == [.ranges6])
        // The same port of both families are two.
        #expect(!port(80).collides(with: port(80, on: .ipv6(.any))))
        #expect(port(80, on: outside).collides(with: port(80, on: .ipv6(.any))))
    }

    @Test func aRunThatKeepsItsNumbersIsOneElement() {
        let ports = (8000...8100).map { (port($0), address) }.shuffled()
        let elements = PortMap.elements(ports)
        #expect(elements.map(\.0) == [.ranges])
        #expect(
            elements.first?.1 == [
                SetElement(key: [6, 0, 0, 0, 0x1f, 0x40, 0, 0], end: [6, 0, 0, 0, 0x1f, 0xa4, 0, 0], value: [172, 30, 0, 2])
            ])
    }

    @Test func runsEndWhereSomethingChanges() {
        func count(_ ports: [(PublishedPort, HostAddress)]) -> [PortMap: Int] {
            Dictionary(uniqueKeysWithValues: PortMap.elements(ports).map { ($0.0, $0.1.count) })
        }
        // Too short.
        #expect(count((1...7).map { (port($0), address) }) == [.ports: 7])
        #expect(count((1...8).map { (port($0), address) }) == [.ranges: 1])
        // Other numbers inside.
        #expect(count((1...20).map { (port($0 + 1000, $0), address) }) == [.ports: 20])
        // A gap.
        #expect(count(((1...10).map { $0 } + (12...21).map { $0 }).map { (port($0), address) }) == [.ranges: 2])
        // Another container, protocol, host address.
        #expect(count((1...10).map { (port($0), address) } + (11...20).map { (port($0), other) }) == [.ranges: 2])
        #expect(count((1...10).map { (port($0), address) } + (11...20).map { (port($0, nil, .udp), address) }) == [.ranges: 2])
        #expect(
            count((1...10).map { (port($0), address) } + (11...20).map { (port($0, nil, .tcp, on: other), address) })
                == [.ranges: 1, .addressedRanges: 1])
        // To the last port, without overflow.
        #expect(count((65500...65535).map { (port($0), address) }) == [.ranges: 1])
        #expect(count([]) == [:])
    }

    @Test func runsCoverExactlyThePortsThatWereAskedFor() {
        for _ in 0..<200 {
            let ports = Set((0..<60).map { _ in UInt16.random(in: 1...80) })
            let runs = PortRun.runs(ports.map { (port($0), address) })
            let covered = runs.flatMap { Array($0.first.hostPort...$0.lastHostPort) }
            #expect(covered.count == ports.count)
            #expect(Set(covered) == ports)
        }
    }

    @Test func wildcardPortsCollideWithEveryAddress() {
        let loopback = HostAddress.ipv4(IPv4Address(bits: 0x7f00_0001))
        #expect(port(80).collides(with: port(80, 8000, .tcp, on: loopback)))
        #expect(port(80, on: loopback).collides(with: port(80)))
        #expect(!port(80, on: loopback).collides(with: port(80, on: address)))
        #expect(!port(80).collides(with: port(80, nil, .udp)))
        #expect(!port(80).collides(with: port(81)))
    }

    @Test func aHolderIsFoundInTheKernelsTables() throws {
        let listening =
            "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 ffff 100 0 0 10 0"
        let wildcard = "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 ffff 100 0 0 10 0"
        let wildcard6 =
            "   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1"
        let connected = listening.replacing(" 0A ", with: " 01 ")
        let loopback = HostAddress.ipv4(IPv4Address(bits: 0x7f00_0001))
        #expect(PortHolder.inode(ofLine: listening, holding: port(8080)) == "4711")
        #expect(PortHolder.inode(ofLine: listening, holding: port(8080, on: loopback)) == "4711")
        #expect(PortHolder.inode(ofLine: listening, holding: port(8080, on: address)) == nil)
        #expect(PortHolder.inode(ofLine: wildcard, holding: port(8080, on: address)) == "4712")
        #expect(PortHolder.inode(ofLine: wildcard6, holding: port(8080, on: address)) == "4713")
        let one6 =
            "   1: B80D0120000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1"
        for (text, inode) in [("2001:db8::1", "4714"), ("2001:db8::2", nil)] {
            let address = try #require(HostAddress(text))
            #expect(PortHolder.inode(ofLine: one6, holding: port(8080, on: address)) == inode)
        }
        #expect(PortHolder.inode(ofLine: listening, holding: port(8081)) == nil)
        #expect(PortHolder.inode(ofLine: connected, holding: port(8080)) == nil)
        for line in ["", "  sl  local_address rem_address   st", "a b c d e f g h i j", "1: : : 0A 0 0 0 0 0 0"] {
            #expect(PortHolder.inode(ofLine: line, holding: port(8080)) == nil)
        }
    }
}
