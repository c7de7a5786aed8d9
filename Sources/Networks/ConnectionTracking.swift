internal import CTimber
internal import Glibc
internal import LinuxKernel

/// Tracked UDP flows (ctnetlink).
///
/// A flow is translated, or not, by its first packet. A client that goes on sending from the same port keeps the old decision alive:
/// past a port published only now, or to a container that has ended. So flows to a UDP port are forgotten when it is published, and
/// when it no longer is. TCP needs none of this: a connection ends.
enum ConnectionTracking {
    fileprivate struct Flow {
        var tuple: [UInt8]
        var id: [UInt8]
        var port: UInt16
        var family: UInt8 = 0
    }

    /// Forgets the UDP flows that were sent to some ports of this host.
    static func forgetDatagrams(to ports: Set<UInt16>, _ socket: borrowing NetlinkSocket) throws {
        guard !ports.isEmpty else { return }
        for flow in try datagramFlows(socket) where ports.contains(flow.port) {
            var batch = NetlinkBatch()
            batch.append(
                "IPCTNL_MSG_CT_DELETE", "udp port \(flow.port)", type: Int(NFNL_SUBSYS_CTNETLINK) << 8 | Int(IPCTNL_MSG_CT_DELETE.rawValue),
                flags: NLM_F_ACK
            ) {
                $0.append(header(flow.family))
                $0.attribute(Int(CTA_TUPLE_ORIG.rawValue) | Int(NLA_F_NESTED), flow.tuple)
                $0.attribute(Int(CTA_ID.rawValue), flow.id)
            }
            do {
                try socket.perform(batch)
            } catch let error as SystemError where error.errno == ENOENT {
                // It has ended by itself.
            }
        }
    }

    private static func header(_ family: UInt8) -> nfgenmsg { nfgenmsg(nfgen_family: family, version: 0, res_id: 0) }

    private static func datagramFlows(_ socket: borrowing NetlinkSocket) throws -> [Flow] {
        var flows: [Flow] = []
        var batch = NetlinkBatch()
        batch.append(
            "IPCTNL_MSG_CT_GET", type: Int(NFNL_SUBSYS_CTNETLINK) << 8 | Int(IPCTNL_MSG_CT_GET.rawValue), flags: NLM_F_DUMP
        ) { $0.append(header(UInt8(AF_UNSPEC))) }
        try socket.perform(batch) { _, body in
            guard let head = body.load(nfgenmsg.self), var flow = Flow(body.dropFirst(MemoryLayout<nfgenmsg>.size)) else { return }
            flow.family = head.nfgen_family
            flows.append(flow)
        }
        return flows
    }
}

extension ConnectionTracking.Flow {
    /// Reads a flow; nil unless it is UDP.
    fileprivate init?(_ body: ArraySlice<UInt8>) {
        var tuple: ArraySlice<UInt8>?
        var id: ArraySlice<UInt8>?
        for (type, payload) in NetlinkAttributes(body) {
            if type == Int(CTA_TUPLE_ORIG.rawValue) { tuple = payload }
            if type == Int(CTA_ID.rawValue) { id = payload }
        }
        guard let tuple, let id else { return nil }
        var transport: UInt8?
        var port: UInt16?
        for (type, payload) in NetlinkAttributes(tuple) where type == Int(CTA_TUPLE_PROTO.rawValue) {
            for (type, payload) in NetlinkAttributes(payload) {
                if type == Int(CTA_PROTO_NUM.rawValue) { transport = payload.first }
                if type == Int(CTA_PROTO_DST_PORT.rawValue) { port = payload.load(UInt16.self).map { UInt16(bigEndian: $0) } }
            }
        }
        guard transport == Transport.udp.number, let port else { return nil }
        self.init(tuple: Array(tuple), id: Array(id), port: port)
    }
}
