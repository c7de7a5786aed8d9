internal import APIServer
internal import DockerAPI
internal import Engine
internal import Errors
internal import LinuxKernel

/// The engine as the API server sees it: names and shapes are translated here, nothing is decided.
struct EngineBackend: Backend {
    let engine: Engine

    // MARK: System

    func version() async throws -> SystemVersion { engine.systemVersion() }
    func info() async throws -> SystemInfo { try engine.systemInfo() }

    func events(_ query: EventQuery) async throws -> Producer<EventMessage> {
        let read = try engine.events(
            since: query.since.map { ($0.seconds, $0.nanoseconds) }, until: query.until.map { ($0.seconds, $0.nanoseconds) },
            filters: query.filters.values)
        return Producer { try await read($0) }
    }

    func diskUsage(of kinds: Set<DiskUser>) async throws -> DiskUsage {
        var usage = try await engine.diskUsage(
            images: kinds.contains(.image), containers: kinds.contains(.container), volumes: kinds.contains(.volume))
        // Timber builds no images.
        if kinds.contains(.buildCache) { usage.buildCache = [] }
        return usage
    }

    // MARK: Containers

    func createContainer(
        name: String?, platform: String?, _ request: ContainerCreateRequest
    ) async throws -> ContainerCreateResponse {
        try await engine.createContainer(name: name, platform: platform, request)
    }

    func containers(_ query: ContainerListQuery) async throws -> [ContainerSummary] {
        try await engine.containers(all: query.all, limit: query.limit, size: query.size, filters: query.filters.values)
    }

    func inspectContainer(_ name: String, size: Bool) async throws -> ContainerInspect {
        try await engine.inspectContainer(name, size: size)
    }

    func startContainer(_ name: String) async throws { try await engine.startContainer(name) }

    func stopContainer(_ name: String, signal: String?, timeout: Int?) async throws {
        try await engine.stopContainer(name, signal: signal, timeout: timeout)
    }

    func restartContainer(_ name: String, signal: String?, timeout: Int?) async throws {
        try await engine.restartContainer(name, signal: signal, timeout: timeout)
    }

    func killContainer(_ name: String, signal: String) async throws { try await engine.killContainer(name, signal: signal) }
    func pauseContainer(_ name: String) async throws { try await engine.pauseContainer(name) }
    func unpauseContainer(_ name: String) async throws { try await engine.unpauseContainer(name) }

    func waitContainer(_ name: String, _ condition: WaitCondition) async throws -> PendingExit {
        let until: WaitUntil =
            switch condition {
            case .notRunning: .notRunning
            case .nextExit: .nextExit
            case .removed: .removed
            }
        let end = try await engine.waitContainer(name, until: until)
        return { ContainerWaitResponse(statusCode: Int64(try await end())) }
    }

    func removeContainer(_ name: String, force: Bool, volumes: Bool, link: Bool) async throws {
        if link { throw TimberError(.unsupported, "removing a link is not supported by Timber: it has no links") }
        try await engine.removeContainer(name, force: force, volumes: volumes)
    }

    func renameContainer(_ name: String, to newName: String) async throws { try await engine.renameContainer(name, to: newName) }

    func updateContainer(_ name: String, _ request: ContainerUpdateRequest) async throws -> ContainerUpdateResponse {
        try await engine.updateContainer(name, request)
    }

    func resizeContainer(_ name: String, rows: Int, columns: Int) async throws {
        try await engine.resizeContainer(name, rows: rows, columns: columns)
    }

    func containerLogs(_ name: String, _ query: LogQuery) async throws -> LogStream {
        var request = Engine.LogRequest()
        request.stdout = query.stdout
        request.stderr = query.stderr
        request.timestamps = query.timestamps
        request.follow = query.follow
        request.tail = query.tail
        request.since = query.since.map { ($0.seconds, $0.nanoseconds) }
        request.until = query.until.map { ($0.seconds, $0.nanoseconds) }
        let log = try engine.containerLogs(name, request)
        return LogStream(isTerminal: log.isTerminal, bytes: Producer { try await log.read($0) })
    }

    func attachContainer(_ name: String, _ query: AttachQuery) async throws -> AttachedStream {
        let attached = try await engine.attachContainer(name, stdin: query.stdin, stdout: query.stdout, stderr: query.stderr)
        return AttachedStream(socket: try attached.stream.duplicate(), isTerminal: attached.isTerminal)
    }

    func topContainer(_ name: String, psArguments: String) async throws -> ContainerTop {
        try await engine.topContainer(name, psArguments: psArguments)
    }

    func containerStats(_ name: String, stream: Bool, oneShot: Bool) async throws -> Producer<ContainerStats> {
        let samples = try engine.containerStats(name, stream: stream, oneShot: oneShot)
        return Producer { try await samples($0) }
    }

    func containerChanges(_ name: String) async throws -> [FilesystemChange] { try await engine.containerChanges(name) }

    func exportContainer(_ name: String) async throws -> Producer<[UInt8]> { Producer(try await engine.exportContainer(name)) }

    func containerPathStat(_ name: String, path: String) async throws -> ContainerPathStat {
        try await engine.containerPathStat(name, path: path)
    }

    func containerArchive(_ name: String, path: String) async throws -> (stat: ContainerPathStat, bytes: Producer<[UInt8]>) {
        let archive = try await engine.containerArchive(name, path: path)
        return (archive.stat, Producer(archive.read))
    }

