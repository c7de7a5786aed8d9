public import DockerAPI
internal import Errors
internal import Images
public import LinuxKernel

/// What `docker commit` asks for.
public struct CommitRequest: Sendable {
    /// Which container.
    public var container: String
    /// The new image's name; empty: none.
    public var repository = ""
    /// Its tag; empty: `latest`.
    public var tag = ""
    /// For its history.
    public var comment = ""
    /// Who made it.
    public var author = ""
    /// Freeze the container meanwhile.
    public var pauses = true
    /// Instructions of a Dockerfile.
    public var changes: [String] = []
    /// Instead of the container's; what it leaves out is the container's.
    public var config: DockerAPI.ContainerConfig?

    /// Makes a request.
    public init(container: String) {
        self.container = container
    }
}

/// What `docker import` asks for.
public struct ImportRequest: Sendable {
    /// The new image's name; empty: none.
    public var repository = ""
    /// Its tag; empty: `latest`.
    public var tag = ""
    /// For its history.
    public var message = ""
    /// Instructions of a Dockerfile.
    public var changes: [String] = []
    /// `os[/architecture[/variant]]`; nil: this machine's.
    public var platform: String?

    /// Makes a request.
    public init() {}
}

extension Engine {
    /// Makes an image of a container.
    /// - Returns: its id.
    public func commit(_ request: CommitRequest) async throws -> IDResponse {
        let container = try container(request.container)
        let changes = try ConfigChange.parse(request.changes)
        let images = services.images
        let name = try newName(request.repository, request.tag)
        let definition = await container.snapshot.definition
        let own = Images.ContainerConfig(definition.config)
        var config = request.config.map { Images.ContainerConfig($0) } ?? own
        try changes.apply(to: &config)
        config.complete(with: own)
        let final = config
        let parent = try images.image(definition.image)
        let layer = try await comparisons.run { try await container.stageLayer(pauses: request.pauses) }
        // The client has gone: nobody waits for the image.
        try Task.checkCancellation()
        return try await toItsEnd { [services] in
            let loaded = try await images.create(
                NewImage(
                    parent: parent, container: container.id, config: final, architecture: parent.config.architecture,
                    variant: parent.config.variant, author: request.author, created: Timestamp.now().rfc3339,
                    createdBy: (definition.config.cmd ?? []).joined(separator: " "), comment: request.comment, layer: layer),
                name: name)
            services.events.container(
                "commit", await container.snapshot,
                extra: ["comment": request.comment, "imageID": "\(loaded.id)", "imageRef": loaded.references.first ?? ""])
            return IDResponse(id: "\(loaded.id)")
        }
    }

    /// Makes an image of an archive of files.
    /// - Parameter archive: a tar, compressed or not; read to its end.
    /// - Returns: its id.
    public func importImage(from archive: consuming Descriptor, _ request: ImportRequest) async throws -> String {
        let source = OwnedOnce(archive)
        let name = try newName(request.repository, request.tag)
        var config = Images.ContainerConfig()
        try ConfigChange.parse(request.changes).apply(to: &config)
        let platform = try Platform.parts(request.platform)
        let final = config
        let images = services.images
        return try await transfers.run { [services] in
            let layer = try await BlockingPool.transfers.run { try images.stageLayer(from: try source.take()) }
            // The client has gone: what came of its archive is no image.
            try Task.checkCancellation()
            let loaded = try await images.create(
                NewImage(
                    parent: nil, config: final, architecture: platform.architecture, variant: platform.variant, author: "",
                    created: Timestamp.now().rfc3339, createdBy: "", comment: request.message, layer: layer),
                name: name)
            services.events.image("import", id: "\(loaded.id)", name: loaded.references.first ?? "\(loaded.id)", labels: final.labels)
            return "\(loaded.id)"
        }
    }

    private func newName(_ repository: String, _ tag: String) throws -> String? {
        repository.isEmpty ? nil : try services.images.nameForNewImage(repository: repository, tag: tag)
    }
}

extension Images.ContainerConfig {
    /// A container's configuration as an image's.
    init(_ config: DockerAPI.ContainerConfig) {
        self.init()
        user = config.user
        workingDir = config.workingDir
        stopSignal = config.stopSignal.isEmpty ? nil : config.stopSignal
        entrypoint = config.entrypoint
        cmd = config.cmd
        shell = config.shell
        env = config.env
        onBuild = config.onBuild
        exposedPorts = config.exposedPorts.sorted()
        volumes = config.volumes.sorted()
        labels = config.labels
        healthcheck = config.healthcheck.map { config in
            var check = Images.Healthcheck()
            check.test = config.test
            check.interval = config.interval
            check.timeout = config.timeout
            check.startPeriod = config.startPeriod
            check.startInterval = config.startInterval
            check.retries = config.retries
            return check
        }
        stopTimeout = config.stopTimeout
    }

    /// Takes what is not said from another one (moby, `merge`).
    mutating func complete(with other: Images.ContainerConfig) {
        if user.isEmpty { user = other.user }
        if workingDir.isEmpty { workingDir = other.workingDir }
        if (entrypoint ?? []).isEmpty {
            if (cmd ?? []).isEmpty { cmd = other.cmd }
            if entrypoint == nil { entrypoint = other.entrypoint }
        }
        let names = Set(env.map { $0.prefix { $0 != "=" } })
        env += other.env.filter { !names.contains($0.prefix { $0 != "=" }) }
        exposedPorts = Set(exposedPorts).union(other.exposedPorts).sorted()
        volumes = Set(volumes).union(other.volumes).sorted()
        labels.merge(other.labels) { mine, _ in mine }
        stopSignal = stopSignal ?? other.stopSignal
        stopTimeout = stopTimeout ?? other.stopTimeout
        healthcheck = healthcheck ?? other.healthcheck
        shell = shell ?? other.shell
    }
}
