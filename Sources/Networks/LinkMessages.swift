internal import CTimber
internal import Glibc
internal import LinuxKernel

/// rtnetlink requests that change something; every one asks for an answer.
extension NetlinkBatch {
    /// Makes a bridge, without spanning tree, up.
    mutating func makeBridge(_ name: String, mac: MACAddress, mtu: UInt32? = nil, alias: String) {
        append("RTM_NEWLINK", name, type: Int(RTM_NEWLINK), flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK) { body in
            body.append(ifinfomsg(index: 0, up: false))
            body.attribute(Int(IFLA_IFNAME), name)
            // An address of its own: otherwise a bridge takes the lowest of its ports', which changes as containers come and go.
            body.attribute(Int(IFLA_ADDRESS), mac.bytes)
            if let mtu { body.attribute(Int(IFLA_MTU), value: mtu) }
            body.nested(Int(IFLA_LINKINFO)) {
                $0.attribute(Int(IFLA_INFO_KIND), "bridge")
                $0.nested(Int(IFLA_INFO_DATA)) {
                    $0.attribute(Int(IFLA_BR_FORWARD_DELAY), value: UInt32(0))
                    $0.attribute(Int(IFLA_BR_STP_STATE), value: UInt32(0))
                }
            }
        }
        setAlias(name, alias)
    }

    /// Sets an interface's alias.
    mutating func setAlias(_ name: String, _ alias: String) {
        append("RTM_NEWLINK", name, type: Int(RTM_NEWLINK), flags: NLM_F_ACK) { body in
            body.append(ifinfomsg(index: 0, up: false))
            body.attribute(Int(IFLA_IFNAME), name)
            body.attribute(Int(IFLA_IFALIAS), alias)
        }
    }

    /// Brings an interface up.
    mutating func setLink(_ name: String, index: Int32, up: Bool) {
        append("RTM_NEWLINK", name, type: Int(RTM_NEWLINK), flags: NLM_F_ACK) { $0.append(ifinfomsg(index: index, up: up)) }
    }

    /// Makes a veth pair: this end up on a bridge, the other end inside a namespace.
    /// - Parameter index: the inner end's; 0: the kernel chooses.
    mutating func makeVeth(_ endpoint: Endpoint, bridge: Bridge, namespace: NetworkNamespace, index: Int32) {
        let name = endpoint.interface
        append("RTM_NEWLINK", name, type: Int(RTM_NEWLINK), flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK) { body in
            body.append(ifinfomsg(index: 0, up: true))
            body.attribute(Int(IFLA_IFNAME), name)
            body.attribute(Int(IFLA_MASTER), value: bridge.index)
            // A chosen address: udev replaces one that the kernel made up (systemd.link(5), MACAddressPolicy=persistent).
            body.attribute(Int(IFLA_ADDRESS), MACAddress(outside: endpoint.address).bytes)
            body.appendVeth(mtu: bridge.mtu)
            body.nested(Int(IFLA_LINKINFO)) {
                $0.attribute(Int(IFLA_INFO_KIND), "veth")
                $0.nested(Int(IFLA_INFO_DATA)) {
                    $0.nested(Int(VETH_INFO_PEER)) {
                        $0.append(ifinfomsg(index: index, up: false))
                        $0.attribute(Int(IFLA_IFNAME), endpoint.device)
                        $0.attribute(Int(IFLA_ADDRESS), endpoint.mac.bytes)
                        $0.attribute(Int(IFLA_NET_NS_FD), value: namespace.raw)
                        $0.appendVeth(mtu: bridge.mtu)
                    }
                }
            }
        }
        // Hairpin: with br_netfilter a container's packet to its own published port is sent back out of the port it came from.
        append("RTM_NEWLINK", name, type: Int(RTM_NEWLINK), flags: NLM_F_ACK) { body in
            body.append(ifinfomsg(index: 0, up: false))
            body.attribute(Int(IFLA_IFNAME), name)
            body.attribute(Int(IFLA_IFALIAS), "timber container \(endpoint.id.prefix(64))")
            body.nested(Int(IFLA_LINKINFO)) {
                $0.attribute(Int(IFLA_INFO_SLAVE_KIND), "bridge")
                $0.nested(Int(IFLA_INFO_SLAVE_DATA)) {
                    $0.attribute(Int(IFLA_BRPORT_MODE), value: UInt8(1))
                    // Isolated ports reach the bridge itself and no other isolated port.
                    if bridge.isolatesPorts { $0.attribute(Int(IFLA_BRPORT_ISOLATED), value: UInt8(1)) }
                }
            }
        }
    }