    func extractArchive(_ archive: consuming Descriptor, into name: String, _ query: ArchiveQuery) async throws {
        try await engine.extract(
            archive, into: name, path: query.path, keepsKinds: query.keepsKinds, takesUser: query.takesUser)
    }

    func pruneContainers(filters: Filters) async throws -> ContainersPruneReport {
        try await engine.pruneContainers(filters: filters.values)
    }

    // MARK: Volumes

    func volumes(filters: Filters) async throws -> [Volume] { try await engine.volumes(filters: filters.values) }
    func inspectVolume(_ name: String) async throws -> Volume { try await engine.inspectVolume(name) }
    func createVolume(_ request: VolumeCreateRequest) async throws -> Volume { try await engine.createVolume(request) }
    func removeVolume(_ name: String, force: Bool) async throws { try await engine.removeVolume(name, force: force) }
    func pruneVolumes(filters: Filters) async throws -> VolumesPruneReport { try await engine.pruneVolumes(filters: filters.values) }

    // MARK: Networks

    func networks(filters: Filters) async throws -> [NetworkResource] { try engine.networks(filters: filters.values) }
    func inspectNetwork(_ name: String) async throws -> NetworkResource { try engine.inspectNetwork(name) }
    func createNetwork(_ request: NetworkCreateRequest) async throws -> NetworkCreateResponse { try await engine.createNetwork(request) }
    func removeNetwork(_ name: String) async throws { try await engine.removeNetwork(name) }

    func connectNetwork(_ name: String, _ request: NetworkConnectRequest) async throws {
        try await engine.connectNetwork(name, request)
    }

    func disconnectNetwork(_ name: String, _ request: NetworkDisconnectRequest) async throws {
        try await engine.disconnectNetwork(name, request)
    }

    func pruneNetworks(filters: Filters) async throws -> NetworksPruneReport { try await engine.pruneNetworks(filters: filters.values) }

    // MARK: Exec

    func createExec(container: String, _ request: ExecCreateRequest) async throws -> IDResponse {
        try await engine.createExec(container: container, request)
    }

    func startExecDetached(_ id: String) async throws { try await engine.startExecDetached(id) }

    func startExecAttached(_ id: String, _ request: ExecStartRequest) async throws -> AttachedStream {
        let attached = try await engine.startExecAttached(id, size: request.consoleSize)
        return AttachedStream(socket: try attached.stream.duplicate(), isTerminal: attached.isTerminal)
    }

    func resizeExec(_ id: String, rows: Int, columns: Int) async throws {
        try await engine.resizeExec(id, rows: rows, columns: columns)
    }

    func inspectExec(_ id: String) async throws -> ExecInspect { try await engine.inspectExec(id) }

    // MARK: Images

    func images(_ query: ImageListQuery) async throws -> [ImageSummary] {
        try await engine.images(all: query.all, filters: query.filters.values, sharedSize: query.sharedSize)
    }
    func inspectImage(_ name: String) async throws -> ImageInspect { try await engine.inspectImage(name) }
    func imageHistory(_ name: String) async throws -> [HistoryItem] { try await engine.imageHistory(name) }

    func tagImage(_ name: String, repository: String, tag: String) async throws {
        try await engine.tagImage(name, repository: repository, tag: tag)
    }

    func removeImage(_ name: String, force: Bool, prune: Bool) async throws -> [ImageDeleteItem] {
        try await engine.removeImage(name, force: force, prune: prune)
    }

    func pruneImages(filters: Filters) async throws -> ImagesPruneReport {
        try await engine.pruneImages(filters: filters.values)
    }

    func loadImages(from archive: consuming Descriptor, quiet: Bool, progress: @escaping ProgressSink) async throws {
        try await engine.loadImages(from: archive, quiet: quiet, progress: progress)
    }

    func saveImages(_ names: [String]) async throws -> Producer<[UInt8]> {
        let engine = engine
        return Producer { emit in try await engine.saveImages(names, emit: emit) }
    }

    func commit(_ query: CommitQuery) async throws -> IDResponse {
        var request = CommitRequest(container: query.container)
        request.repository = query.repository
        request.tag = query.tag
        request.comment = query.comment
        request.author = query.author
        request.pauses = query.pauses
        request.changes = query.changes
        request.config = query.config
        return try await engine.commit(request)
    }

    func importImage(from archive: consuming Descriptor, _ query: ImportQuery) async throws -> String {
        var request = ImportRequest()
        request.repository = query.repository
        request.tag = query.tag
        request.message = query.message
        request.changes = query.changes
        request.platform = query.platform
        return try await engine.importImage(from: archive, request)
    }

    func pullImage(_ reference: String, platform: String?, credentials: AuthConfig?, progress: @escaping ProgressSink) async throws {
        try await engine.pullImage(reference, platform: platform, credentials: credentials, progress: progress)
    }

    func pushImage(_ name: String, tag: String?, credentials: AuthConfig?, progress: @escaping ProgressSink) async throws {
        try await engine.pushImage(name, tag: tag, credentials: credentials, progress: progress)
    }

    func inspectDistribution(_ name: String, credentials: AuthConfig?) async throws -> DistributionInspect {
        try await engine.inspectDistribution(name, credentials: credentials)
    }

    func login(_ credentials: AuthConfig) async throws -> AuthResponse { try await engine.login(credentials) }
}
