internal import LinuxKernel
internal import Logging
internal import Synchronization

/// Where files and trees go that nobody needs any more: out of the way at once by rename(2), deleted in the background by one
/// thread, because many deletions at once make a disk slow for everybody.
final class Trash: Sendable {
    private let directory: SharedDescriptor
    private let log: Logger
    private let isEmptying = Mutex(false)

    init(_ directory: SharedDescriptor, log: Logger) {
        self.directory = directory
        self.log = log
    }

    /// Moves something out of the way; a missing one is no error.
    /// - Parameter newName: a name that nothing else ever has.
    /// - Throws: `SystemError`.
    func take(_ parent: SharedDescriptor, _ name: BytePath, as newName: String) throws {
        if try DirectoryCalls.status(parent.raw, name) == nil { return }
        try DirectoryCalls.rename(parent.raw, name, to: directory.raw, BytePath(newName))
    }

    /// Deletes what was taken, in the background.
    func empty() {
        let isFirst = isEmptying.withLock { isEmptying in
            defer { isEmptying = true }
            return !isEmptying
        }
        guard isFirst else { return }
        Task { [self] in
            do {
                try await BlockingPool.shared.run { try self.deleteAll() }
            } catch {
                isEmptying.withLock { $0 = false }
                log.warning("cannot empty the trash; the next start tries again", metadata: ["error": "\(error)"])
            }
        }
    }

    private func deleteAll() throws {
        while true {
            for name in try DirectoryCalls.names(in: directory.raw) { try TreeRemoval.remove(directory.raw, name) }
            // Under the lock: what was taken meanwhile is seen here, or its `empty` starts another round.
            let isDone = try isEmptying.withLock { isEmptying in
                let isDone = try DirectoryCalls.names(in: directory.raw).isEmpty
                if isDone { isEmptying = false }
                return isDone
            }
            if isDone { return }
        }
    }
}
