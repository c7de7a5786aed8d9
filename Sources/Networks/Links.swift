internal import CTimber
internal import Glibc
internal import LinuxKernel

/// A network interface as the kernel lists it.
struct Link: Sendable {
    var index: Int32 = 0
    var name = ""
    var kind = ""
    var alias = ""
    var master: Int32 = 0
    var mtu: UInt32 = 0
}

/// Reading interfaces, addresses and routes (rtnetlink(7)).
enum Links {
    /// Every interface of the socket's namespace.
    static func list(_ socket: borrowing NetlinkSocket) throws -> [Link] {
        var links: [Link] = []
        var batch = NetlinkBatch()
        batch.append("RTM_GETLINK", type: Int(RTM_GETLINK), flags: NLM_F_DUMP) { $0.append(ifinfomsg()) }
        try repeating {
            links.removeAll()
            try socket.perform(batch) { type, body in
                if type == Int(RTM_NEWLINK), let link = Link(body) { links.append(link) }
            }
        }
        return links
    }

    /// An address of an interface, or the destination of a route.
    struct Destination<Address: IPAddress>: Sendable, Hashable {
        var address: Address
        var prefixLength: UInt8
        var interface: Int32
    }

    /// Every address of one family in the socket's namespace.
    static func addresses<Address: IPAddress>(
        _ family: Address.Type, _ socket: borrowing NetlinkSocket
    ) throws -> [Destination<Address>] {
        var found: [Destination<Address>] = []
        // IPv6 has IFA_LOCAL only on point-to-point links.
        let own = Int(Address.family == .ipv4 ? IFA_LOCAL : IFA_ADDRESS)
        var batch = NetlinkBatch()
        batch.append("RTM_GETADDR", type: Int(RTM_GETADDR), flags: NLM_F_DUMP) {
            var header = ifaddrmsg()
            header.ifa_family = Address.family.number
            $0.append(header)
        }
        try repeating {
            found.removeAll()
            try socket.perform(batch) { type, body in
                guard type == Int(RTM_NEWADDR), let header = body.load(ifaddrmsg.self), header.ifa_family == Address.family.number else {
                    return
                }
                for (type, payload) in NetlinkAttributes(body.dropFirst(MemoryLayout<ifaddrmsg>.size)) where type == own {
                    guard let address = Address(payload) else { continue }
                    found.append(
                        Destination(
                            address: address, prefixLength: header.ifa_prefixlen, interface: Int32(bitPattern: header.ifa_index)))
                }
            }
        }
        return found
    }

    /// Every route of one family, of every routing table; a default route is 0.0.0.0/0 or `::/0`.
    static func routes<Address: IPAddress>(
        _ family: Address.Type, _ socket: borrowing NetlinkSocket
    ) throws -> [Destination<Address>] {
        var found: [Destination<Address>] = []
        var batch = NetlinkBatch()
        batch.append("RTM_GETROUTE", type: Int(RTM_GETROUTE), flags: NLM_F_DUMP) {
            var header = rtmsg()
            header.rtm_family = Address.family.number
            $0.append(header)
        }
        try repeating {
            found.removeAll()
            try socket.perform(batch) { type, body in
                guard type == Int(RTM_NEWROUTE), let header = body.load(rtmsg.self), header.rtm_family == Address.family.number else {
                    return
                }
                var destination = Destination(address: Address.any, prefixLength: header.rtm_dst_len, interface: 0)
                for (type, payload) in NetlinkAttributes(body.dropFirst(MemoryLayout<rtmsg>.size)) {
                    switch type {
                    case Int(RTA_DST.rawValue):
                        if let address = Address(payload) { destination.address = address }
                    case Int(RTA_OIF.rawValue):
                        if let index = payload.load(Int32.self) { destination.interface = index }
                    default:
                        continue
                    }
                }
                found.append(destination)
            }
        }
        return found
    }

    /// A dump that was interrupted by a change is taken again. Others may be changing things all the time, and a machine with hundreds of
    /// interfaces takes several pieces: so after a few tries it waits a moment before each, some ten seconds in all.
    static func repeating(_ dump: () throws -> Void) throws {
        for attempt in 1...250 {
            do {
                return try dump()
            } catch let error as SystemError where error.errno == EINTR && attempt < 250 {
                if attempt > 3 { usleep(UInt32(min(attempt, 45)) * 1000) }
            }
        }
    }
}

extension Link {
    fileprivate init?(_ body: ArraySlice<UInt8>) {
        guard let header = body.load(ifinfomsg.self) else { return nil }
        index = header.ifi_index
        for (type, payload) in NetlinkAttributes(body.dropFirst(MemoryLayout<ifinfomsg>.size)) {
            switch type {
            case Int(IFLA_IFNAME): name = payload.netlinkString
            case Int(IFLA_IFALIAS): alias = payload.netlinkString
            case Int(IFLA_MASTER): master = payload.load(Int32.self) ?? 0
            case Int(IFLA_MTU): mtu = payload.load(UInt32.self) ?? 0
            case Int(IFLA_LINKINFO):
                for (type, payload) in NetlinkAttributes(payload) where type == Int(IFLA_INFO_KIND) { kind = payload.netlinkString }
            default: continue
            }
        }
    }
}
