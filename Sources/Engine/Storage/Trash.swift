internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Logging

/// Removal in two steps: a rename, which is at once and complete, and the deletion itself, which nobody waits for.
final class Trash: Sendable {
    private let directory: String
    private let log: Logger

    init(directory: String, log: Logger) {
        self.directory = directory
        self.log = log
    }

    /// Moves a path away and deletes it in the background; a missing one is no error.
    /// - Throws: `SystemError` when it cannot be moved.
    func discard(_ path: String) throws {
        let grave = "\(directory)/\(ContainerName.makeID())"
        do {
            try retrying("rename", path) { rename(path, grave) }
        } catch let error as SystemError where error.errno == ENOENT {
            return
        }
        delete(grave)
    }

    /// Deletes what an earlier daemon had no time for, in the background too.
    /// - Throws: `SystemError` when the trash cannot be read.
    func empty() throws {
        for name in try Tree.names(directory) { delete("\(directory)/\(name)") }
    }

    private func delete(_ grave: String) {
        let log = log
        Task.detached(priority: .background) {
            do {
                try await BlockingPool.shared.run { try Tree.remove(grave) }
            } catch {
                log.warning("cannot delete from the trash; it is tried again at the next start", metadata: ["error": "\(error)"])
            }
        }
    }
}
