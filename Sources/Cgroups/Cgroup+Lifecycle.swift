internal import Errors
internal import Glibc
internal import LinuxKernel

extension Cgroup {
    /// rmdir waits for processes that are on their way out; altogether about a second.
    private static let removalDelays: [UInt32] = [
        200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 300_000,
    ]
    /// A process that was killed may first have to write back what it had mounted: altogether about ten seconds.
    private static let endDelays: [UInt32] = removalDelays + [UInt32](repeating: 300_000, count: 30)

    func makeDirectories() throws {
        for place in tree.places where try !makeDirectory(in: place) {
            guard try processes().isEmpty else {
                throw TimberError(.conflict, "processes run in the cgroup of container \(id) already")
            }
            // Left behind by a daemon that was killed; its limits are not ours.
            try removeDirectory(in: place)
            guard try makeDirectory(in: place) else {
                throw TimberError(.conflict, "the cgroup of container \(id) is being made twice")
            }
        }
    }

    /// - Returns: false when it is there already.
    private func makeDirectory(in place: CgroupTree.Place) throws -> Bool {
        if mkdirat(place.raw, id, 0o755) == 0 { return true }
        let error = SystemError(call: "mkdirat", errno: errno, what: "\(place.hierarchy.mountPoint)\(cgroupsPath)")
        guard error.errno == EEXIST else { throw error }
        return false
    }

    /// Ends every process in it, however fast it forks. Blocks until they are gone, for about ten seconds at most.
    /// - Throws: `TimberError(.unavailable)` when processes are left, which are then inside the kernel and cannot be ended.
    public func kill() throws {
        if let unified = tree.unified, try writeIfPresent("1", "cgroup.kill", in: unified) {
            if try becomesEmpty(Self.endDelays) { return }
            throw TimberError(.unavailable, "processes of container \(id) do not end: \(try shownProcesses())")
        }
        // Frozen processes do not fork, and do not end either: the signals stay pending until they are thawed.
        // What does not freeze is killed while it runs, round by round.
        for _ in 0..<10 {
            guard try !processes().isEmpty else { return }
            do {
                try freeze()
            } catch let error as TimberError where error.code == .unavailable {}
            try signalAll()
            try thaw()
            if try becomesEmpty(Self.removalDelays) { return }
        }
        throw TimberError(.unavailable, "processes of container \(id) do not end: \(try shownProcesses())")
    }

    private func shownProcesses() throws -> String {
        try processes().prefix(8).map(String.init).joined(separator: ", ")
    }

    private func signalAll() throws {
        let pids = try processes()
        for chunk in stride(from: 0, to: pids.count, by: 256).map({ pids[$0..<min($0 + 256, pids.count)] }) {
            try signal(chunk)
        }
    }

    /// A number may have been given to a process elsewhere since the list was read: open first, look again, then send.
    private func signal(_ pids: ArraySlice<Int32>) throws {
        var handles: [(pid: Int32, process: SharedProcess)] = []
        for pid in pids {
            do {
                handles.append((pid, SharedProcess(try ProcessHandle(pid: pid))))
            } catch let error as SystemError where error.errno == ESRCH { continue }
        }
        let still = Set(try processes())
        for (pid, process) in handles where still.contains(pid) {
            do {
                try process.handle.signal(SIGKILL)
            } catch let error as SystemError where error.errno == ESRCH { continue }
        }
    }

    private func becomesEmpty(_ delays: [UInt32]) throws -> Bool {
        for delay in delays {
            if try processes().isEmpty { return true }
            usleep(delay)
        }
        return try processes().isEmpty
    }

