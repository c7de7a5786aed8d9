import CTimber
import LinuxKernel
import Testing

@testable import Networks

@Suite struct TransactionTests {
    private struct Message {
        var type: Int
        var flags: Int32
        var body: [UInt8]
    }

    private func messages(_ batch: NetlinkBatch) -> [Message] {
        var rest = batch.bytes[...]
        var found: [Message] = []
        while let header = rest.load(nlmsghdr.self) {
            let body = rest.prefix(Int(header.nlmsg_len)).dropFirst(16)
            found.append(Message(type: Int(header.nlmsg_type), flags: Int32(header.nlmsg_flags), body: Array(body)))
            rest = rest.dropFirst(Int(header.nlmsg_len))
        }
        return found
    }

    private let ruleset = Ruleset(bridge: "timber0", networks: [.init(bridge: "timber0", subnet: DefaultSubnets.bridge[0])])
    private let address = HostAddress.ipv4(IPv4Address(bits: 0xac1e_0002))

    @Test func aTransactionHasABeginningAnEndAndOneAnswer() {
        let port = PublishedPort(transport: .tcp, hostAddress: .ipv4(.any), hostPort: 8080, containerPort: 80)
        for batch in [
            ruleset.replace(publishing: [(port, address)]), ruleset.add([(port, address)]), ruleset.remove([(port, address)]),
            Ruleset.removeTable(bridge: "timber0"),
        ] {
            let messages = messages(batch)
            #expect(messages.first?.type == Int(NFNL_MSG_BATCH_BEGIN))
            #expect(messages.last?.type == Int(NFNL_MSG_BATCH_END))
            #expect(messages.filter { $0.flags & NLM_F_ACK != 0 }.count == 1)
            #expect(messages.dropLast().last.map { $0.flags & NLM_F_ACK } == NLM_F_ACK)
        }
    }

    @Test func publishingOnePortIsOneMessage() {
        let port = PublishedPort(transport: .tcp, hostAddress: .ipv4(.any), hostPort: 8080, containerPort: 80)
        let messages = messages(ruleset.add([(port, address)]))
        #expect(messages.count == 3)
        // Read off `nft --debug=mnl add element inet timber/timber0 ports { tcp . 8080 : 172.30.0.2 . 80 }`.
        let table: [UInt8] = [19, 0, 1, 0] + Array("timber/timber0".utf8) + [0, 0]
        let set: [UInt8] = [10, 0, 2, 0] + Array("ports".utf8) + [0, 0, 0]
        let key: [UInt8] = [16, 0, 1, 0x80, 12, 0, 1, 0, 6, 0, 0, 0, 0x1f, 0x90, 0, 0]
        let value: [UInt8] = [16, 0, 2, 0x80, 12, 0, 1, 0, 172, 30, 0, 2, 0, 80, 0, 0]
        let elements: [UInt8] = [40, 0, 3, 0x80, 36, 0, 1, 0x80] + key + value
        #expect(messages[1].body == [1, 0, 0, 0] + table + set + elements)
    }

    @Test func manyElementsAreSplitBeforeTheirLengthOverflows() {
        let ports = (1...20000).map {
            PublishedPort(transport: .udp, hostAddress: address, hostPort: UInt16($0 * 2), containerPort: UInt16($0))
        }
        let messages = messages(ruleset.add(ports.map { ($0, address) }))
        #expect(messages.count == 40 + 2)
        #expect(messages.allSatisfy { $0.body.count < 65000 })
    }

    @Test func tablesOfTwoBridgesNeverHaveTheSameName() {
        #expect(Ruleset.table(bridge: "timber0") == "timber/timber0")
        #expect(Ruleset.table(bridge: "x") != Ruleset.table(bridge: "timber0"))
    }
}
