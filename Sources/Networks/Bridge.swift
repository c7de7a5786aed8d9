internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// A bridge and the host's settings that it needs: the daemon's own, or that of a user's network.
///
/// What was changed is recorded in the bridge's alias (`ip link` shows it): it appears in the same system call as the bridge, ends
/// with it, and does not outlive a reboot, exactly like what it describes. An interface without that alias is not ours.
struct Bridge: Sendable {
    let name: String
    let index: Int32
    let subnet: IPv4Subnet
    let gateway: IPv4Address
    /// Of the bridge and the veth pairs: the default route's, so that containers do not send packets that have to be cut; at most 1500.
    var mtu: UInt32
    /// Its containers do not reach each other.
    var isolatesPorts = false
    /// What it has of IPv6; nil: nothing.
    var ipv6: AddressPlan<IPv6Address>?

    private static let advice = "configure one with --bridge-subnet"
    /// The alias of every bridge of ours starts with it; what the host forwarded before follows.
    static let mark = "timber bridge"
    /// The alias of the bridges of a daemon's user networks starts with it; the network's id follows.
    private static func mark(ofNetworksOf daemon: String) -> String { "timber network \(daemon) " }

    /// Finds or makes the bridge and puts its settings right; repeating it changes nothing. Follow with `forward`.
    /// - Parameters:
    ///   - name: the interface's name, 1 to 15 of letters, digits, `_`, `.` and `-`.
    ///   - configured: the subnet asked for; nil for the one that the bridge has, or one that collides with nothing.
    static func establish(name: String, subnet configured: IPv4Subnet?, host: HostNetwork) throws -> Bridge {
        try validate(name)
        return try host.run {
            let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
            let lock = try HostLock.take()
            defer { extend(lock) }
            let link = try Links.list(socket).first { $0.name == name }
            let bridge = try link.map { try adopt($0, configured, socket) } ?? make(name, configured, socket)
            try bridge.bringUp(socket)
            return bridge
        }
    }

    /// Finds or makes the bridge of a user's network; repeating it changes nothing. Follow with `forward`.
    /// - Parameter daemon: the daemon's own bridge.
    /// - Throws: `TimberError.conflict` when the interface is somebody else's, or the subnet collides with something new.
    static func establish(_ network: NetworkConfiguration, daemon: String, host: HostNetwork) throws -> Bridge {
        try validate(network.bridge)
        let alias = mark(ofNetworksOf: daemon) + network.id
        return try host.run {
            let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
            let lock = try HostLock.take()
            defer { extend(lock) }
            if network.ipv6 != nil { try checkIPv6() }
            var link = try Links.list(socket).first { $0.name == network.bridge }
            if let link {
                guard link.kind == "bridge", link.alias == alias else {
                    throw TimberError(
                        .conflict, "interface \(link.name) exists and is not the bridge of network \(network.name), choose another one")
                }
            } else {
                try SubnetChoice(socket, except: 0).check(network.subnet, advice: "choose another one with --subnet")
                if let ipv6 = network.ipv6 {
                    try SubnetChoice(socket, except: 0).check(ipv6.subnet, advice: "choose another one with --subnet")
                }
                var batch = NetlinkBatch()
                batch.makeBridge(network.bridge, mac: MACAddress(for: network.gateway), mtu: network.mtu, alias: alias)
                try socket.perform(batch)
                link = try Links.list(socket).first { $0.name == network.bridge }
            }
            guard let link else { throw TimberError(.internal, "bridge \(network.bridge) vanished while it was made") }
            let bridge = Bridge(
                name: link.name, index: link.index, subnet: network.subnet, gateway: network.gateway,
                mtu: try network.mtu ?? uplinkMTU(socket), isolatesPorts: network.rules.isolatesContainers, ipv6: network.ipv6)
            try bridge.bringUp(socket)
            return bridge
        }
    }

    /// Names of the bridges of a daemon's user networks that are there, by the network's id.
    static func networks(of daemon: String, host: HostNetwork) throws -> [String: String] {
        let mark = mark(ofNetworksOf: daemon)
        return try host.run {
            let links = try Links.list(NetlinkSocket(protocolNumber: NETLINK_ROUTE))
            return Dictionary(
                links.filter { $0.kind == "bridge" && $0.alias.hasPrefix(mark) }.map { (String($0.alias.dropFirst(mark.count)), $0.name) },
                uniquingKeysWith: { first, _ in first })
        }
    }

    /// Removes the bridge of a user's network; nothing happens when there is none.
    static func remove(_ network: NetworkConfiguration, daemon: String, host: HostNetwork) throws {
        try removeNetworks(of: daemon, host: host) { $0 == network.id }
    }

    /// Removes the bridges of user networks that are not known any more.
    static func removeNetworks(of daemon: String, except known: Set<String>, host: HostNetwork) throws {
        try removeNetworks(of: daemon, host: host) { !known.contains($0) }
    }

