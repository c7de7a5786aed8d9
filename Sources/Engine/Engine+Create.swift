internal import Cgroups
public import DockerAPI
internal import Errors
internal import Foundation
internal import Glibc
internal import Images
internal import Layers
internal import LinuxKernel
internal import State

extension Engine {
    /// Makes a container without starting it.
    /// - Parameters:
    ///   - name: nil: one is made up.
    ///   - platform: `os[/architecture[/variant]]`; refused when the image is of another.
    /// - Throws: `TimberError` that names the option that is wrong; nothing is left of a container that could not be made.
    public func createContainer(name: String?, platform: String?, _ request: ContainerCreateRequest) async throws
        -> ContainerCreateResponse
    {
        let chosen = try name.map { try ContainerName.validated($0) }
        try CreateValidation.check(request)
        let image = try services.images.image(request.config.image)
        try Platform.check(image, wanted: platform)
        let definition = try define(request, image: image)
        try checkLinks(definition)
        try await checkBindSources(request.hostConfig)
        let (_, warnings) = try ResourceMapping.cgroup(request.hostConfig.resources).validated(
            features: services.cgroups.features)
        let id = ContainerName.makeID()
        let reserved = try reserve(chosen, for: id)
        do {
            try await toItsEnd { [self] in try await store(id: id, name: reserved, definition, image: image) }
        } catch {
            services.registry.release(name: reserved, of: id)
            throw error
        }
        return ContainerCreateResponse(id: id, warnings: warnings)
    }

    private func reserve(_ name: String?, for id: String) throws -> String {
        if let name {
            if let owner = services.registry.reserve(name: name, for: id) {
                throw TimberError(.conflict, ContainerName.taken(name, by: owner))
            }
            return name
        }
        while true {
            let name = ContainerName.random()
            if services.registry.reserve(name: name, for: id) == nil { return name }
        }
    }

    /// Rows, then layers, then volumes' content, and the container's own directory at last: a creation that a crash interrupts has
    /// none, and the next start removes what there is of it.
    private func store(id: String, name: String, _ definition: Definition, image: Image) async throws {
        let lifecycle = Lifecycle()
        let record = ContainerRecord(
            id: id, name: name, definition: Array(try JSONEncoder().encode(definition)),
            state: try StoredState(lifecycle: lifecycle).encoded())
        let volumes = definition.mounts.filter { $0.kind == .volume }
        if !volumes.isEmpty {
            let requests = volumes.map {
                VolumeStore.Request(
                    name: $0.volume, anonymous: $0.anonymous, labels: $0.volumeLabels ?? [:], options: $0.volumeOptions ?? [:])
            }
            for new in try await services.volumes.create(requests, for: record) { services.events.volume("create", new) }
        }
        let directory = services.paths.container(id)
        let layers: [String]
        do {
            if volumes.isEmpty {
                layers = try await BlockingPool.shared.run { [images = services.images, directories = services.directories] in
                    let layers = try images.store(record, of: image.id)
                    try directories.place(at: directory, root: image.rootDirectory)
                    return layers
                }
            } else {
                layers = try await BlockingPool.shared.run { [images = services.images] in try images.hold(image.id, by: id) }
                for mount in volumes where mount.copyUp {
                    try await services.volumes.fill(
                        mount.volume, for: id, from: layers.map { services.paths.layer($0) }, at: mount.destination)
                }
                try await BlockingPool.shared.run { [directories = services.directories] in
                    try directories.place(at: directory, root: image.rootDirectory)
                }
            }
        } catch {
            let failed = Container(id: id, name: name, definition: definition, lifecycle: lifecycle, services: services)
            try await failed.discard(volumes: true)
            throw error
        }
        let container = Container(
            id: id, name: name, definition: definition, lifecycle: lifecycle, services: services, layers: layers)
        let snapshot = await container.snapshot
        services.registry.add(container, snapshot)
        services.events.container("create", snapshot)
    }

