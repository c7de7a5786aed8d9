import APIServer
import DockerAPI
import Errors
import LinuxKernel
import Synchronization

/// Answers like an engine with one container named `web`, and keeps a record of what was asked of it.
final class FakeBackend: Backend {
    /// Runs on a thread of its own with the process's end of the attached socket; the socket closes when it returns.
    typealias Process = @Sendable (Int32) -> Void

    let calls = Mutex<[String]>([])
    let created = Mutex<ContainerCreateRequest?>(nil)
    let loaded = Mutex<Received>(Received())
    let listed = Mutex<[ContainerSummary]>([])
    let cancelled = Mutex<Set<String>>([])
    let process: Process
    let isTerminal: Bool
    let exit = Event<Int64>()
    let started = Event<Void>()
    let attached = Mutex<SharedDescriptor?>(nil)
    /// Samples that were made.
    let samples = Counter()

    init(isTerminal: Bool = false, process: @escaping Process = { _ in }) {
        self.isTerminal = isTerminal
        self.process = process
    }

    private func note(_ call: String) {
        calls.withLock { $0.append(call) }
    }

    private func find(_ name: String) throws {
        guard name == "web" || String(repeating: "a", count: 64).hasPrefix(name) else {
            throw TimberError(.notFound, "No such container: \(name)")
        }
    }

    /// Remembers that the work was ended from outside: cancelled, or by a client that takes nothing more.
    private func noting(_ what: String, _ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch {
            _ = cancelled.withLock { $0.insert(what) }
            throw error
        }
    }

    // MARK: System

    func version() async throws -> SystemVersion { SystemVersion(version: "1.2.3", os: "linux", arch: "amd64") }

    func info() async throws -> SystemInfo {
        var info = SystemInfo()
        info.name = "host"
        info.osType = "linux"
        info.containers = 1
        return info
    }

    func events(_ query: EventQuery) async throws -> Producer<EventMessage> {
        note("events \(query.filters.values)")
        let event = EventMessage(type: "container", action: "start", actor: EventActor(id: "abc", attributes: ["image": "busybox"]))
        return Producer { emit in
            try await self.noting("events") {
                try await emit(event)
                try await Task.sleep(for: .seconds(600))
            }
        }
    }

    func diskUsage(of kinds: Set<DiskUser>) async throws -> DiskUsage {
        note("df \(kinds.map(\.rawValue).sorted())")
        var usage = DiskUsage()
        if kinds.contains(.volume) { usage.volumes = [] }
        return usage
    }

    // MARK: Containers

    func createContainer(name: String?, platform: String?, _ request: ContainerCreateRequest) async throws -> ContainerCreateResponse {
        note("create \(name ?? "-")")
        guard request.config.image != "missing" else { throw TimberError(.notFound, "No such image: missing:latest") }
        created.withLock { $0 = request }
        return ContainerCreateResponse(id: String(repeating: "a", count: 64))
    }

    func containers(_ query: ContainerListQuery) async throws -> [ContainerSummary] {
        note("list all=\(query.all) limit=\(query.limit ?? -1) \(query.filters.values)")
        return listed.withLock { $0 }
    }

    func inspectContainer(_ name: String, size: Bool) async throws -> ContainerInspect {
        try find(name)
        var inspect = ContainerInspect(id: String(repeating: "a", count: 64), name: "/web")
        inspect.config.tty = isTerminal
        inspect.state.exitCode = Int(exit.value ?? 0)
        return inspect
    }

    func startContainer(_ name: String) async throws {
        note("start \(name)")
        try find(name)
        let process = process
        started.set(())
        guard let socket = attached.withLock({ $0 }) else { return }
        onNewThread {
            process(socket.raw)
            self.attached.withLock { $0 = nil }
            self.exit.set(7)
        }
    }

    func stopContainer(_ name: String, signal: String?, timeout: Int?) async throws {
        note("stop \(name) \(signal ?? "-") \(timeout.map { "\($0)" } ?? "-")")
        try find(name)
        throw TimberError(.notModified, "container \(name) does not run")
    }

    func restartContainer(_ name: String, signal: String?, timeout: Int?) async throws { note("restart \(name)") }

    func killContainer(_ name: String, signal: String) async throws {
        note("kill \(name) \(signal)")
        throw TimberError(.conflict, "cannot kill container: \(name): it is not running")
    }

    func pauseContainer(_ name: String) async throws { note("pause \(name)") }
    func unpauseContainer(_ name: String) async throws { note("unpause \(name)") }

    func waitContainer(_ name: String, _ condition: WaitCondition) async throws -> PendingExit {
        note("wait \(name) \(condition.rawValue)")
        try find(name)
        return {
            do {
                return ContainerWaitResponse(statusCode: try await self.exit.wait())
            } catch {
                _ = self.cancelled.withLock { $0.insert("wait") }
                throw error
            }
        }
    }

