internal import Errors
internal import LinuxKernel

// The restart policy: what `Lifecycle` decides is done here.
extension Container {
    /// What the policy wants after an end. A removal or a restart by hand that is under way wants no more starts than its own.
    var restartRule: RestartRule {
        get throws { keepAfterExit ? .never : try RestartRule(definition.host.restartPolicy) }
    }

    /// Starts it after a while, unless somebody stops it before that.
    /// - Parameter delay: nil: the policy wants nothing.
    func restart(after delay: Duration?) {
        guard let delay, !restartsAreHeld else { return }
        restartTimer = Task { [weak self] in
            // Cancelled: somebody gave the restart up.
            guard (try? await Task.sleep(for: delay)) != nil else { return }
            await self?.startAgain()
        }
    }

    /// How long a start keeps its room among the others: one that hangs does not keep them from starting.
    private static let roomForStart = Duration.seconds(30)

    /// Starts it with the daemon, when there is room among the others.
    func restart(through gate: Gate) {
        restartTimer = Task {
            await gate.run { [self] in
                let isOver = OneShot<Void>()
                Task {
                    await startAgain()
                    isOver.fulfil(())
                }
                // Cancelled when the restart is given up, which `startAgain` sees itself.
                _ = try? await isOver.value(within: Self.roomForStart)
            }
        }
    }

    /// Starts it when it still waits for that. One that cannot start has ended again, and its policy decides again.
    func startAgain() async {
        guard case .restarting = lifecycle.phase, !Task.isCancelled else { return }
        do {
            // Nobody cancels a start in the middle.
            try await toItsEnd { [self] in try await start(byPolicy: true) }
        } catch {
            services.log.warning("cannot restart a container", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    /// What an earlier daemon left is known and cleaned up: from now on containers may start.
    /// - Returns: whether this one is to be started.
    func daemonStarted() async throws -> Bool {
        restartsAreHeld = false
        guard lifecycle.daemonStarted(rule: try restartRule) else { return false }
        try await persist()
        return true
    }

    /// Gives up the policy's next start; a start that is under way already comes to its end first.
    /// - Parameter byHand: somebody wants it stopped, which is on record when this returns.
    /// - Returns: whether the container was waiting for its next start, and does not run now.
    func giveUpRestart(byHand: Bool) async throws -> Bool {
        let wasRestarting = lifecycle.isRestarting
        let waits = lifecycle.phase == .restarting
        if byHand { lifecycle.stoppedByHand() } else { lifecycle.giveUpRestart() }
        restartTimer?.cancel()
        restartTimer = nil
        let end = nextExit
        if waits { nextExit = OneShot() }
        // Without a policy the fact goes on record with the end.
        if try waits || byHand && RestartRule(definition.host.restartPolicy) != .never { try await persist() }
        if waits { end.fulfil(lifecycle.lastExit ?? Lifecycle.Exit(code: 0, finishedAt: .now())) }
        try await startIsOver()
        return wasRestarting && lifecycle.run == nil
    }

    /// Returns when no start is under way any more.
    /// - Throws: `TimberError.unavailable` when one hangs: what it waits for, a file system that does not answer, can neither be
    ///   interrupted nor forgotten.
    func startIsOver() async throws {
        guard case .starting = lifecycle.phase else { return }
        let end = nextExit
        guard let outcome = try await launched.value(within: .seconds(10)) else {
            throw TimberError(
                .unavailable,
                "container \(name) has not started for 10 s: what it mounts does not answer. Try again when that does, or has gone")
        }
        if case .failure = outcome { _ = try await end.value() }
    }
}
