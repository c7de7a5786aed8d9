internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// The host's forwarding: turned on when a bridge needs it, behind a guard, and off again with the last of them.
extension Bridge {
    /// Turns on what is off, and notes before that it was.
    /// - Parameters:
    ///   - daemon: the daemon's own bridge, whose alias has the notes.
    ///   - journal: where the settings of interfaces are kept while they change.
    ///   - guarding: called before anything is turned on, with what is not to be forwarded still.
    /// - Returns: what `guarding` was called with.
    @discardableResult
    static func forward(
        _ families: Set<IPFamily>, daemon: String, journal: ForwardingJournal, host: HostNetwork,
        guarding: @escaping @Sendable (Unrouted) throws -> Void
    ) throws -> Unrouted {
        try host.run {
            let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
            let lock = try HostLock.take()
            defer { extend(lock) }
            try journal.settle()
            let off = try families.filter { try Sysctl.read(Forwarding.name(of: $0)) == "0" }
            let links = try Links.list(socket)
            if !off.isEmpty {
                let refused = try Sysctl.read(Forwarding.redirects) == "0"
                try record(on: daemon, socket) { record in
                    if off.contains(.ipv4) {
                        // What is noted already counts: a daemon that died while it turned it off left redirects on.
                        record.refusedRedirects = refused || record.forwardedNoIPv4 && record.refusedRedirects
                        record.forwardedNoIPv4 = true
                    }
                    if off.contains(.ipv6) { record.lastUnroutedByIPv6 = links.map(\.index).max() ?? 0 }
                }
            }
            let unrouted = try unrouted(by: daemon, socket)
            try guarding(unrouted)
            if off.contains(.ipv4) { try Sysctl.write(Forwarding.ipv4, "1") }
            if off.contains(.ipv6) { try Forwarding.setIPv6(true, links, journal) }
            return unrouted
        }
    }

    /// Removes the bridge and what it changed.
    static func remove(name: String, journal: ForwardingJournal, host: HostNetwork) throws {
        try host.run {
            let socket = try NetlinkSocket(protocolNumber: NETLINK_ROUTE)
            let lock = try HostLock.take()
            defer { extend(lock) }
            try journal.settle()
            let links = try Links.list(socket)
            guard let link = links.first(where: { $0.name == name }), isOurs(link) else { return }
            try restoreForwarding(link, links, journal, socket)
            var batch = NetlinkBatch()
            batch.removeLink(name)
            try socket.perform(batch)
        }
    }

    /// Notes on a bridge what the host forwarded before.
    private static func record(on name: String, _ socket: borrowing NetlinkSocket, _ change: (inout ForwardingRecord) -> Void) throws {
        guard let link = try Links.list(socket).first(where: { $0.name == name }), isOurs(link) else { throw gone(name) }
        var record = ForwardingRecord(alias: link.alias)
        change(&record)
        var batch = NetlinkBatch()
        batch.setAlias(name, mark + record.text)
        try socket.perform(batch)
    }

    private static func unrouted(by name: String, _ socket: borrowing NetlinkSocket) throws -> Unrouted {
        let links = try Links.list(socket)
        guard let link = links.first(where: { $0.name == name }), isOurs(link) else { throw gone(name) }
        return ForwardingRecord(alias: link.alias).unrouted(bridge: link.index, links)
    }

    private static func gone(_ name: String) -> TimberError {
        TimberError(.internal, "bridge \(name) is gone, start timberd again")
    }

    /// Turns forwarding off again, unless it is somebody else's business by now: another bridge of ours takes over the record, and
    /// a bridge made after that belongs to something that found forwarding on and may rely on it.
    private static func restoreForwarding(
        _ link: Link, _ links: [Link], _ journal: ForwardingJournal, _ socket: borrowing NetlinkSocket
    ) throws {
        let record = ForwardingRecord(alias: link.alias)
        let others = links.filter { $0.kind == "bridge" && $0.index != link.index }
        if let heir = others.first(where: isOurs) {
            do {
                return try self.record(on: heir.name, socket) { $0.add(record) }
            } catch {
                // Somebody who does not ask for the lock may just have removed it; there may be another one.
                let now = try Links.list(socket)
                if now.contains(where: { $0.index == heir.index }) { throw error }
                return try restoreForwarding(link, now, journal, socket)
            }
        }
        if record.forwardedNoIPv4, !others.contains(where: { $0.index > link.index }) { try Forwarding.turnOffIPv4(record) }
        if let last = record.lastUnroutedByIPv6, !others.contains(where: { $0.index > last }) {
            try Forwarding.setIPv6(false, links, journal)
        }
    }
}

/// Only one daemon at a time changes what all of them share.
enum HostLock {
    /// There once for each network namespace, and nobody but root can open it: flock(2) asks for no more than that. Opened for writing
    /// it does nothing before it is written to.
    static let file = "net/ipv4/route/flush"

    /// Takes it, and keeps it as long as the descriptor is open.
    /// - Parameter limit: how many seconds to wait for another daemon.
    /// - Throws: `TimberError.unavailable` after that.
    static func take(limit: Int = 30) throws -> Descriptor {
        let descriptor = try Sysctl.open(file, O_WRONLY)
        for _ in 0..<(limit * 100) {
            if try attempt(descriptor) { return descriptor }
            usleep(10_000)
        }
        guard try attempt(descriptor) else {
            throw TimberError(
                .unavailable,
                "another program has kept the lock of the host's network settings, /proc/sys/\(file), for \(limit) seconds: lslocks shows which, end it and try again"
            )
        }
        return descriptor
    }

    private static func attempt(_ descriptor: borrowing Descriptor) throws -> Bool {
        let raw = descriptor.raw
        do {
            try retrying("flock", "/proc/sys/" + file) { flock(raw, LOCK_EX | LOCK_NB) }
            return true
        } catch let error as SystemError where error.errno == EWOULDBLOCK {
            return false
        }
    }
}

/// Keeps a lock until here.
func extend(_ lock: borrowing Descriptor) {}