    private static func removeNetworks(
        of daemon: String, host: HostNetwork, where isWanted: @escaping @Sendable (_ id: String) -> Bool
    ) throws {
        let mark = mark(ofNetworksOf: daemon)
        try host.run {
            let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
            for link in try Links.list(socket) where link.kind == "bridge" && link.alias.hasPrefix(mark) {
                guard isWanted(String(link.alias.dropFirst(mark.count))) else { continue }
                var batch = NetlinkBatch()
                batch.removeLink(link.name)
                try socket.perform(batch)
            }
        }
    }

    /// Names of the interfaces on the bridge that look like a container's.
    func ports(_ socket: borrowing NetlinkSocket) throws -> [String] {
        try Links.list(socket).filter { $0.master == index && $0.kind == "veth" && $0.name.hasPrefix("tv") }.map(\.name)
    }

    static func validate(_ name: String) throws {
        let allowed = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard allowed, (1...15).contains(name.utf8.count), name != ".", name != ".." else {
            throw TimberError(.invalidArgument, "bridge name \"\(name)\" is not 1 to 15 letters, digits, \"_\", \".\" or \"-\"")
        }
    }

    static func isOurs(_ link: Link) -> Bool { link.kind == "bridge" && link.alias.hasPrefix(mark) }

    private static func adopt(_ link: Link, _ configured: IPv4Subnet?, _ socket: borrowing NetlinkSocket) throws -> Bridge {
        guard isOurs(link) else {
            throw TimberError(
                .conflict, "interface \(link.name) exists and is not a bridge that Timber made, configure another bridge name")
        }
        let addresses = try Links.addresses(IPv4Address.self, socket).filter { $0.interface == link.index }
        let present = addresses.first.flatMap { IPv4Subnet($0.address, prefixLength: $0.prefixLength) }
        let subnet =
            try configured ?? present ?? SubnetChoice(socket, except: link.index).choose(from: DefaultSubnets.bridge, advice: advice)
        let bridge = Bridge(name: link.name, index: link.index, subnet: subnet, gateway: subnet.gateway, mtu: try uplinkMTU(socket))
        if let present, present != subnet {
            guard try bridge.ports(socket).isEmpty else {
                throw TimberError(
                    .conflict,
                    "bridge \(link.name) has subnet \(present) and containers run on it, stop them first or configure that subnet")
            }
            try SubnetChoice(socket, except: link.index).check(subnet)
            var batch = NetlinkBatch()
            for address in addresses { batch.removeAddress(address.address, prefixLength: address.prefixLength, from: link.index) }
            try socket.perform(batch)
        }
        return bridge
    }

    private static func make(_ name: String, _ configured: IPv4Subnet?, _ socket: borrowing NetlinkSocket) throws -> Bridge {
        let choice = try SubnetChoice<IPv4Address>(socket, except: 0)
        if let configured { try choice.check(configured) }
        let subnet = try configured ?? choice.choose(from: DefaultSubnets.bridge, advice: advice)
        var batch = NetlinkBatch()
        batch.makeBridge(name, mac: MACAddress(for: subnet.gateway), alias: mark)
        try socket.perform(batch)
        guard let link = try Links.list(socket).first(where: { $0.name == name }) else {
            throw TimberError(.internal, "bridge \(name) vanished while it was made")
        }
        return Bridge(name: name, index: link.index, subnet: subnet, gateway: subnet.gateway, mtu: try uplinkMTU(socket))
    }

    private func bringUp(_ socket: borrowing NetlinkSocket) throws {
        if ipv6 != nil {
            try Sysctl.allowIPv6(on: name)
        } else {
            // Off before the bridge is up: no link-local address through which containers would reach the host past IPv4's rules.
            do {
                try Sysctl.write("net/ipv6/conf/\(name)/disable_ipv6", "1")
            } catch let error as SystemError where error.errno == ENOENT {}
        }
        // The answers of ports published on 127.0.0.1 come back to a loopback address; the table's `raw` chain guards it.
        try Sysctl.write("net/ipv4/conf/\(name)/route_localnet", "1")
        var batch = NetlinkBatch()
        batch.addAddress(gateway, in: subnet, to: index)
        if let ipv6 { batch.addAddress(ipv6.gateway, in: ipv6.subnet, to: index) }
        batch.setLink(name, index: index, up: true)
        try socket.perform(batch)
    }

    /// - Throws: `TimberError.unavailable` when the host has no IPv6.
    static func checkIPv6() throws {
        do {
            _ = try Sysctl.read(Forwarding.ipv6)
        } catch let error as SystemError where error.errno == ENOENT {
            throw TimberError(
                .unavailable, "this host's kernel has no IPv6: start it without ipv6.disable=1, or leave --ipv6 out", cause: error)
        }
    }

    private static func uplinkMTU(_ socket: borrowing NetlinkSocket) throws -> UInt32 {
        let uplinks = Set(try Links.routes(IPv4Address.self, socket).filter { $0.prefixLength == 0 }.map(\.interface))
        let mtu = try Links.list(socket).filter { uplinks.contains($0.index) }.map(\.mtu).min() ?? 1500
        // 1280: less than IPv6's minimum is a special link's business, and fragments there.
        return min(1500, max(1280, mtu))
    }
}
