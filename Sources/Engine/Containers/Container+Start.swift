internal import CTimber
internal import Cgroups
internal import Confinement
internal import DockerAPI
internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel
internal import Networks

extension Container {
    /// Starts the process and returns when it runs.
    /// - Throws: `TimberError`: `notModified` when it runs already, `commandNotFound` and `commandNotExecutable` for Docker's 127 and
    ///   126. Nothing is left of a start that failed.
    func start(byPolicy: Bool = false) async throws {
        if isRootTaken, lifecycle.run == nil { await waitForRoot() }
        if forcedRemovals > 0 { throw Lifecycle.beingRemoved }
        if byPolicy {
            // Given up while it waited.
            guard lifecycle.phase == .restarting else { return }
            try lifecycle.startAgain()
        } else {
            try lifecycle.start()
        }
        launched = OneShot()
        run = RunResources()
        publish()
        do {
            try await launch()
        } catch {
            try await startFailed(error)
        }
    }

    /// From definition to running process, in a straight line.
    private func launch() async throws {
        let security = try SecurityOptions(parsing: definition.host.securityOpt)
        let grant = try CapabilityGrant.resolve(
            add: definition.host.capAdd ?? [], drop: definition.host.capDrop ?? [], privileged: definition.host.privileged)
        let lower = try lowerLayers()
        async let shimStart = spawnShim()
        async let connected = connectNetwork()
        async let identified = identity(user: definition.config.user, groups: definition.host.groupAdd, lower: lower)
        async let madeCgroup = makeCgroup()
        async let compiled = filter(security: security, grant: grant)
        async let opened = prepareDirectory()
        let network = try await connected
        run.endpoints = network.endpoints
        run.route = network.route
        run.route6 = network.route6
        run.ports = network.reservation?.ports ?? []
        noteConnects()
        // Intent before effect: what a later daemon has to look for is on record before the shim may start the process.
        async let recorded: Void = persist()
        async let wroteNames: Void = writeEtcFiles(endpoints: network.endpoints)
        let sources = try await prepareMounts()
        let place = try await madeCgroup
        let names = hostNames
        let spec = try SpecBuilder(
            definition: definition, hostname: names.hostname, identity: try await identified, grant: grant, security: security,
            sources: sources, etcDirectory: names.directory, cgroupsPath: place.path, networkPath: network.path,
            sharesHostNetwork: network.isHosts, descriptors: services.descriptors
        ).build()
        try await wroteNames
        let seccomp = try await compiled
        let log = try await opened
        // The bundle is there once the shim is.
        let shim = try await shimStart
        follow(shim)
        try await recorded
        // Nothing of ours reads the bundle's config.json, so the process does not wait for it.
        let choice = seccompChoice(security)
        let writing = Task { [self] in
            await attempt("write the bundle's config.json") { [self] in
                try await writeBundleConfig(spec, choice: choice, capabilities: grant.capabilities)
            }
        }
        run.bundleConfig = writing
        try await send(spec, seccomp: seccomp, lower: lower, log: log, network: network, sources: sources, place: place, to: shim)
        try await launched.value().get()
        await writing.value
        await tellLinks()
    }

    /// Gives everything back and says why. The shim, when there is one, ends by itself: its connection closes without a launch, or
    /// it has reported the failure.
    private func startFailed(_ error: any Error) async throws -> Never {
        let over = launched
        let failure = error as? LaunchFailure
        var explained: TimberError?
        if let failure {
            explained = await explain(failure, environment: SpecBuilder.environment(hostname: hostNames.hostname, definition, home: ""))
        }
        let reason = explained ?? (error as? TimberError) ?? TimberError(.internal, "cannot start the container", cause: error)
        services.log.info("start failed", metadata: ["container": "\(id)", "error": "\(reason)"])
        run.shim?.hangUp()
        let endpoints = run.endpoints
        await releaseRun()
        noteDisconnects(endpoints)
        // With the phase, at once: who waits from now on waits for the next run.
        let end = nextExit
        nextExit = OneShot()
        waitingStreams = []
        var delay: Duration?
        do {
            if case .starting = lifecycle.phase {
                delay = try lifecycle.failed(
                    Lifecycle.Exit(code: failure?.exitCode ?? 128, finishedAt: .now(), error: reason.description), rule: restartRule)
            }
            try await persist()
        } catch {
            services.log.error("cannot record a failed start", metadata: ["container": "\(id)", "error": "\(error)"])
        }
        over.fulfil(.failure(reason))
        end.fulfil(lifecycle.lastExit ?? Lifecycle.Exit(code: 128, finishedAt: .now()))
        // A container that was to be removed at its end has come to it.
        if definition.host.autoRemove {
            await attempt("remove a container that did not start") { [self] in try await remove(force: false, volumes: true) }
        }
        if case .restarting = lifecycle.phase { restart(after: delay) }
        throw reason
    }