    /// Adds an address. One of IPv6 is usable at once: nobody else can have it, so nobody is asked (IFA_F_NODAD).
    mutating func addAddress<Address: IPAddress>(_ address: Address, in subnet: Subnet<Address>, to index: Int32) {
        append("RTM_NEWADDR", "\(address)", type: Int(RTM_NEWADDR), flags: NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK) {
            $0.appendAddress(address, prefixLength: subnet.prefixLength, index: index)
            if Address.family.hasBroadcast { $0.attribute(Int(IFA_BROADCAST), subnet.last.bytes) }
        }
    }

    /// Removes an address.
    mutating func removeAddress(_ address: some IPAddress, prefixLength: UInt8, from index: Int32) {
        append("RTM_DELADDR", "\(address)", type: Int(RTM_DELADDR), flags: NLM_F_ACK) {
            $0.appendAddress(address, prefixLength: prefixLength, index: index)
        }
    }

    /// Sets the default route, whatever it was.
    mutating func setDefaultRoute<Address: IPAddress>(via gateway: Address, index: Int32) {
        append("RTM_NEWROUTE", "default via \(gateway)", type: Int(RTM_NEWROUTE), flags: NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK) { body in
            body.append(rtmsg.defaultRoute(Address.family))
            body.attribute(Int(RTA_GATEWAY.rawValue), gateway.bytes)
            body.attribute(Int(RTA_OIF.rawValue), value: index)
        }
    }

    /// Sets the default route by an endpoint's gateway, if there is one.
    mutating func setDefaultRoute(_ endpoint: Endpoint, _ family: IPFamily, index: Int32) {
        switch family {
        case .ipv4: if let gateway = endpoint.gateway { setDefaultRoute(via: gateway, index: index) }
        case .ipv6: if let gateway = endpoint.ipv6?.gateway { setDefaultRoute(via: gateway, index: index) }
        }
    }

    /// Removes the default route; ESRCH when there is none.
    mutating func removeDefaultRoute(_ family: IPFamily) {
        append("RTM_DELROUTE", "default", type: Int(RTM_DELROUTE), flags: NLM_F_ACK) { $0.append(rtmsg.defaultRoute(family)) }
    }

    /// Removes an interface. Takes tens of milliseconds: never while somebody waits for a container.
    mutating func removeLink(_ name: String) {
        append("RTM_DELLINK", name, type: Int(RTM_DELLINK), flags: NLM_F_ACK) { body in
            body.append(ifinfomsg(index: 0, up: false))
            body.attribute(Int(IFLA_IFNAME), name)
        }
    }
}

extension NetlinkBody {
    /// One queue: the default is one for every processor, each with objects in sysfs, which a veth pair does not need.
    fileprivate mutating func appendVeth(mtu: UInt32) {
        attribute(Int(IFLA_MTU), value: mtu)
        attribute(Int(IFLA_NUM_TX_QUEUES), value: UInt32(1))
        attribute(Int(IFLA_NUM_RX_QUEUES), value: UInt32(1))
    }

    fileprivate mutating func appendAddress<Address: IPAddress>(_ address: Address, prefixLength: UInt8, index: Int32) {
        var header = ifaddrmsg()
        header.ifa_family = Address.family.number
        header.ifa_prefixlen = prefixLength
        header.ifa_index = UInt32(bitPattern: index)
        if Address.family == .ipv6 { header.ifa_flags = UInt8(IFA_F_NODAD) }
        append(header)
        attribute(Int(IFA_LOCAL), address.bytes)
        attribute(Int(IFA_ADDRESS), address.bytes)
    }
}

extension rtmsg {
    fileprivate static func defaultRoute(_ family: IPFamily) -> rtmsg {
        var header = rtmsg()
        header.rtm_family = family.number
        header.rtm_table = UInt8(RT_TABLE_MAIN.rawValue)
        header.rtm_protocol = UInt8(RTPROT_BOOT)
        header.rtm_scope = UInt8(RT_SCOPE_UNIVERSE.rawValue)
        header.rtm_type = UInt8(RTN_UNICAST)
        return header
    }
}

extension ifinfomsg {
    /// With `up` false the flags are left as they are.
    fileprivate init(index: Int32, up: Bool) {
        self.init()
        ifi_index = index
        ifi_flags = up ? UInt32(IFF_UP) : 0
        ifi_change = up ? UInt32(IFF_UP) : 0
    }
}
