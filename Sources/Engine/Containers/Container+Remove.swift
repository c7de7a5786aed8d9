internal import Errors
internal import Glibc
internal import LinuxKernel

extension Container {
    /// Removes the container and everything that is its own.
    /// - Parameters:
    ///   - force: kill it first when it runs.
    ///   - volumes: its anonymous volumes too.
    func remove(force: Bool, volumes: Bool) async throws {
        if force, lifecycle.run != nil {
            keepAfterExit = true
            do {
                try await kill("SIGKILL")
            } catch let error as TimberError where error.code == .conflict {
                // It ended by itself just now.
            }
        }
        if force, case .starting = lifecycle.phase { _ = try await launched.value() }
        do {
            try lifecycle.remove()
        } catch let error as TimberError {
            throw TimberError(error.code, "cannot remove container \(name): \(error.message)")
        }
        try await persist()
        try await finishRemoval(volumes: volumes)
    }

    /// The second half, which a later daemon repeats when this one dies in between.
    func finishRemoval(volumes: Bool) async throws {
        waitingStreams = []
        let (directory, trash) = (directory, services.trash)
        try await BlockingPool.shared.run { try trash.discard(directory) }
        try services.images.release(holder: id)
        if volumes {
            for mount in definition.mounts where mount.anonymous { try await services.volumes.remove(mount.volume) }
        }
        try await services.database.deleteContainer(id)
        let last = snapshot
        services.registry.remove(id)
        services.events.container("destroy", last)
        removed.fulfil(lifecycle.lastExit ?? Lifecycle.Exit(code: 0, finishedAt: .now()))
    }
}