    /// What `--link` names on the default bridge must be there. Not "not found", which clients take for the image and try to pull it.
    private func checkLinks(_ definition: Definition) throws {
        for link in definition.memberships.first(where: { $0.network == BuiltInNetwork.bridge.id })?.links ?? [] {
            let target = String(link.prefix { $0 != ":" })
            guard services.registry.ids(matching: target).isEmpty else { continue }
            throw TimberError(.invalidArgument, "cannot link to \(target): no such container, create it first")
        }
    }

    /// What `--mount type=bind` names must be there; what `-v` names is made at the start.
    private func checkBindSources(_ host: HostConfig) async throws {
        let binds = host.mounts.filter { $0.type == "bind" && $0.bindOptions?.createMountpoint != true }
        guard !binds.isEmpty else { return }
        try await BlockingPool.hostPaths.run {
            for mount in binds where Files.isDirectory(mount.source) == nil {
                throw TimberError(
                    .invalidArgument, "invalid mount for \(mount.target): the bind source path \(mount.source) does not exist on the host")
            }
        }
    }

    /// Merges the request with the image, by Docker's rules.
    private func define(_ request: ContainerCreateRequest, image: Image) throws -> Definition {
        let imageConfig = image.config.config
        var config = request.config
        if config.entrypoint == nil {
            config.entrypoint = imageConfig.entrypoint
            if config.cmd == nil || config.cmd?.isEmpty == true { config.cmd = imageConfig.cmd }
        } else if config.entrypoint == [""] {
            config.entrypoint = nil
        }
        var environment = Environment(imageConfig.env)
        for variable in config.env { environment.set(variable) }
        config.env = environment.variables
        config.labels = imageConfig.labels.merging(config.labels) { $1 }
        config.exposedPorts.formUnion(imageConfig.exposedPorts)
        config.volumes.formUnion(imageConfig.volumes)
        if config.user.isEmpty { config.user = imageConfig.user }
        if config.workingDir.isEmpty { config.workingDir = imageConfig.workingDir }
        if config.stopSignal.isEmpty { config.stopSignal = imageConfig.stopSignal ?? "" }
        if config.stopTimeout == nil { config.stopTimeout = imageConfig.stopTimeout }
        if config.shell == nil { config.shell = imageConfig.shell }
        config.healthcheck = HealthCheck.merged(config.healthcheck, image: imageConfig.healthcheck)
        if let check = config.healthcheck { try HealthCheck.validate(check) }
        _ = try Signals.number(config.stopSignal, default: SIGTERM)
        if !config.workingDir.isEmpty {
            guard let clean = cleanPath(config.workingDir) else {
                throw TimberError(
                    .invalidArgument, "the working directory '\(config.workingDir)' is invalid, it needs to be an absolute path")
            }
            config.workingDir = clean
        }
        var definition = Definition(
            created: .now(), image: image.id.description, config: config, host: request.hostConfig,
            mounts: try MountParsing.resolve(config, request.hostConfig, inherited: try inheritedMounts(request.hostConfig)),
            network: try networkMode(request), memberships: [],
            ports: try PortRequests.parse(request.hostConfig.portBindings))
        guard let program = definition.arguments.first, !program.isEmpty else {
            throw TimberError(.invalidArgument, "no command specified: the image has none, so give one after the image's name")
        }
        try LaunchPlan.checkSize(definition)
        definition.config.exposedPorts.formUnion(definition.ports.map { $0.container.contains("/") ? $0.container : "\($0.container)/tcp" })
        definition.host.networkMode = definition.network.word
        definition.memberships = try memberships(request, definition.network)
        if definition.memberships.isEmpty { definition.ports = [] }
        return definition
    }

