internal import Errors
internal import Glibc
internal import LinuxKernel

extension Container {
    /// Removes the container and everything that is its own.
    /// - Parameters:
    ///   - force: kill it first when it runs; a removal under way already is waited for.
    ///   - volumes: its anonymous volumes too.
    ///   - end: the rest of its last run's end, of a container that removes itself. It need not be recorded that it goes: a daemon
    ///     that comes in between finds a run that is over, and removes it.
    func remove(force: Bool, volumes: Bool, after end: Task<Void, Never>? = nil) async throws {
        defer { if force { forcedRemovals -= 1 } }
        if force {
            forcedRemovals += 1
            try await endByForce()
        }
        if let removal {
            guard force else { throw TimberError(.conflict, "cannot remove container \(name): its removal is already in progress") }
            interruptAll()
            return try await removal.value
        }
        // A removal that failed in its second half is taken up again.
        if lifecycle.phase != .removing {
            do {
                try lifecycle.remove()
            } catch let error as TimberError {
                throw TimberError(error.code, "cannot remove container \(name): \(error.message)")
            }
        }
        removesVolumes = volumes
        // Nothing new begins from here on.
        if force { interruptAll() }
        let removal = Task {
            if end == nil { try await persist() } else { publish() }
            try await finishRemoval(volumes: volumes, after: end)
        }
        self.removal = removal
        defer { self.removal = nil }
        try await removal.value
    }

    /// Returns when the container does not run and holds nothing on the host any more.
    private func endByForce() async throws {
        _ = try await giveUpRestart(byHand: false)
        if lifecycle.run != nil { try await kill("SIGKILL") }
    }

    /// The second half, which a later daemon repeats when this one dies in between.
    func finishRemoval(volumes: Bool, after end: Task<Void, Never>? = nil) async throws {
        waitingStreams = []
        await waitForRoot()
        try await discard(volumes: volumes)
        await end?.value
        let last = snapshot
        services.registry.remove(id)
        services.events.container("destroy", last)
        removed.fulfil(lifecycle.lastExit ?? Lifecycle.Exit(code: 0, finishedAt: .now()))
    }

    /// Removes what is stored of it, its rows at last.
    func discard(volumes: Bool) async throws {
        if volumes { try await removeAnonymousVolumes() }
        await writingEnds()
        let (id, directory, trash, images) = (id, directory, services.trash, services.images)
        try await BlockingPool.shared.run {
            try trash.discard(directory)
            try images.forget(container: id)
        }
    }

    /// Removes the volumes that were made for this container, but for those that another one has, too.
    private func removeAnonymousVolumes() async throws {
        for mount in definition.mounts where mount.anonymous {
            do {
                try await services.volumes.remove(mount.volume, besides: id)
                services.events.volume("destroy", mount.volume)
            } catch let error as TimberError where error.code == .conflict || error.code == .notFound {
                continue
            }
        }
    }
}
