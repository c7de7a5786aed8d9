import CTimber
import Glibc
import LinuxKernel
import Testing

@Suite struct NetlinkTests {
    @Test func attributesAreLaidOutAsTheKernelWantsThem() {
        var body = NetlinkBody()
        body.attribute(3, "lo")
        body.attribute(4, value: UInt32(0x0102_0304))
        body.attribute(5, bigEndian: UInt16(0x0102))
        body.nested(6) { $0.attribute(1, [7, 8, 9]) }
        #expect(
            body.bytes == [7, 0, 3, 0, 0x6c, 0x6f, 0, 0] + [8, 0, 4, 0, 4, 3, 2, 1] + [6, 0, 5, 0, 1, 2, 0, 0]
                + [12, 0, 6, 0x80, 7, 0, 1, 0, 7, 8, 9, 0])
    }

    @Test func messagesAreNumberedInOrder() throws {
        var batch = NetlinkBatch()
        batch.append("A", type: 16, flags: 0) { _ in }
        batch.append("B", type: 17, flags: 4) { $0.append(UInt32(5)) }
        #expect(batch.count == 2)
        #expect(batch.bytes.count == 16 + 20)
        let second = try #require(batch.bytes.dropFirst(16).load(nlmsghdr.self))
        #expect(second.nlmsg_len == 20)
        #expect(second.nlmsg_type == 17)
        #expect(second.nlmsg_seq == 2)
        #expect(second.nlmsg_flags == 5)
    }

    @Test func whatIsWrittenIsReadAgain() {
        var body = NetlinkBody()
        body.attribute(1, "eth0")
        body.nested(2) { $0.attribute(3, value: UInt8(9)) }
        let read = Array(NetlinkAttributes(body.bytes[...]))
        #expect(read.map(\.type) == [1, 2])
        #expect(read.first?.payload.netlinkString == "eth0")
        #expect(read.last.map { Array(NetlinkAttributes($0.payload)).first?.payload.load(UInt8.self) } == 9)
    }

    @Test(arguments: [[4, 0], [3, 0, 1, 0], [0, 0, 1, 0], [9, 0, 1, 0, 1, 2, 3, 4], [255, 255, 255, 255]] as [[UInt8]])
    func malformedAttributesEndTheSequence(bytes: [UInt8]) {
        #expect(Array(NetlinkAttributes(bytes[...])).isEmpty)
    }

    @Test func noBytesAreReadPastTheEnd() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0..<64)).map { _ in UInt8.random(in: 0...32, using: &generator) }
            let total = NetlinkAttributes(bytes[...]).reduce(0) { $0 + 4 + $1.payload.count }
            #expect(total <= bytes.count)
        }
    }

    @Test func theKernelListsLoopback() throws {
        let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
        var batch = NetlinkBatch()
        batch.append("RTM_GETLINK", type: Int(RTM_GETLINK), flags: NLM_F_DUMP) { $0.append(ifinfomsg()) }
        var names: [String] = []
        try socket.perform(batch) { _, body in
            for (type, payload) in NetlinkAttributes(body.dropFirst(MemoryLayout<ifinfomsg>.size)) where type == Int(IFLA_IFNAME) {
                names.append(payload.netlinkString)
            }
        }
        #expect(names.contains("lo"))
    }

    @Test func aRefusalSaysWhatAndWhy() throws {
        let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
        var batch = NetlinkBatch()
        batch.append("RTM_GETLINK", "timber-none", type: Int(RTM_GETLINK), flags: NLM_F_ACK) {
            $0.append(ifinfomsg())
            $0.attribute(Int(IFLA_IFNAME), "timber-none")
        }
        #expect(throws: SystemError(call: "RTM_GETLINK", errno: ENODEV, what: "timber-none")) { try socket.perform(batch) }
        // The socket is usable afterwards.
        var next = NetlinkBatch()
        next.append("RTM_GETLINK", type: Int(RTM_GETLINK), flags: NLM_F_ACK) {
            $0.append(ifinfomsg())
            $0.attribute(Int(IFLA_IFNAME), "lo")
        }
        var answers = 0
        try socket.perform(next) { _, _ in answers += 1 }
        #expect(answers == 1)
    }
}
