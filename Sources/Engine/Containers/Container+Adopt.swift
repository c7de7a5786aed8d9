internal import CTimber
internal import Errors
internal import Glibc
internal import LinuxKernel

/// What is left to do about a container of an earlier daemon, once the network is there.
enum Adoption: Sendable {
    /// It does not run.
    case nothing
    /// Its removal, or its creation, did not come to an end.
    case remove(volumes: Bool)
    /// Its processes are gone.
    case finish
    /// Its shim answered.
    case follow(ShimConnection)
}

extension Container {
    /// Looks at what an earlier daemon left of this container. Every case ends in a state that is true:
    ///
    /// - removal begun → finished
    /// - creation interrupted → removed
    /// - not running → nothing to do
    /// - another boot → its processes are gone: exited 255
    /// - the shim answers → followed again, with its true start time
    /// - the shim is gone, with an exit record → exited as recorded
    /// - the shim is gone without a word → its cgroup is killed, exited 255
    ///
    /// Changes nothing on the host: what is running keeps its network only if that is known before anything is released.
    func adopt(_ stored: StoredState) throws -> Adoption {
        health = stored.health
        removesVolumes = stored.removesVolumes
        switch lifecycle.phase {
        case .removing:
            return .remove(volumes: removesVolumes ?? definition.host.autoRemove)
        case .created where Files.isDirectory("\(directory)/upper") == nil:
            // Its creation was interrupted, and nobody was told its id.
            services.log.notice("removing a container that was never completed", metadata: ["container": "\(id)"])
            return .remove(volumes: true)
        case .created, .exited, .restarting:
            return .nothing
        case .starting, .running:
            break
        }
        run.endpoints = stored.endpoints
        run.route = DefaultRoute.choose(.ipv4, stored.endpoints, definition.memberships)
        run.route6 = DefaultRoute.choose(.ipv6, stored.endpoints, definition.memberships)
        run.ports = stored.ports
        run.exit = stored.exit
        run.limitsAreChanging = stored.limitsAreChanging ?? false
        if let before = lifecycle.run?.bootID, before != services.bootID {
            if run.exit == nil {
                run.exit = Lifecycle.Exit(code: 255, finishedAt: .now(), error: "lost: the host was restarted while it ran")
            }
            return .finish
        }
        do {
            run.cgroup = try services.cgroups.open(id: id)
        } catch let error as TimberError where error.code == .notFound {
            run.cgroup = nil
        }
        do {
            let shim = ShimConnection(try UnixSocket.connect(path: "\(bundle)/shim.sock"))
            run.shim = shim
            try shim.send(TIMBER_REQUEST_STATUS)
            publish()
            return .follow(shim)
        } catch let error as SystemError where [ENOENT, ECONNREFUSED, ECONNRESET, EPIPE].contains(error.errno) {
            services.log.info("the shim is gone", metadata: ["container": "\(id)", "error": "\(error)"])
            return .finish
        }
    }

    /// The second half, once the network is there. Returns when the container's state is known, so that nobody sees an older one.
    func complete(_ adoption: Adoption) async throws {
        switch adoption {
        case .nothing: break
        case .remove(let volumes): try await finishRemoval(volumes: volumes)
        case .finish: await finish()
        case .follow(let shim):
            follow(shim)
            if try await statusKnown.value(within: .seconds(10)) == nil {
                services.log.error("a shim does not answer; its container is left as it was", metadata: ["container": "\(id)"])
            }
            try await noticePause()
            try await completeUpdate()
            if lifecycle.run != nil { await attempt("take over its networks") { [self] in try await adoptNetworks() } }
            watchHealth()
        }
    }

    /// The shim's answer after adoption.
    /// - Parameter dead: the highest number that is used up although no process here has it.
    func adopted(_ processes: [ShimEvent.ProcessStatus], dead: UInt32) async throws {
        lastExecNumber = max(lastExecNumber, dead, processes.map(\.process).max() ?? 0)
        // The old daemon's health check, which nobody waits for.
        for probe in processes where probe.process > 0 && probe.process.isMultiple(of: 2) && probe.state != 2 { killProbe(probe.process) }
        let first = processes.first { $0.process == 0 }
        // Ended: the state is known once the shim, which is about to leave, has left.
        if first?.state == 2 { return }
        guard case .starting = lifecycle.phase else {
            statusKnown.fulfil(())
            return
        }
        guard let first else {
            // The old daemon died before LAUNCH: hung up on, the shim ends, and the state is known then.
            run.shim?.hangUp()
            return
        }
        defer { statusKnown.fulfil(()) }
        guard first.state == 1 else { return }
        // The old daemon died between the launch and its record.
        try lifecycle.started(pid: first.pid, bootID: services.bootID, at: ProcessTimes.started(ticks: first.startTicks) ?? .now())
        health = nil
        launched.fulfil(.success(()))
        try await persist()
    }

    /// A daemon that dies between freezing a container and its record leaves one that is frozen, whatever the record says.
    private func noticePause() async throws {
        guard let cgroup = run.cgroup, let before = lifecycle.run else { return }
        if before.isPausedForCommit {
            // Its commit went with its daemon.
            try await BlockingPool.shared.run { try cgroup.thaw() }
            guard lifecycle.run == before else { return }
            try lifecycle.unpause()
            return try await persist()
        }
        let isFrozen = try await BlockingPool.shared.run { try cgroup.isFrozen() }
        guard lifecycle.run == before, isFrozen != before.paused else { return }
        if isFrozen { try lifecycle.pause() } else { try lifecycle.unpause() }
        try await persist()
    }
}

/// When a process began, from its start time in /proc.
enum ProcessTimes {
    /// Of the kernel's clock in /proc.
    static var ticksPerSecond: Int64 { Int64(sysconf(Int32(_SC_CLK_TCK))) }

    /// - Parameter ticks: field 22 of /proc/PID/stat: clock ticks since boot.
    static func started(ticks: Int64) -> Timestamp? {
        var now = timespec()
        var boot = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0, clock_gettime(CLOCK_BOOTTIME, &boot) == 0 else { return nil }
        let perSecond = ticksPerSecond
        guard perSecond > 0, ticks > 0 else { return nil }
        let sinceBoot = ticks * (1_000_000_000 / perSecond)
        let bootTime = Int64(now.tv_sec - boot.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec - boot.tv_nsec)
        let start = bootTime + sinceBoot
        return Timestamp(seconds: start / 1_000_000_000, nanoseconds: Int32(start % 1_000_000_000))
    }
}
