internal import Errors
internal import Images
internal import LinuxKernel

extension Container {
    /// Writes what the container changed as a layer.
    ///
    /// A stop, a forced removal and the end of the task interrupt it; the container is never left frozen.
    /// - Parameter pauses: freeze it meanwhile when it runs.
    /// - Returns: nil when nothing was changed.
    func stageLayer(pauses: Bool) async throws -> StagedLayer? {
        try await interruptible { interrupt in
            try await withTaskCancellationHandler {
                try await toItsEnd { try await self.stageLayer(pauses: pauses, interrupt) }
            } onCancel: {
                interrupt.raise()
            }
        }
    }

    private func stageLayer(pauses: Bool, _ interrupt: Interrupt) async throws -> StagedLayer? {
        try interrupt.check()
        guard pauses, let before = lifecycle.run, !before.paused else { return try await writeLayer(interrupt) }
        do {
            try await pauseForCommit()
        } catch {
            // A container that ends meanwhile takes its cgroup along: then that is the reason.
            try interrupt.check()
            throw error
        }
        let result: Result<StagedLayer?, any Error>
        do {
            result = .success(try await writeLayer(interrupt))
        } catch {
            result = .failure(error)
        }
        if lifecycle.run?.isPausedForCommit == true {
            do {
                try await unpause()
            } catch {
                try interrupt.check()
                throw error
            }
        }
        return try result.get()
    }

    private func writeLayer(_ interrupt: Interrupt) async throws -> StagedLayer? {
        let tree = try await upperTree(check: interrupt.check)
        if tree.changes.isEmpty { return nil }
        let images = services.images
        return try await BlockingPool.transfers.run { try images.stageLayer(check: interrupt.check) { try tree.write(to: $0) } }
    }

    /// On record before it is done, so that a daemon that dies in the middle leaves no container frozen for good.
    private func pauseForCommit() async throws {
        guard let cgroup = run.cgroup else { throw TimberError(.conflict, "container \(name) is not running") }
        try lifecycle.pauseForCommit()
        try await persist()
        // What a probe finds meanwhile says nothing.
        pauses += 1
        defer { pauses += 1 }
        do {
            try await BlockingPool.shared.run { try cgroup.freeze() }
        } catch {
            if lifecycle.run?.isPausedForCommit == true { try lifecycle.unpause() }
            try await persist()
            throw error
        }
        guard lifecycle.run?.isPausedForCommit == true else {
            // Somebody has unpaused it before it was frozen.
            if lifecycle.run?.paused == false { try await BlockingPool.shared.run { try cgroup.thaw() } }
            return
        }
        services.events.container("pause", snapshot)
    }
}
