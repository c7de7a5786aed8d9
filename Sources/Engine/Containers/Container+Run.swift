internal import CTimber
internal import Cgroups
internal import Errors
internal import Glibc
internal import LinuxKernel

/// From the first word of the shim to its last.
extension Container {
    /// Handles the shim's events in their order, then its end.
    func follow(_ shim: ShimConnection) {
        let events = shim.events
        Task {
            for await event in events { await handle(event) }
            await shimEnded(shim)
        }
    }

    private func handle(_ event: ShimEvent) async {
        do {
            switch event {
            case .started(process: 0, let pid):
                try lifecycle.started(pid: pid, bootID: services.bootID, at: .now())
                healthBegins()
                publish()
                services.events.container("start", snapshot)
                launched.fulfil(.success(()))
                // Not waited for: of a short run the end is the next event. A daemon that dies before has the start on record, and the
                // shim knows the rest.
                Task { await attempt("record a start") { [self] in try await persist() } }
            case .failed(process: 0, let failure):
                launched.fulfil(.failure(failure))
            case .exited(process: 0, let status, let time):
                run.exit = Lifecycle.Exit(code: status.exitCode, finishedAt: time)
            case .started(let process, let pid):
                execStarted(process, pid: pid)
            case .failed(let process, let failure):
                execFailed(process, failure)
            case .exited(let process, let status, _):
                execEnded(process, code: status.exitCode)
            case .status(let processes, let dead):
                try await adopted(processes, dead: dead)
            case .mark(let reached):
                reached.fulfil(())
            }
        } catch {
            services.log.error("cannot follow a container", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }

    /// The connection is closed: the shim has ended, in order or not.
    private func shimEnded(_ shim: ShimConnection) async {
        defer { statusKnown.fulfil(()) }
        guard run.shim === shim else { return }
        switch lifecycle.phase {
        case .starting:
            if run.shimPID != nil {
                // `start` waits for this and gives everything back.
                launched.fulfil(.failure(LaunchFailure(stage: TIMBER_STAGE_LOST, errno: EPIPE, detail: "")))
            } else {
                await finish()
            }
        case .running:
            await finish()
        case .created, .exited, .restarting, .removing:
            break
        }
    }

    /// The end of a run: everything of it is given back, then everybody is told.
    func finish() async {
        var exit = run.exit ?? recordedExit ?? lost
        healthEnds()
        if let memory = await endProcesses(in: run.cgroup), memory.kills > 0 {
            exit.outOfMemory = true
            if exit.error.isEmpty { exit.error = Self.explain(memory) }
            services.events.container("oom", snapshot)
        }
        for exec in execs.values where exec.isUnderWay { execEnded(exec.number, code: 137) }
        run.exit = exit
        // The bundle goes before the end of the run is on record, and with it what the shim wrote down.
        if !removesItself { await attempt("record how a run ended") { [self] in try await persist() } }
        let held = run
        run = RunResources()
        await releaseNetwork(held)
        // What is left of a run is given back while the container itself goes: both are over before anybody hears of its removal.
        let rest = Task { await giveBack(held) }
        if !removesItself { await rest.value }
        // With the phase, at once: who waits from now on waits for the next run.
        let end = nextExit
        nextExit = OneShot()
        var delay: Duration?
        do {
            delay = try lifecycle.exited(exit, rule: restartRule)
            // The next thing to be recorded of a container that removes itself is its removal.
            if removesItself { publish() } else { try await persist() }
        } catch {
            services.log.error("cannot record an exit", metadata: ["container": "\(id)", "error": "\(error)"])
        }
        services.events.container("die", snapshot, extra: ["exitCode": "\(exit.code)"])
        noteDisconnects(held.endpoints)
        end.fulfil(exit)
        if removesItself {
            do {
                try await remove(force: false, volumes: true, after: rest)
            } catch {
                services.log.error("cannot remove a container after its end", metadata: ["container": "\(id)", "error": "\(error)"])
            }
        }
        // Somebody may have stopped it for good meanwhile.
        if case .restarting = lifecycle.phase { restart(after: delay) }
    }

    private var removesItself: Bool { definition.host.autoRemove && !keepAfterExit }

    /// What the shim wrote down; nil when it did not come to that.
    private var recordedExit: Lifecycle.Exit? {
        do {
            return try ExitRecord.read(bundle: bundle)
        } catch {
            services.log.error("cannot read an exit record", metadata: ["container": "\(id)", "error": "\(error)"])
            return nil
        }
    }

    /// Ends what still runs in a cgroup: with the first process all of its pid namespace has ended, but that may be the host's.
    /// - Returns: what the kernel counted there for lack of memory; nil when that is not known.
    @discardableResult
    private func endProcesses(in cgroup: Cgroup?) async -> OOMEvents? {
        guard let cgroup else { return nil }
        do {
            // Once to the pool and back for both: somebody is waiting.
            let (memory, ended) = try await BlockingPool.shared.run { (Result { try cgroup.oomEvents() }, Result { try cgroup.kill() }) }
            if case .failure(let error) = ended {
                services.log.error("cannot end the processes", metadata: ["container": "\(id)", "error": "\(error)"])
            }
            return try memory.get()
        } catch {
            services.log.warning(
                "cannot tell whether a container ran out of memory", metadata: ["container": "\(id)", "error": "\(error)"])
            return nil
        }
    }

    private static func explain(_ memory: OOMEvents) -> String {
        func mebibytes(_ bytes: UInt64) -> String { "\(bytes >> 20) MiB" }
        let peak = memory.memoryPeak.map { ", it used up to \(mebibytes($0))" } ?? ""
        guard let limit = memory.memoryLimit else { return "a process was killed because the host is short of memory\(peak)" }
        return "a process was killed at the container's memory limit of \(mebibytes(limit))\(peak): raise it with --memory"
    }

    private var lost: Lifecycle.Exit {
        Lifecycle.Exit(
            code: 255, finishedAt: .now(),
            error: "lost: the container's monitor (timber-shim) ended without a word, and its processes with it")
    }

    /// Gives back what a run has on the host.
    func releaseRun() async {
        let held = run
        run = RunResources()
        await endProcesses(in: held.cgroup)
        await releaseNetwork(held)
        await giveBack(held)
    }

    /// What others may be waiting for: addresses and ports are free.
    private func releaseNetwork(_ held: RunResources) async {
        // First: its sockets keep the container's namespace.
        services.networks.dns.stop(container: id)
        for endpoint in held.endpoints {
            await attempt("release the network") { [services] in try await services.networks.release(endpoint) }
        }
    }

    /// The rest. Each part is idempotent, and one that fails does not keep the others.
    private func giveBack(_ held: RunResources) async {
        let bundle = bundle
        await held.bundleConfig?.value
        let steps: [(what: String, perform: @Sendable () throws -> Void)] = [
            ("reap the shim", { if let pid = held.shimPID { try reap(pid, killAfter: 5000) } }),
            ("remove the cgroup", { try held.cgroup?.remove() }),
            ("remove the bundle", { try Tree.remove(bundle) }),
        ]
        await attempt("give back what a run had") { [id, log = services.log] in
            try await BlockingPool.shared.run {
                for step in steps {
                    do {
                        try step.perform()
                    } catch {
                        log.error("cannot \(step.what)", metadata: ["container": "\(id)", "error": "\(error)"])
                    }
                }
            }
        }
        await services.volumes.mounts.release(id)
    }

    func attempt(_ what: String, _ body: @Sendable () async throws -> Void) async {
        do {
            try await body()
        } catch {
            services.log.error("cannot \(what)", metadata: ["container": "\(id)", "error": "\(error)"])
        }
    }
}

/// The exit record that a shim leaves in the bundle (timber_shim.h).
enum ExitRecord {
    /// Reads it; nil when there is none.
    /// - Throws: `TimberError.internal` when it is damaged, `SystemError`.
    static func read(bundle: String) throws -> Lifecycle.Exit? {
        let bytes: [UInt8]
        do {
            bytes = try Files.read("\(bundle)/exit", limit: 4096)
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        }
        guard let record: timber_exit_record = bytes.load(at: 0), record.magic == TIMBER_EXIT_RECORD_MAGIC else {
            throw TimberError(.internal, "\(bundle)/exit is no exit record (\(bytes.count) bytes)")
        }
        let time = Timestamp(record.exit)
        guard record.failed_stage != 0 else {
            return Lifecycle.Exit(code: WaitStatus(raw: record.exit.status).exitCode, finishedAt: time)
        }
        let failure = LaunchFailure(stage: timber_stage(rawValue: record.failed_stage), errno: record.error, detail: "")
        return Lifecycle.Exit(code: failure.exitCode, finishedAt: time, error: failure.error.description)
    }
}
