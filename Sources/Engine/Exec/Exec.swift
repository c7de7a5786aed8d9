internal import DockerAPI

/// One more process in a running container, from its creation until the container ends.
struct Exec: Sendable {
    let id: String
    /// Its number towards the shim; 0 until it is started.
    var number: UInt32 = 0
    var request: ExecCreateRequest
    /// The daemon's own, for a health check: no client knows it.
    var isProbe = false
    /// A probe that nobody waits for any more: it is killed when it runs.
    var isAbandoned = false
    var phase: Phase = .created
    /// Fulfilled when it runs or cannot.
    var launched = OneShot<Result<Void, LaunchFailure>>()
    /// Fulfilled with its exit status, or with why it could not run.
    let ended = OneShot<Result<Int32, any Error>>()

    enum Phase: Sendable, Equatable {
        case created
        case starting
        case running(pid: Int32)
        case ended(code: Int32)
    }

    var isRunning: Bool {
        if case .running = phase { return true }
        return false
    }

    var isOver: Bool {
        if case .ended = phase { return true }
        return false
    }

    /// It runs, or is about to.
    var isUnderWay: Bool { isRunning || phase == .starting }

    var inspect: ExecInspect {
        var result = ExecInspect(
            id: id,
            processConfig: ExecProcessConfig(
                tty: request.tty, entrypoint: request.cmd?.first ?? "", arguments: Array((request.cmd ?? []).dropFirst()),
                privileged: request.privileged, user: request.user),
            openStdin: request.attachStdin, openStderr: request.attachStderr, openStdout: request.attachStdout,
            detachKeys: request.detachKeys)
        switch phase {
        case .created: break
        case .starting: result.running = true
        case .running(let pid):
            result.running = true
            result.pid = Int(pid)
        case .ended(let code):
            result.exitCode = Int(code)
            result.canRemove = true
        }
        return result
    }
}
