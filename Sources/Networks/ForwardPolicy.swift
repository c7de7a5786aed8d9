internal import CTimber
internal import Glibc
internal import LinuxKernel

/// A chain of somebody else's that drops what is forwarded unless a rule of its own accepts it (Docker's, ufw's, firewalld's).
///
/// In nf_tables a packet has to be accepted by every table; ours cannot overrule another one. docs/networks.md says what to do.
struct ForwardPolicy: Sendable, Equatable {
    var table: String
    var chain: String

    /// Every such chain for some families of addresses.
    static func dropping(_ families: Set<IPFamily>, except ours: String, _ socket: borrowing NetlinkSocket) throws -> [ForwardPolicy] {
        var found: [ForwardPolicy] = []
        var batch = NetlinkBatch()
        batch.append("NFT_MSG_GETCHAIN", type: Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(NFT_MSG_GETCHAIN.rawValue), flags: NLM_F_DUMP) {
            $0.append(nfgenmsg(nfgen_family: UInt8(AF_UNSPEC), version: 0, res_id: 0))
        }
        try Links.repeating {
            found = []
            try socket.perform(batch) { _, body in
                guard let header = body.load(nfgenmsg.self),
                    header.nfgen_family == UInt8(NFPROTO_INET) || families.contains(where: { $0.number == header.nfgen_family }),
                    let chain = Self(dropping: body.dropFirst(MemoryLayout<nfgenmsg>.size)), chain.table != ours
                else { return }
                found.append(chain)
            }
        }
        return found
    }

    private init?(dropping body: ArraySlice<UInt8>) {
        table = ""
        chain = ""
        var hook: UInt32?
        var policy: UInt32?
        for (type, payload) in NetlinkAttributes(body) {
            switch type {
            case Int(NFTA_CHAIN_TABLE.rawValue): table = payload.netlinkString
            case Int(NFTA_CHAIN_NAME.rawValue): chain = payload.netlinkString
            case Int(NFTA_CHAIN_POLICY.rawValue): policy = payload.load(UInt32.self).map { UInt32(bigEndian: $0) }
            case Int(NFTA_CHAIN_HOOK.rawValue):
                for (type, payload) in NetlinkAttributes(payload) where type == Int(NFTA_HOOK_HOOKNUM.rawValue) {
                    hook = payload.load(UInt32.self).map { UInt32(bigEndian: $0) }
                }
            default: continue
            }
        }
        guard hook == NF_INET_FORWARD.rawValue, policy == UInt32(NF_DROP) else { return nil }
    }
}