    func removeContainer(_ name: String, force: Bool, volumes: Bool, link: Bool) async throws {
        note("remove \(name) force=\(force) volumes=\(volumes)")
        // Long enough for a client to go away in the middle.
        try await Task.sleep(for: .milliseconds(100))
        note("removed \(name)")
    }

    func renameContainer(_ name: String, to newName: String) async throws { note("rename \(name) \(newName)") }

    func updateContainer(_ name: String, _ request: ContainerUpdateRequest) async throws -> ContainerUpdateResponse {
        note("update \(name) \(request.resources.memory)")
        return ContainerUpdateResponse()
    }

    func resizeContainer(_ name: String, rows: Int, columns: Int) async throws { note("resize \(name) \(rows)x\(columns)") }

    func containerLogs(_ name: String, _ query: LogQuery) async throws -> LogStream {
        note("logs \(name) follow=\(query.follow) tail=\(query.tail ?? -1)")
        try find(name)
        return LogStream(
            isTerminal: isTerminal,
            bytes: Producer { emit in
                try await self.noting("logs") {
                    try await emit(StreamFrame.frame(.stdout, Array("hello\n".utf8)))
                    try await emit(StreamFrame.frame(.stderr, Array("oops\n".utf8)))
                    if query.follow { try await Task.sleep(for: .seconds(600)) }
                }
            })
    }

    func attachContainer(_ name: String, _ query: AttachQuery) async throws -> AttachedStream {
        note("attach \(name) stdin=\(query.stdin)")
        try find(name)
        let (near, far) = try socketPair()
        attached.withLock { $0 = SharedDescriptor(Descriptor(owning: far)) }
        return AttachedStream(socket: Descriptor(owning: near), isTerminal: isTerminal)
    }

    func topContainer(_ name: String, psArguments: String) async throws -> ContainerTop {
        ContainerTop(titles: ["PID", "CMD"], processes: [["1", psArguments]])
    }

    func containerStats(_ name: String, stream: Bool, oneShot: Bool) async throws -> Producer<ContainerStats> {
        Producer { emit in
            try await self.noting("stats") {
                for number in 0..<(stream ? 1_000_000 : 1) {
                    self.samples.add()
                    try await emit(ContainerStats(id: "\(number)", memoryStats: MemoryStats(stats: ["x": 1])))
                }
            }
        }
    }

    func containerChanges(_ name: String) async throws -> [FilesystemChange] {
        try find(name)
        return [FilesystemChange(path: "/etc", kind: 0)]
    }

    func exportContainer(_ name: String) async throws -> Producer<[UInt8]> {
        try find(name)
        return Producer { emit in try await emit(Array("tar of \(name)".utf8)) }
    }

    func containerPathStat(_ name: String, path: String) async throws -> ContainerPathStat {
        try find(name)
        guard path == "/file" else { throw TimberError(.notFound, "Could not find the file \(path) in container \(name)") }
        return ContainerPathStat(name: "file", size: 3, mode: 0o644, mtime: "2024-01-02T03:04:05Z", linkTarget: "")
    }

    func containerArchive(_ name: String, path: String) async throws -> (stat: ContainerPathStat, bytes: Producer<[UInt8]>) {
        (try await containerPathStat(name, path: path), Producer { emit in try await emit(Array("tar of \(path)".utf8)) })
    }

    func extractArchive(_ archive: consuming Descriptor, into name: String, _ query: ArchiveQuery) async throws {
        try find(name)
        note("extract \(query.path) keeps \(query.keepsKinds) user \(query.takesUser)")
    }

    func pruneContainers(filters: Filters) async throws -> ContainersPruneReport { ContainersPruneReport() }

    // MARK: Volumes

    func volumes(filters: Filters) async throws -> [Volume] { [Volume(name: "oak")] }

    func inspectVolume(_ name: String) async throws -> Volume {
        guard name == "oak" else { throw TimberError(.notFound, "get \(name): no such volume") }
        return Volume(name: name)
    }

    func createVolume(_ request: VolumeCreateRequest) async throws -> Volume { Volume(name: request.name, labels: request.labels) }
    func removeVolume(_ name: String, force: Bool) async throws { _ = try await inspectVolume(name) }

    func pruneVolumes(filters: Filters) async throws -> VolumesPruneReport {
        note("prune volumes \(filters["all"])")
        return VolumesPruneReport()
    }

    // MARK: Networks

    func networks(filters: Filters) async throws -> [NetworkResource] {
        note("networks \(filters.values)")
        return [try await inspectNetwork("bridge")]
    }

    func inspectNetwork(_ name: String) async throws -> NetworkResource {
        guard name == "bridge" else { throw TimberError(.notFound, "network \(name) not found") }
        var network = NetworkResource()
        network.name = name
        return network
    }

    func createNetwork(_ request: NetworkCreateRequest) async throws -> NetworkCreateResponse {
        throw TimberError(.unsupported, "cannot create network \(request.name)")
    }