    /// Removes it from every hierarchy, with what the container made below it. Does nothing when it is gone. Blocks for about a
    /// second at most while processes end.
    /// - Throws: `TimberError(.conflict)` while processes are in it; then nothing is removed.
    public func remove() throws {
        // The hierarchy that every process is in goes first: while it is in use, a process may be about to join the others.
        if let place = processPlace { try removeDirectory(in: place) }
        var failure: (any Error)?
        for place in tree.places {
            do {
                try removeDirectory(in: place)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func removeDirectory(in place: CgroupTree.Place) throws {
        for delay in Self.removalDelays + [0] {
            if unlinkat(place.raw, id, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
            let error = SystemError(call: "unlinkat", errno: errno, what: "\(place.hierarchy.mountPoint)\(cgroupsPath)")
            guard error.errno == EBUSY else { throw TimberError(.internal, "cannot remove the cgroup of container \(id)", cause: error) }
            try removeChildren(in: place.raw)
            if delay > 0 { usleep(delay) }
        }
        let left = try shownProcesses()
        throw TimberError(.conflict, "the cgroup of container \(id) is in use" + (left.isEmpty ? "" : " by processes \(left)"))
    }

    /// Removes leaf after leaf, from the top each time: two descriptors and no recursion, however deep the container nested them.
    /// What is in use stays; the parent's rmdir then tells.
    private func removeChildren(in parent: Int32) throws {
        do {
            for _ in 0..<Self.maximumDescendants {
                var above = try ControlFiles.directory(id, in: parent)
                guard var name = try ControlFiles.subdirectories(of: ".", in: above.raw).first else { return }
                while true {
                    let directory = try ControlFiles.directory(name, in: above.raw)
                    guard let child = try ControlFiles.subdirectories(of: ".", in: directory.raw).first else { break }
                    above = directory
                    name = child
                }
                guard unlinkat(above.raw, name, AT_REMOVEDIR) == 0 else { return }
            }
        } catch let error as SystemError where error.errno == ENOENT {
            return
        }
    }

    // MARK: - Freezing

    /// Stops every process where it is, without a signal that it could see. Blocks until the last one has stopped, normally well
    /// below a millisecond, for about a second at most.
    /// - Throws: `TimberError(.unavailable)` when a process does not stop; all of them run on then.
    public func freeze() throws {
        try setFrozen(true)
        for delay in Self.removalDelays {
            if try isFrozen() { return }
            // v1: a process that was forked meanwhile leaves the state at FREEZING until it is asked for again.
            if tree.unified == nil { try setFrozen(true) }
            usleep(delay)
        }
        if try isFrozen() { return }
        try setFrozen(false)
        throw TimberError(.unavailable, "container \(id) cannot be paused: a process of it is inside the kernel and does not stop")
    }

    /// Lets them go on.
    /// - Throws: `TimberError` when the kernel refuses.
    public func thaw() throws {
        try setFrozen(false)
    }

    /// Whether every process has stopped.
    /// - Throws: `TimberError` when there is no freezer, `SystemError`.
    public func isFrozen() throws -> Bool {
        if let unified = tree.unified {
            return try ControlFiles.contents(of: path("cgroup.events"), in: unified.raw).keyedNumbers["frozen"] == 1
        }
        return try ControlFiles.contents(of: path("freezer.state"), in: freezer().raw).trimmed == "FROZEN"
    }

    private func setFrozen(_ frozen: Bool) throws {
        if let unified = tree.unified {
            try ControlFiles.write(frozen ? "1" : "0", to: path("cgroup.freeze"), in: unified.raw)
        } else {
            try ControlFiles.write(frozen ? "FROZEN" : "THAWED", to: path("freezer.state"), in: freezer().raw)
        }
    }

    private func freezer() throws -> CgroupTree.Place {
        guard let place = tree.legacy.first(where: { $0.hierarchy.controllers.contains("freezer") }) else {
            throw TimberError(.unsupported, "this kernel cannot pause containers: the cgroup freezer is not mounted")
        }
        return place
    }

    /// - Returns: whether the kernel has the file.
    private func writeIfPresent(_ value: String, _ file: String, in place: CgroupTree.Place) throws -> Bool {
        do {
            try ControlFiles.write(value, to: path(file), in: place.raw)
            return true
        } catch let error as SystemError where error.errno == ENOENT {
            return false
        }
    }
}

/// A handle that can stand in an array.
private final class SharedProcess: Sendable {
    let handle: ProcessHandle
    init(_ handle: consuming ProcessHandle) {
        self.handle = handle
    }
}
