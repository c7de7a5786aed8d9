import Errors
import Foundation
import Testing

@testable import Networks

@Suite struct AddressTests {
    @Test(arguments: [("0.0.0.0", 0), ("127.0.0.1", 0x7f00_0001), ("255.255.255.255", UInt32.max), ("172.30.0.2", 0xac1e_0002)])
    func addressesAreReadAndWritten(text: String, bits: UInt32) {
        #expect(IPv4Address(text)?.bits == bits)
        #expect(IPv4Address(bits: bits).description == text)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.04", "+1.2.3.4", "-1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1..3.4",
        "a.b.c.d",
        "0x7f.0.0.1", "1.2.3.4294967297", "١.2.3.4", "1.2.3.4\0",
    ])
    func otherTextIsNotAnAddress(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test func subnets() throws {
        let subnet = try IPv4Subnet(parsing: "172.30.0.0/16")
        #expect(subnet.gateway.description == "172.30.0.1")
        #expect(subnet.last.description == "172.30.255.255")
        #expect(try subnet.contains(#require(IPv4Address("172.30.255.1"))))
        #expect(try !subnet.contains(#require(IPv4Address("172.31.0.1"))))
        #expect(try subnet.overlaps(#require(IPv4Address("172.30.5.0")), prefixLength: 24))
        #expect(try subnet.overlaps(#require(IPv4Address("172.16.0.0")), prefixLength: 12))
        #expect(try !subnet.overlaps(#require(IPv4Address("172.31.0.0")), prefixLength: 16))
        #expect(subnet.overlaps(.any, prefixLength: 0))
    }

    @Test(arguments: [
        "", "172.30.0.0", "172.30.0.0/", "/16", "172.30.0.0/30", "172.30.0.0/7", "172.30.0.0/33", "172.30.0.0/016", "172.30.0.1/16",
        "172.30.0.0/16/16", "fd00::/64",
    ])
    func otherTextIsNotASubnet(text: String) {
        #expect { try IPv4Subnet(parsing: text) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }

    @Test(
        arguments: [
            ("::", 0), ("::1", 1), ("fd00:9::2", 0xfd00_0009 << 96 | 2), ("::ffff:10.0.0.1", 0xffff_0a00_0001),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max), ("2001:db8::1:0:0:1", 0x2001_0db8 << 96 | 1 << 48 | 1),
        ] as [(String, UInt128)])
    func addressesOfIPv6AreReadAndWritten(text: String, bits: UInt128) {
        #expect(IPv6Address(text)?.bits == bits)
        #expect(IPv6Address(bits: bits).description == text)
        #expect(IPv6Address(IPv6Address(bits: bits).bytes[...])?.bits == bits)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "10.0.0.1", "fe80::1%eth0", "fd00::1/64", " ::1", "::1 ", "1:2:3:4:5:6:7:8:9", "g::", "::1\0", "[::1]",
    ])
    func otherTextIsNotAnIPv6Address(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func subnetsOfIPv6() throws {
        let subnet = try IPv6Subnet(parsing: "FD00:0:0:1:0::/64")
        #expect(subnet.description == "fd00:0:0:1::/64" && IPv6Subnet(subnet.description) == subnet)
        #expect(subnet.gateway.description == "fd00:0:0:1::1" && subnet.last.description == "fd00::1:ffff:ffff:ffff:ffff")
        #expect(try subnet.contains(#require(IPv6Address("fd00:0:0:1::ffff"))))
        #expect(try !subnet.contains(#require(IPv6Address("fd00:0:0:2::"))))
        #expect(subnet.canHave(subnet.last) && !subnet.canHave(subnet.network))
        #expect(try subnet.overlaps(#require(IPv6Address("fd00::")), prefixLength: 8))
        #expect(try !subnet.overlaps(#require(IPv6Address("fd00:0:0:2::")), prefixLength: 64))
        #expect(try AddressRange(parsing: "fd00:0:0:1:8000::/65", in: subnet).description == "fd00:0:0:1:8000::/65")
        #expect(try AddressRange(parsing: "fd00:0:0:1::5/128", in: subnet).last.description == "fd00:0:0:1::5")
        for text in ["fd00::/129", "fd00::/63", "fd00:0:0:2::/65", "10.0.0.0/8", ""] {
            #expect { try AddressRange(parsing: text, in: subnet) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
        }
    }

    @Test(arguments: ["", "fd00::", "fd00::/", "fd00::/7", "fd00::/127", "fd00::/0128", "fd00::1/64", "fd00::/64/64", "10.0.0.0/24"])
    func otherTextIsNotASubnetOfIPv6(text: String) {
        #expect { try IPv6Subnet(parsing: text) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }

    @Test func ethernetAddressesFollowFromAddresses() throws {
        let mac = try MACAddress(for: #require(IPv4Address("172.30.0.2")))
        #expect(mac.description == "02:54:ac:1e:00:02")
        #expect(MACAddress(mac.description) == mac)
    }

    @Test(arguments: [
        "", "02:54:ac:1e:00", "02:54:ac:1e:00:02:03", "0254ac1e0002", "2:54:ac:1e:0:2", "01:54:ac:1e:00:02", "00:00:00:00:00:00",
        "+2:54:ac:1e:00:02", "02:54:ac:1e:00:0g",
    ])
    func otherTextIsNotAnEthernetAddress(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func endpointsAreStoredAsText() throws {
        let endpoint = Endpoint(
            id: "c0ffee", network: "b1", endpointID: "e1", interface: "tvc0ffee12345", device: "eth0",
            address: try #require(IPv4Address("172.30.0.2")), prefixLength: 16, gateway: IPv4Address("172.30.0.1"),
            mac: try #require(MACAddress("02:54:ac:1e:00:02")))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = try encoder.encode(endpoint)
        #expect(
            String(decoding: data, as: UTF8.self)
                == #"{"address":"172.30.0.2","device":"eth0","endpointID":"e1","gateway":"172.30.0.1","id":"c0ffee","interface":"tvc0ffee12345","mac":"02:54:ac:1e:00:02","network":"b1","prefixLength":16}"#
        )
        #expect(try JSONDecoder().decode(Endpoint.self, from: data) == endpoint)
        // As an older one stored it, and with IPv6.
        var both = endpoint
        both.ipv6 = IPv6Place(
            address: try #require(IPv6Address("fd00:9::2")), prefixLength: 64, gateway: IPv6Address("fd00:9::1"))
        #expect(try JSONDecoder().decode(Endpoint.self, from: try encoder.encode(both)) == both)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(IPv4Address.self, from: Data(#""1.2.3""#.utf8)) }
    }

    @Test func vethNamesFitAndDiffer() {
        let id = String(repeating: "0123456789abcdef", count: 4)
        let names = Set((0..<1000).map { _ in EndpointName.veth(id: id) })
        #expect(names.count > 990)
        #expect(names.allSatisfy { $0.hasPrefix("tv01234567") && $0.utf8.count == 15 })
        #expect(EndpointName.veth(id: "../x\0é").utf8.allSatisfy { $0.isASCIIAlphanumeric })
    }
}

extension UInt8 {
    fileprivate var isASCIIAlphanumeric: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }
}