    func removeNetwork(_ name: String) async throws { throw TimberError(.permissionDenied, "\(name) cannot be removed") }
    func connectNetwork(_ name: String, _ request: NetworkConnectRequest) async throws { note("connect \(request.container) to \(name)") }
    func disconnectNetwork(_ name: String, _ request: NetworkDisconnectRequest) async throws {
        note("disconnect \(request.container) from \(name)")
    }
    func pruneNetworks(filters: Filters) async throws -> NetworksPruneReport { NetworksPruneReport() }

    // MARK: Exec

    func createExec(container: String, _ request: ExecCreateRequest) async throws -> IDResponse {
        note("exec \(container) \(request.cmd ?? [])")
        return IDResponse(id: request.cmd == ["nothere"] ? "e127" : "e1")
    }

    func startExecDetached(_ id: String) async throws { note("exec start \(id)") }

    func startExecAttached(_ id: String, _ request: ExecStartRequest) async throws -> AttachedStream {
        guard id != "e127" else { throw TimberError(.commandNotFound, "exec nothere: no such file or directory") }
        let (near, far) = try socketPair()
        let process = process
        onNewThread {
            process(far)
            _ = Descriptor(owning: far)
        }
        return AttachedStream(socket: Descriptor(owning: near), isTerminal: isTerminal)
    }

    func resizeExec(_ id: String, rows: Int, columns: Int) async throws {}

    func inspectExec(_ id: String) async throws -> ExecInspect {
        ExecInspect(id: id, exitCode: id == "e127" ? 127 : 5, openStdin: true, containerID: "aaa")
    }

    // MARK: Images

    func images(_ query: ImageListQuery) async throws -> [ImageSummary] {
        [ImageSummary(id: "sha256:1", repoTags: ["busybox:latest"], size: 42)]
    }

    func inspectImage(_ name: String) async throws -> ImageInspect {
        note("image \(name)")
        guard name.contains("busybox") else { throw TimberError(.notFound, "No such image: \(name)") }
        return ImageInspect(id: "sha256:1", repoTags: ["busybox:latest"], os: "linux", size: 42)
    }

    func imageHistory(_ name: String) async throws -> [HistoryItem] { [HistoryItem(id: name)] }
    func tagImage(_ name: String, repository: String, tag: String) async throws { note("tag \(name) \(repository) \(tag)") }

    func removeImage(_ name: String, force: Bool, prune: Bool) async throws -> [ImageDeleteItem] {
        note("rmi \(name)")
        return [ImageDeleteItem(untagged: name)]
    }

    func pruneImages(filters: Filters) async throws -> ImagesPruneReport { ImagesPruneReport() }

    func loadImages(from archive: consuming Descriptor, quiet: Bool, progress: @escaping ProgressSink) async throws {
        let archive = SharedDescriptor(archive)
        let result = try await onThread { try readAll(archive.raw, stopAfter: quiet ? nil : 1_000) }
        loaded.withLock { $0 = result }
        if !quiet { throw TimberError(.invalidArgument, "archive is not a tar file") }
        try await progress(ProgressMessage(status: "Loading layer", progressDetail: ProgressDetail(current: 1, total: 2), id: "abc"))
        if result.bytes == 13 { throw TimberError(.corrupt, "layer sha256:1 does not match its digest") }
        try await progress(ProgressMessage(stream: "Loaded image: busybox:latest\n"))
    }

    func saveImages(_ names: [String]) async throws -> Producer<[UInt8]> {
        note("save \(names)")
        return Producer { emit in
            guard names != ["missing"] else { throw TimberError(.notFound, "No such image: missing") }
            for _ in 0..<64 { try await emit([UInt8](repeating: 7, count: 100_000)) }
        }
    }

    func commit(_ query: CommitQuery) async throws -> IDResponse {
        try find(query.container)
        note("commit \(query.repository):\(query.tag) \(query.changes)")
        return IDResponse(id: "sha256:1")
    }

    func importImage(from archive: consuming Descriptor, _ query: ImportQuery) async throws -> String { "sha256:2" }

    func pushImage(_ name: String, tag: String?, credentials: AuthConfig?, progress: @escaping ProgressSink) async throws {
        throw TimberError(.permissionDenied, "push access denied to \(name)")
    }

    func inspectDistribution(_ name: String, credentials: AuthConfig?) async throws -> DistributionInspect {
        throw TimberError(.notFound, "manifest for \(name) not found")
    }

    func login(_ credentials: AuthConfig) async throws -> AuthResponse {
        var answer = AuthResponse()
        answer.status = "Login Succeeded"
        return answer
    }

    func pullImage(_ reference: String, platform: String?, credentials: AuthConfig?, progress: @escaping ProgressSink) async throws {
        throw TimberError(.notFound, "pull access denied for \(reference)")
    }
}
