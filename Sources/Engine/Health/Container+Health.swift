internal import CTimber
internal import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Container {
    /// The container has just begun to run.
    func healthBegins() {
        guard HealthCheck(definition.config) != nil else {
            health = nil
            return
        }
        var state = health ?? HealthState()
        state.started()
        health = state
        watchHealth()
    }

    /// Probes from now on, until the run ends.
    func watchHealth() {
        healthMonitor?.cancel()
        guard let check = HealthCheck(definition.config), lifecycle.run != nil else { return }
        if health == nil { health = HealthState() }
        healthMonitor = Task { await monitor(check) }
    }

    /// The run has ended.
    func healthEnds() {
        healthMonitor?.cancel()
        healthMonitor = nil
        health?.ended()
    }

    private func monitor(_ check: HealthCheck) async {
        while let health, let startedAt = lifecycle.startedAt {
            let delay = health.delay(check, startedAt: startedAt, now: .now())
            // Cancelled: the run has ended.
            guard (try? await Task.sleep(for: .nanoseconds(delay))) != nil, let run = lifecycle.run else { return }
            if run.paused { continue }
            let pausesBefore = pauses
            guard let result = await probe(check), !Task.isCancelled, lifecycle.run != nil else { return }
            // What was frozen meanwhile says nothing.
            if pauses == pausesBefore { await record(result, check, startedAt: startedAt) }
        }
    }

    private func record(_ result: HealthState.Result, _ check: HealthCheck, startedAt: Timestamp) async {
        guard var state = health else { return }
        let isNew = state.record(result, check, startedAt: startedAt)
        health = state
        publish()
        guard isNew else { return }
        await attempt("record a container's health") { [self] in try await persist() }
        services.events.container("health_status: \(state.status.rawValue)", snapshot)
    }

    /// Runs the check once.
    /// - Returns: nil when the run ended meanwhile.
    private func probe(_ check: HealthCheck) async -> HealthState.Result? {
        let start = Timestamp.now()
        func result(_ code: Int32, _ output: String) -> HealthState.Result {
            HealthState.Result(start: start, end: .now(), exitCode: code, output: output)
        }
        // One that cannot be killed, because the kernel holds it, does not get company.
        if execs.values.contains(where: { $0.isProbe }) { return result(-1, "the health check before this one has not ended yet") }
        let request = ExecCreateRequest(attachStderr: true, attachStdout: true, cmd: check.command)
        let exec = Exec(id: ContainerName.makeID(), request: request, isProbe: true)
        execs[exec.id] = exec
        let output = ProbeOutput()
        // Not a child of this task: a start that has begun comes to its end.
        Task {
            do {
                if let stream = try await startExec(exec.id, attached: true, size: nil) { output.follow(stream) }
            } catch {
                execs[exec.id] = nil
                exec.ended.fulfil(.failure(error))
            }
        }
        do {
            switch try await exec.ended.value(within: .nanoseconds(check.timeout)) {
            case .success(let code): return result(code, output.finish())
            case .failure(let error): return result(-1, "\(error)")
            case nil:
                abandonProbe(exec.id)
                return result(-1, "Health check exceeded timeout (\(Self.words(check.timeout))): \(output.finish())")
            }
        } catch {
            // The run has ended, and with it every process.
            return nil
        }
    }

    /// Ends a probe that takes too long, at once or as soon as it runs.
    private func abandonProbe(_ id: String) {
        guard let exec = execs[id] else { return }
        execs[id]?.isAbandoned = true
        if exec.isRunning { killProbe(exec.number) }
    }

    func killProbe(_ number: UInt32) {
        do {
            try run.shim?.send(TIMBER_REQUEST_SIGNAL, process: number, value: UInt32(SIGKILL))
        } catch {
            services.log.warning("cannot end a health check", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    /// As Go prints it: `1m30s`, `1.5s`, `200ms`.
    private static func words(_ nanoseconds: Int64) -> String {
        func number(_ value: Double) -> String { value == value.rounded() ? "\(Int64(value))" : "\(value)" }
        if nanoseconds < 1_000_000_000 { return "\(number(Double(nanoseconds) / 1e6))ms" }
        let seconds = Double(nanoseconds % 60_000_000_000) / 1e9
        let minutes = nanoseconds / 60_000_000_000
        return (minutes >= 60 ? "\(minutes / 60)h" : "") + (minutes > 0 ? "\(minutes % 60)m" : "") + "\(number(seconds))s"
    }
}
