internal import CTimber
internal import Dispatch
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// Notices when somebody else takes something out of our table (`nft flush ruleset`, a firewall that starts over), so that it can be
/// written again before anybody misses a port.
final class TableWatch: Sendable {
    /// Two programs that undo each other's work do not get the processor for it.
    private static let pause = DispatchTimeInterval.milliseconds(200)

    private struct State: Sendable {
        var stopped = false
        var due = false
        var next = DispatchTime.now()
    }

    private let table: String
    private let shared: SharedNetlinkSocket
    private let isOurs: @Sendable (UInt32) -> Bool
    private let rewrite: @Sendable () -> Void
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "timber.table-watch")
    // Dispatch's objects may be used from any thread.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// Starts to watch.
    /// - Parameters:
    ///   - table: the table's name, family inet.
    ///   - socket: has joined NFNLGRP_NFTABLES, for this only.
    ///   - isOurs: whether a netlink port is one of our own sockets.
    ///   - rewrite: called on a queue of its own, never twice at once.
    init(
        table: String, socket: SharedNetlinkSocket, isOurs: @escaping @Sendable (UInt32) -> Bool, rewrite: @escaping @Sendable () -> Void
    ) {
        self.table = table
        shared = socket
        self.isOurs = isOurs
        self.rewrite = rewrite
        source = DispatchSource.makeReadSource(fileDescriptor: socket.socket.raw, queue: queue)
        source.setEventHandler { [weak self] in self?.read() }
        // The descriptor may not be closed before the source has let go of it.
        source.setCancelHandler { [self] in withExtendedLifetime(self) {} }
        source.activate()
    }

    /// Ends watching.
    func stop() {
        state.withLock { $0.stopped = true }
        source.cancel()
    }

    private func read() {
        do {
            while let messages = try shared.socket.notifications() {
                if messages.contains(where: { removesOurs($0.header, $0.body) }) { schedule() }
            }
        } catch {
            // ENOBUFS: notifications were lost, ours may have been among them.
            schedule()
        }
    }

    private func removesOurs(_ header: (type: Int, port: UInt32), _ body: ArraySlice<UInt8>) -> Bool {
        let removals = [NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE, NFT_MSG_DELSET, NFT_MSG_DELSETELEM]
        guard header.type >> 8 == Int(NFNL_SUBSYS_NFTABLES), removals.contains(where: { Int($0.rawValue) == header.type & 255 }),
            !isOurs(header.port)
        else { return false }
        // Attribute 1 is the table's name in all of these messages.
        return NetlinkAttributes(body.dropFirst(MemoryLayout<nfgenmsg>.size)).contains {
            $0.type == Int(NFTA_TABLE_NAME.rawValue) && $0.payload.netlinkString == table
        }
    }

    private func schedule() {
        let start: DispatchTime? = state.withLock { state in
            guard !state.due else { return nil }
            state.due = true
            return max(.now(), state.next)
        }
        guard let start else { return }
        queue.asyncAfter(deadline: start) { [self] in
            let stopped = state.withLock { state in
                state.due = false
                state.next = .now() + Self.pause
                return state.stopped
            }
            if !stopped { rewrite() }
        }
    }
}