    // MARK: Parts

    /// What a start has of the network.
    struct Connection {
        var namespace: NetworkNamespace?
        /// The namespace of another container, for `container:`.
        var shared: SharedDescriptor?
        var reservation: Reservation?
        var endpoints: [Endpoint] = []
        var route: Endpoint?
        var route6: Endpoint?
        var path: String?
        var isHosts = false

        var descriptor: Int32? { namespace?.raw ?? shared?.raw }
    }

    private func connectNetwork() async throws -> Connection {
        var connection = Connection()
        switch definition.network {
        case .host:
            connection.isHosts = true
        case .container(let other):
            guard let owner = services.registry.snapshot(id: other), let pid = owner.lifecycle.run?.pid else {
                throw TimberError(.conflict, "cannot join the network of container \(other.prefix(12)): it is not running")
            }
            connection.path = "/proc/\(pid)/ns/net"
            connection.shared = try SharedNetwork.open(of: owner, pid: pid)
            connection.isHosts = owner.definition.network == .host
        case .none:
            connection.namespace = try await services.networks.namespace()
        case .bridge, .user:
            try await joinNetworks(&connection)
        }
        return connection
    }

    /// Looks a user up in the container's own files.
    func identity(user: String, groups extra: [String], lower: [String]) async throws -> UserDatabase.Identity {
        let layers = services.paths.data + "/layers/"
        // The container's own upper directory counts too: an earlier run may have added users.
        let stack = (lifecycle.startedAt == nil ? [] : ["\(directory)/upper"]) + lower.map { layers + $0 }
        return try await BlockingPool.shared.run {
            let root = try Overlay.view(stack)
            return try UserDatabase(of: root.raw).resolve(user, extra: extra)
        }
    }

    /// Where the process will be among the cgroups.
    private struct CgroupPlace: Sendable {
        var path: String
        var join: CgroupJoin
        /// See `CgroupHierarchies.visible`.
        var hierarchies: [String]
    }

    private func makeCgroup() async throws -> CgroupPlace {
        let resources = ResourceMapping.cgroup(definition.host.resources)
        let rules = try Devices.rules(definition.host)
        let (id, cgroups) = (id, services.cgroups)
        // The cgroup, whatever becomes of the rest: it is removed in any case.
        let (cgroup, place) = try await BlockingPool.shared.run {
            let cgroup = try cgroups.create(id: id, resources: resources, devices: rules)
            let place = Result {
                CgroupPlace(
                    path: cgroup.cgroupsPath, join: try cgroup.join(), hierarchies: try CgroupHierarchies.visible(cgroups.layout))
            }
            return (cgroup, place)
        }
        run.cgroup = cgroup
        return try place.get()
    }

    /// Opens the container's own directory, which the shim writes the log to and overlayfs works in.
    private func prepareDirectory() async throws -> SharedDescriptor {
        let (directory, isVolatile) = (directory, definition.host.autoRemove)
        return try await BlockingPool.shared.run {
            // What an earlier run left there refuses another mount.
            if isVolatile { try Tree.remove("\(directory)/work/work") }
            // A container of an older daemon may have none.
            try Files.makeDirectory("\(directory)/work")
            return SharedDescriptor(try Files.directory(directory))
        }
    }

    private func filter(security: SecurityOptions, grant: CapabilityGrant) async throws -> SeccompFilter? {
        let choice = seccompChoice(security)
        let compiler = services.seccomp
        return try await BlockingPool.shared.run { try compiler.filter(choice, capabilities: grant.capabilities) }
    }

