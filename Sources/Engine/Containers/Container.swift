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
    var definition: Definition
    var lifecycle: Lifecycle
    /// The image's directories, once they were needed.
    private(set) var layers: [String]?
    /// What the running container holds on the host.
    var run = RunResources()
    /// Streams of clients that attached before there was a shim.
    var waitingStreams: [WaitingStream] = []
    var execs: [String: Exec] = [:]
    var lastExecNumber: UInt32 = 0
    /// Fulfilled when the launch under way has come to a running process, or has not.
    var launched = OneShot<Result<Void, any Error>>()
    /// Fulfilled at the next end of the process, when everything of it is gone; replaced then.
    var nextExit = OneShot<Lifecycle.Exit>()
    let removed = OneShot<Lifecycle.Exit>()
    /// Fulfilled when the shim that an earlier daemon left has said what it has, or has ended.
    let statusKnown = OneShot<Void>()
    /// A restart or a forced removal under way: `--rm` does not remove the container by itself meanwhile.
    var keepAfterExit = false
    /// The removal under way.
    var removal: Task<Void, any Error>?

    /// What one run has on the host besides the shim; persisted, so that a later daemon can give it back.
    struct RunResources {
        var shim: ShimConnection?
        /// The shim as our child; nil when an earlier daemon started it.
        var shimPID: Int32?
        var cgroup: Cgroup?
        /// The writing of config.json, which is over before the bundle is removed.
        var bundleConfig: Task<Void, Never>?
        var endpoint: Endpoint?
        var ports: [PublishedPort] = []
        /// What the shim said of the end, before its connection closed.
        var exit: Lifecycle.Exit?
    }

    init(id: String, name: String, definition: Definition, lifecycle: Lifecycle, services: Services) {
        self.id = id
        self.name = name
        self.definition = definition
        self.lifecycle = lifecycle
        self.services = services
    }

    var snapshot: Snapshot {
        Snapshot(
            id: id, name: name, definition: definition, lifecycle: lifecycle, endpoint: run.endpoint, ports: run.ports,
            execIDs: execs.values.filter { $0.isRunning }.map(\.id).sorted())
    }

    var directory: String { services.paths.container(id) }
    var bundle: String { services.paths.bundle(id) }
    var hostNames: HostNames { services.hostNames(of: id, definition) }

    /// Shows the current state to list and inspect.
    func publish() {
        services.registry.publish(snapshot)
    }

    /// Makes the current state durable and shows it.
    func persist() async throws {
        publish()
        try await services.database.setContainerState(id, try StoredState(self).encoded())
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
        if let owner = services.registry.reserve(name: newName, for: id) {
            throw TimberError(.conflict, ContainerName.taken(newName, by: owner))
        }
        do {
            try await services.database.renameContainer(id, to: newName)
        } catch {
            services.registry.release(name: newName, of: id)
            throw error
        }
        let old = name
        name = newName
        publish()
        services.registry.release(name: old, of: id)
        services.events.container("rename", snapshot, extra: ["oldName": "/\(old)"])
    }

    /// Changes its limits, at once when it runs.
    func update(_ resources: Resources) async throws -> [String] {
        // Old and new limits together have to be such that the container could be started with them.
        let features = services.cgroups.features
        var merged = try ResourceMapping.merged(definition.host.resources, resources, features: features)
        if let cgroup = run.cgroup {
            let changes = ResourceMapping.cgroup(resources)
            let warnings = try await BlockingPool.shared.run { try cgroup.update(changes) }
            // Another update may have come in between.
            merged = try ResourceMapping.merged(definition.host.resources, resources, features: features)
            merged.warnings = warnings
        }
        definition.host.resources = merged.resources
        try await services.database.setContainerDefinition(id, Array(try JSONEncoder().encode(definition)))
        publish()
        services.events.container("update", snapshot)
        return merged.warnings
    }
}

/// What is stored of a container's state.
struct StoredState: Codable {
    var lifecycle: Lifecycle
    var endpoint: Endpoint?
    var ports: [PublishedPort]

    init(_ container: isolated Container) {
        lifecycle = container.lifecycle
        endpoint = container.run.endpoint
        ports = container.run.ports
    }

    init(lifecycle: Lifecycle) {
        self.lifecycle = lifecycle
        ports = []
    }

    func encoded() throws -> [UInt8] {
        Array(try JSONEncoder().encode(self))
    }
}
