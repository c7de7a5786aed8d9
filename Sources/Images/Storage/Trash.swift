internal import Errors
internal import Glibc
internal import LinuxKernel
public import Logging
internal import Synchronization

/// Where files and trees of the data directory go that nobody needs any more: a rename(2), which is at once and complete, and later
/// the deletion itself, which nobody waits for.
///
/// One per directory: everything in it is deleted by one worker, one after another, because many deletions at once make a disk slow
/// for everybody, and because two that delete the same tree fail at each other. What cannot be deleted is reported and stays until
/// the next start.
public final class Trash: Sendable {
    private struct State {
        var waiting: [BytePath] = []
        /// What waits, is being deleted or could not be deleted: each is tried once.
        var known: Set<BytePath> = []
        var isWorking = false
    }

    /// How long nothing is deleted after the first thing was thrown away: whoever did so has an answer to write first.
    private static let patience = Duration.milliseconds(30)

    private let directory: SharedDescriptor
    private let log: Logger
    private let delete: @Sendable (Int32, BytePath) throws -> Void
    private let state = Mutex(State())

    /// Opens a trash.
    /// - Parameters:
    ///   - directory: an existing directory that only root can enter, on the file system of what is thrown away.
    ///   - log: where to report what cannot be deleted.
    /// - Throws: `TimberError` when the directory cannot be used.
    public convenience init(directory: String, log: Logger) throws {
        try self.init(directory: directory, log: log, delete: TreeRemoval.remove)
    }

    /// - Parameter delete: removes a name in the directory with everything below it.
    init(directory: String, log: Logger, delete: @escaping @Sendable (Int32, BytePath) throws -> Void) throws {
        do {
            // The data directory may be reached through links: its path is the administrator's.
            self.directory = SharedDescriptor(try DirectoryCalls.open(AT_FDCWD, BytePath(directory), O_RDONLY | O_DIRECTORY, resolve: 0))
        } catch let error as SystemError {
            throw TimberError(.internal, "cannot use \(directory) as trash", cause: error)
        }
        self.log = log
        self.delete = delete
    }

    /// Moves a path away and deletes it in the background; a missing one is no error.
    /// - Throws: `SystemError` when it cannot be moved.
    public func discard(_ path: String) throws {
        try take(AT_FDCWD, BytePath(path))
    }

    /// Moves a name of a directory away and deletes it in the background; a missing one is no error.
    /// - Throws: `SystemError` when it cannot be moved.
    func take(_ parent: Int32, _ name: BytePath) throws {
        // Never used before, also by an earlier daemon whose graves are still there.
        let number = { String(UInt64.random(in: .min ... .max), radix: 16) }
        let grave = BytePath(number() + number())
        // Before it is there, so that `empty` does not take it for an old one.
        state.withLock { _ = $0.known.insert(grave) }
        do {
            try DirectoryCalls.rename(parent, name, to: directory.raw, grave)
        } catch {
            state.withLock { _ = $0.known.remove(grave) }
            if let error = error as? SystemError, error.errno == ENOENT { return }
            throw error
        }
        bury { $0.waiting.append(grave) }
    }

    /// Deletes what an earlier daemon had no time for, in the background too.
    /// - Throws: `SystemError` when the trash cannot be read.
    public func empty() throws {
        try bury { state in
            // Under the lock: what the worker is done with is gone.
            for grave in try DirectoryCalls.names(in: directory.raw) where state.known.insert(grave).inserted {
                state.waiting.append(grave)
            }
        }
    }

    private func bury(_ add: (inout State) throws -> Void) rethrows {
        let startsWorker = try state.withLock { state in
            try add(&state)
            if state.isWorking || state.waiting.isEmpty { return false }
            state.isWorking = true
            return true
        }
        guard startsWorker else { return }
        Task.detached(priority: .background) {
            try await Task.sleep(for: Self.patience)
            try await BlockingPool.shared.run { self.work() }
        }
    }

    private func work() {
        while let grave = next() {
            do {
                try delete(directory.raw, grave)
                state.withLock { _ = $0.known.remove(grave) }
            } catch {
                log.warning("cannot delete from the trash; it is tried again at the next start", metadata: ["error": "\(error)"])
            }
        }
    }

    private func next() -> BytePath? {
        state.withLock { state in
            let grave = state.waiting.popLast()
            if grave == nil { state.isWorking = false }
            return grave
        }
    }
}
