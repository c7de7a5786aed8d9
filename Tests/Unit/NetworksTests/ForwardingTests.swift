import Testing

@testable import Networks

@Suite struct ForwardingTests {
    @Test func whatAnAliasSays() {
        #expect(ForwardingRecord(alias: "timber bridge") == ForwardingRecord(alias: ""))
        #expect(ForwardingRecord(alias: "timber bridge").text == "")
        let old = ForwardingRecord(alias: "timber bridge; ip_forward was 0; accept_redirects was 0")
        #expect(old.forwardedNoIPv4 && old.refusedRedirects && old.lastUnroutedByIPv6 == nil)
        #expect(old.text == "; ip_forward was 0; accept_redirects was 0")
        var record = ForwardingRecord(alias: "")
        record.lastUnroutedByIPv6 = .max
        #expect(ForwardingRecord(alias: "timber bridge" + record.text) == record)
        record.add(old)
        #expect(ForwardingRecord(alias: "timber bridge" + record.text) == record && record.forwardedNoIPv4 && record.refusedRedirects)
        // The kernel's limit of an alias.
        #expect(("timber bridge" + record.text).utf8.count < 256)
        #expect(ForwardingRecord(alias: "timber bridge; ipv6 forwarding was 0 up to interface x").lastUnroutedByIPv6 == nil)
    }

    @Test func interfacesThatWereThereBefore() {
        let links = [1, 2, 3, 7, 9].map { Link(index: $0) }
        let record = ForwardingRecord(alias: "timber bridge; ip_forward was 0; ipv6 forwarding was 0 up to interface 8")
        #expect(record.unrouted(bridge: 3, links) == Unrouted(ipv4: [2], ipv6: [2, 3, 7]))
        #expect(ForwardingRecord(alias: "timber bridge").unrouted(bridge: 3, links) == Unrouted())
    }
}