    /// What `--volumes-from` takes over.
    private func inheritedMounts(_ host: HostConfig) throws -> [MountSpec] {
        try host.volumesFrom.flatMap { text in
            let (name, readOnly) = try MountParsing.parse(volumesFrom: text)
            return MountParsing.inherited(from: try otherContainer(name, "take the volumes").definition.mounts, readOnly: readOnly)
        }
    }

    /// Another container, that this one wants something of. Not 404: clients take that for a missing image and pull it.
    private func otherContainer(_ name: String, _ wish: String) throws -> Snapshot {
        do {
            return try snapshot(name)
        } catch let error as TimberError {
            throw TimberError(.invalidArgument, "cannot \(wish) of container \(name.prefix(200))", cause: error)
        }
    }

    private func networkMode(_ request: ContainerCreateRequest) throws -> Definition.NetworkMode {
        if request.config.networkDisabled { return .none }
        let mode = request.hostConfig.networkMode
        switch mode {
        case "", "default", "bridge": return .bridge
        case "none": return .none
        case "host": return .host
        case _ where mode.hasPrefix("container:"):
            let other = try otherContainer(String(mode.dropFirst("container:".count)), "join the network")
            if case .container = other.definition.network {
                throw TimberError(.invalidArgument, "container \(other.name) shares the network of another container itself: join that one")
            }
            let host = request.hostConfig
            let conflicts: [(Bool, String)] = [
                (!host.portBindings.isEmpty || host.publishAllPorts, "port publishing"), (!request.config.hostname.isEmpty, "hostname"),
                (!host.dns.isEmpty, "dns"), (!host.extraHosts.isEmpty, "custom host-to-IP mapping"),
            ]
            for (given, option) in conflicts where given {
                throw TimberError(
                    .invalidArgument,
                    "conflicting options: \(option) and the container type network mode: container \(other.name) has its own")
            }
            return .container(other.id)
        default:
            do {
                switch try services.userNetworks.find(mode) {
                case .user: return .user(mode)
                case .builtIn(.bridge): return .bridge
                case .builtIn(.host): return .host
                case .builtIn(.none): return .none
                }
            } catch let error as TimberError where error.code == .notFound {
                // Not 404: see `otherContainer`.
                throw TimberError(.invalidArgument, "network \(mode.prefix(200)) not found: make it with network create first")
            }
        }
    }
}

/// `--platform` against what an image is.
enum Platform {
    private static let aliases = ["x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"]

    private static func split(_ text: String) throws -> [String] {
        let parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), !parts.contains("") else {
            throw TimberError(.invalidArgument, "invalid platform \"\(text)\": it is written os[/architecture[/variant]], as linux/amd64")
        }
        return parts
    }

    /// What a new image is for.
    /// - Parameter text: nil or empty: this machine.
    /// - Throws: `TimberError.invalidArgument`; `.unsupported` for anything but Linux.
    static func parts(_ text: String?) throws -> (architecture: String, variant: String?) {
        guard let text, !text.isEmpty else { return (Image.hostArchitecture, nil) }
        let parts = try split(text)
        guard parts[0] == "linux" else { throw TimberError(.unsupported, "images for \(parts[0]) cannot be used: only linux") }
        let architecture = parts.count > 1 ? parts[1] : Image.hostArchitecture
        return (aliases[architecture, default: architecture], parts.count > 2 ? parts[2] : nil)
    }

    static func check(_ image: Image, wanted: String?) throws {
        guard let wanted, !wanted.isEmpty else { return }
        let parts = try split(wanted)
        let os = parts.count > 1 || ["linux", "windows"].contains(parts[0]) ? parts[0] : image.config.os
        let architecture = parts.count > 1 ? parts[1] : os == parts[0] ? image.config.architecture : parts[0]
        guard os == image.config.os, aliases[architecture, default: architecture] == image.config.architecture else {
            throw TimberError(
                .notFound,
                "image \(image.repoTags.first ?? image.id.short) is for \(image.config.os)/\(image.config.architecture), not for the wanted platform \(wanted)"
            )
        }
    }
}
