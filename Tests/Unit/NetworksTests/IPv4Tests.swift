import Errors
import Foundation
import Testing

@testable import Networks

@Suite struct IPv4Tests {
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
        #expect(subnet.broadcast.description == "172.30.255.255")
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
