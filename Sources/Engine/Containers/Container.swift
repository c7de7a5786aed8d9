internal import CTimber
internal import Cgroups
internal import DockerAPI
internal import Errors
internal import Foundation
internal import Images
internal import LinuxKernel
internal import Networks
internal import State

/// One container: the only place where its lifecycle changes.
///
/// Every await is a point where something else may have happened, so state is looked at again after each. Verbs live in
/// extensions: `Container+Start.swift`, `Container+Stop.swift`, `Container+Exec.swift`, `Container+Attach.swift`,
/// `Container+Remove.swift`, `Container+Adopt.swift`.
actor Container {
    nonisolated let id: String
    let services: Services
    var name: String
    private var shared: SharedDefinition
    var lifecycle: Lifecycle
    /// The image's directories, once they were needed.
    private(set) var layers: [String]?
    /// What the running container holds on the host.
    var run = RunResources()
    /// Streams of clients that attached before there was a shim.
    var waitingStreams: [WaitingStream] = []
    var execs: [String: Exec] = [:]
    var lastExecNumber: UInt32 = 0
    /// What the health check has found; nil without one, or before the first start.
    var health: HealthState?
    var healthMonitor: Task<Void, Never>?
    /// How often it was paused: what a pause fell into says nothing of its health.
    var pauses = 0
    /// Fulfilled when the launch under way has come to a running process, or has not.
    var launched = OneShot<Result<Void, any Error>>()
    /// Fulfilled at the next end of the process, when everything of it is gone; replaced then.
    var nextExit = OneShot<Lifecycle.Exit>()
    let removed = OneShot<Lifecycle.Exit>()
    /// Fulfilled when the shim that an earlier daemon left has said what it has, or has ended.
    let statusKnown = OneShot<Void>()
    /// Restarts by hand that are under way, between the end and the start.
    var restartsByHand = 0
    /// Forced removals under way: nobody starts it meanwhile.
    var forcedRemovals = 0
    /// `--rm` does not remove the container by itself, nor does its restart policy start it: somebody else does what is to be done.
    var keepAfterExit: Bool { restartsByHand > 0 || forcedRemovals > 0 }
    /// Counts the time to the policy's next start.
    var restartTimer: Task<Void, Never>?
    /// An earlier daemon's, until everything that one left has been looked at: nothing starts meanwhile.
    var restartsAreHeld: Bool
    /// One update at a time.
    let updates = Gate(limit: 1)
    /// The writing of the state that is under way, or was the last.
    private var writing: Task<Void, any Error>?
    /// One change of its networks at a time.
    let networkTurn = Gate(limit: 1)
    /// One change of its /etc/hosts at a time.
    let hostsTurn = Gate(limit: 1)
    /// Somebody writes to its files: it neither starts nor goes meanwhile.
    var isRootTaken = false
    /// Who waits for them.
    var rootWaiters: [CheckedContinuation<Void, Never>] = []
    /// Work on its files that nobody has to wait for.
    var interrupts: [Interrupt] = []
    /// The removal under way.
    var removal: Task<Void, any Error>?
    /// Whether that, or the one that a later daemon takes up again, is of its anonymous volumes too; nil before it.
    var removesVolumes: Bool?

    /// What one run has on the host besides the shim; persisted, so that a later daemon can give it back.
    struct RunResources {
        var shim: ShimConnection?
        /// The shim as our child; nil when an earlier daemon started it.
        var shimPID: Int32?
        var cgroup: Cgroup?
        /// The writing of config.json, which is over before the bundle is removed.
        var bundleConfig: Task<Void, Never>?
        /// One for each network that it is in.
        var endpoints: [Endpoint] = []
        /// The one that its default route, and with it its published ports, go by.
        var route: Endpoint?
        /// The one that its IPv6 default route goes by.
        var route6: Endpoint?
        var ports: [PublishedPort] = []
        /// An update of the limits is under way.
        var limitsAreChanging = false
        /// What the shim said of the end, before its connection closed.
        var exit: Lifecycle.Exit?
    }

    /// - Parameter layers: the image's directories; nil: they are looked up when they are needed.
    init(
        id: String, name: String, definition: Definition, lifecycle: Lifecycle, services: Services, layers: [String]? = nil,
        isAdopted: Bool = false
    ) {
        restartsAreHeld = isAdopted
        self.id = id
        self.name = name
        shared = SharedDefinition(definition)
        self.lifecycle = lifecycle
        self.services = services
        self.layers = layers
    }

    var definition: Definition {
        _read { yield shared.value }
        set { shared = SharedDefinition(newValue) }
    }

    var snapshot: Snapshot {
        Snapshot(
            id: id, name: name, shared: shared, lifecycle: lifecycle, endpoints: run.endpoints, ports: run.ports,
            execIDs: execs.values.filter { $0.isRunning && !$0.isProbe }.map(\.id).sorted(), health: health)
    }

    var directory: String { services.paths.container(id) }
    var bundle: String { services.paths.bundle(id) }
    var hostNames: HostNames { services.hostNames(of: id, definition) }

    /// Shows the current state to list and inspect.
    func publish() {
        services.registry.publish(snapshot)
    }

    /// Makes the current state durable and shows it. States are written in the order of these calls.
    func persist() async throws {
        publish()
        let state = try StoredState(self).encoded()
        try await write { [id, services] in try await services.database.setContainerState(id, state) }
    }

    /// Returns when nothing is being written any more, well or not: that is for whoever wrote it to know.
    func writingEnds() async {
        while let last = writing {
            _ = await last.result
            if writing == last { return }
        }
    }

    /// Makes what it is durable.
    func storeDefinition() async throws {
        let definition = Array(try JSONEncoder().encode(definition))
        try await write { [id, services] in try await services.database.setContainerDefinition(id, definition) }
    }

    private func write(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let writing = Task { [before = writing] in
            // Whether that failed is for its own caller to know.
            _ = await before?.result
            try await body()
        }
        self.writing = writing
        try await writing.value
    }

    /// The image's directories in the order of the overlay's lowerdir; they never change.
    func lowerLayers() throws -> [String] {
        if let layers { return layers }
        let held = try services.images.heldLayers(by: id)
        layers = held
        return held
    }

    /// Renames it.
    func rename(to newName: String) async throws {
        let newName = try ContainerName.validated(newName)
        if newName == name { throw TimberError(.invalidArgument, "the container is already named \"\(name)\"") }
        if case .removing = lifecycle.phase { throw Lifecycle.beingRemoved }
        if let owner = services.registry.reserve(name: newName, for: id) {
            throw TimberError(.conflict, ContainerName.taken(newName, by: owner))
        }
        do {
            try await services.database.renameContainer(id, to: newName)
        } catch {
            services.registry.release(name: newName, of: id)
            throw error
        }
        guard services.registry.container(id: id) != nil else {
            // Removed meanwhile, and its old name with it.
            services.registry.release(name: newName, of: id)
            throw Lifecycle.beingRemoved
        }
        let old = name
        name = newName
        publish()
        registerNames(run.endpoints)
        services.registry.release(name: old, of: id)
        services.events.container("rename", snapshot, extra: ["oldName": "/\(old)"])
    }
}

/// What is stored of a container's state.
struct StoredState: Codable {
    var lifecycle: Lifecycle
    var endpoints: [Endpoint]
    var ports: [PublishedPort]
    /// How the run that is being cleaned up after has ended.
    var exit: Lifecycle.Exit?
    var health: HealthState?
    /// The definition's limits may not be those that the cgroup has.
    var limitsAreChanging: Bool?
    /// A removal takes the anonymous volumes with it.
    var removesVolumes: Bool?

    init(_ container: isolated Container) {
        lifecycle = container.lifecycle
        endpoints = container.run.endpoints
        ports = container.run.ports
        exit = container.run.exit
        health = container.health
        limitsAreChanging = container.run.limitsAreChanging ? true : nil
        removesVolumes = container.removesVolumes
    }

    init(lifecycle: Lifecycle) {
        self.lifecycle = lifecycle
        endpoints = []
        ports = []
    }

    func encoded() throws -> [UInt8] {
        Array(try JSONEncoder().encode(self))
    }
}