    private func seccompChoice(_ security: SecurityOptions) -> SeccompChoice {
        definition.host.privileged ? .unconfined : security.seccomp
    }

    private func writeEtcFiles(endpoints: [Endpoint]) async throws {
        let (directory, host, domainname) = (directory, definition.host, definition.config.domainname)
        // Another container's files are its own to write.
        guard hostNames.directory == directory else { return }
        let hostname = ownHostname
        let (networks, links, usesOwnDNS) = (services.networks, try bridgeLinks(), usesOwnDNS(endpoints))
        try await BlockingPool.shared.run {
            try EtcFiles.write(
                into: directory, hostname: hostname, domainname: domainname, usesOwnDNS: usesOwnDNS, links: links,
                addresses: endpoints.flatMap(\.addresses),
                gateway: { "\(try networks.gateway)" }, host: host)
        }
    }

    /// What another OCI runtime needs to run the same bundle.
    private func writeBundleConfig(_ spec: RuntimeSpec, choice: SeccompChoice, capabilities: CapabilitySet) async throws {
        let (bundle, bundles) = (bundle, services.bundles)
        let profile: SeccompProfile? =
            switch choice {
            case .default: .default
            case .profile(let profile): profile
            case .unconfined: nil
            }
        try await BlockingPool.shared.run {
            let config = try bundles.encode(spec, seccomp: profile, capabilities: capabilities)
            try Files.write(config, to: "\(bundle)/config.json")
        }
    }

    /// Makes the bundle, listens on its socket, starts the shim on it and connects.
    private func spawnShim() async throws -> ShimConnection {
        let (bundle, id, program) = (bundle, id, services.shim)
        let (shim, pid) = try await BlockingPool.shared.run {
            try Tree.remove(bundle)
            try Files.makeDirectory(bundle)
            try Files.makeDirectory("\(bundle)/rootfs")
            let listener = try UnixSocket.listen(path: "\(bundle)/shim.sock", mode: 0o600)
            let pid = try program.spawn(arguments: ["timber-shim", id], descriptor: listener.raw)
            do {
                return (ShimConnection(try UnixSocket.connect(path: "\(bundle)/shim.sock")), pid)
            } catch {
                try reap(pid, killAfter: 0)
                throw error
            }
        }
        // Kept at once: whatever fails meanwhile, the child is reaped.
        run.shim = shim
        run.shimPID = pid
        return shim
    }

    /// Streams that wait, then the plan, on one connection: their order is the order of their effect.
    private func send(
        _ spec: RuntimeSpec, seccomp: SeccompFilter?, lower: [String], log: SharedDescriptor, network: Connection, sources: MountSources,
        place: CgroupPlace, to shim: ShimConnection
    ) async throws {
        let host = definition.host
        let config = definition.config
        let streams = waitingStreams
        waitingStreams = []
        let (directory, bundle, id, layers) = (directory, bundle, id, services.images.layersDirectory)
        let stack = services.paths.stack(lower)
        try await BlockingPool.shared.run {
            let bundleDirectory = try Files.directory(bundle)
            let context = LaunchContext(
                id: id, lower: stack, upper: "\(directory)/upper", work: "\(directory)/work", volatile: host.autoRemove,
                rootfs: "\(bundle)/rootfs",
                stdio: Stdio(
                    openStdin: config.openStdin, stdinOnce: config.stdinOnce, initProcess: host.runInit ?? false,
                    createWorkingDirectory: true),
                seccomp: seccomp, layers: layers.raw, log: log.raw, bundle: bundleDirectory.raw, network: network.descriptor,
                cgroupDirectory: place.join.directory?.raw, cgroupTasks: place.join.tasks.map(\.raw), cgroupHierarchies: place.hierarchies,
                held: network.reservation?.descriptors ?? [], sources: sources, logLimits: try LogLimits.parse(host.logConfig))
            let (payload, table) = try LaunchPlan.compile(spec, context)
            for waiting in streams {
                try shim.send(TIMBER_REQUEST_ATTACH, value: waiting.streams, descriptors: [waiting.stream.raw])
            }
            try shim.send(TIMBER_REQUEST_LAUNCH, payload: payload, descriptors: table.numbers)
            withExtendedLifetime((place, log, network, layers, sources)) {}
        }
    }
}
