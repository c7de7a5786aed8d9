public import DockerAPI
public import LinuxKernel

/// What the API needs from the rest of the daemon; the server knows nothing else of it.
///
/// A container is named by its name, its id or an unambiguous beginning of its id, as the client wrote it; an image by
/// reference, id or beginning of its id. Failures are `TimberError`s: the server turns the code into the HTTP status. When the
/// client goes away, the task that runs the call is cancelled.
public protocol Backend: Sendable {
    // MARK: System

    /// Version of the daemon; the server fills in the API versions.
    func version() async throws -> SystemVersion
    /// State of the daemon and its host.
    func info() async throws -> SystemInfo
    /// What happened and happens. Returns once listening, so that nothing after that is missed.
    func events(_ query: EventQuery) async throws -> Producer<EventMessage>

    /// What everything takes on disk.
    /// - Parameter kinds: what to look at.
    func diskUsage(of kinds: Set<DiskUser>) async throws -> DiskUsage

    // MARK: Containers

    /// Makes a container without starting it.
    /// - Parameters:
    ///   - name: the name asked for; nil: one is chosen.
    ///   - platform: `os/architecture`; nil: any.
    func createContainer(name: String?, platform: String?, _ request: ContainerCreateRequest) async throws -> ContainerCreateResponse
    /// Containers, newest first. Reads a snapshot: never waits for a container.
    func containers(_ query: ContainerListQuery) async throws -> [ContainerSummary]
    /// Everything about one container. Reads a snapshot.
    func inspectContainer(_ name: String, size: Bool) async throws -> ContainerInspect
    /// Starts a container; `notModified` when it runs.
    func startContainer(_ name: String) async throws
    /// Sends the stop signal, then SIGKILL; returns when it has ended; `notModified` when it does not run.
    /// - Parameters:
    ///   - signal: the first signal; nil: the container's.
    ///   - timeout: seconds until SIGKILL, -1: never; nil: the container's.
    func stopContainer(_ name: String, signal: String?, timeout: Int?) async throws
    /// Stops it when it runs, then starts it.
    func restartContainer(_ name: String, signal: String?, timeout: Int?) async throws
    /// Sends a signal, `SIGTERM`, `TERM` or `15`; empty: SIGKILL, and then returns when it has ended.
    func killContainer(_ name: String, signal: String) async throws
    /// Freezes its processes.
    func pauseContainer(_ name: String) async throws
    /// Thaws its processes.
    func unpauseContainer(_ name: String) async throws
    /// Waits for its end. Returns as soon as the wait is registered; the closure it returns gives the exit status.
    func waitContainer(_ name: String, _ condition: WaitCondition) async throws -> PendingExit
    /// Removes it.
    func removeContainer(_ name: String, force: Bool, volumes: Bool, link: Bool) async throws
    /// Gives it another name.
    func renameContainer(_ name: String, to newName: String) async throws
    /// Changes its limits and restart policy.
    func updateContainer(_ name: String, _ request: ContainerUpdateRequest) async throws -> ContainerUpdateResponse
    /// Sets its terminal's size.
    func resizeContainer(_ name: String, rows: Int, columns: Int) async throws
    /// Its output so far, and with `follow` from then on until it ends.
    func containerLogs(_ name: String, _ query: LogQuery) async throws -> LogStream
    /// Connects to its standard streams; it need not run yet.
    func attachContainer(_ name: String, _ query: AttachQuery) async throws -> AttachedStream
    /// Its processes, as the host sees them.
    func topContainer(_ name: String, psArguments: String) async throws -> ContainerTop
    /// Samples of its use of resources: one, or one a second with `stream`.
    /// - Parameter oneShot: do not wait for a second sample to compare with.
    func containerStats(_ name: String, stream: Bool, oneShot: Bool) async throws -> Producer<ContainerStats>
    /// What it changed of its image's files, directories before what is in them.
    func containerChanges(_ name: String) async throws -> [FilesystemChange]
    /// Its whole file system, without what is mounted in it, as a tar.
    func exportContainer(_ name: String) async throws -> Producer<[UInt8]>
    /// Looks at a path in it; a symbolic link is looked at itself.
    func containerPathStat(_ name: String, path: String) async throws -> ContainerPathStat
    /// A file or directory in it as a tar.
    func containerArchive(_ name: String, path: String) async throws -> (stat: ContainerPathStat, bytes: Producer<[UInt8]>)
    /// Extracts a tar into a directory in it.
    /// - Parameter archive: a blocking pipe, see `loadImages`.
    func extractArchive(_ archive: consuming Descriptor, into name: String, _ query: ArchiveQuery) async throws
    /// Removes the containers that do not run.
    func pruneContainers(filters: Filters) async throws -> ContainersPruneReport

    // MARK: Volumes

    /// Volumes by name.
    func volumes(filters: Filters) async throws -> [Volume]
    /// One volume.
    func inspectVolume(_ name: String) async throws -> Volume
    /// Makes a volume, or finds the one that has the name.
    func createVolume(_ request: VolumeCreateRequest) async throws -> Volume
    /// Removes a volume that no container has.
    /// - Parameter force: a missing one is no error.
    func removeVolume(_ name: String, force: Bool) async throws
    /// Removes volumes that no container has; those with names of their own only with the filter `all`.
    func pruneVolumes(filters: Filters) async throws -> VolumesPruneReport

    // MARK: Networks

    /// Networks, without their containers.
    func networks(filters: Filters) async throws -> [NetworkResource]
    /// One network with its running containers; it is named by name, id or the beginning of its id.
    func inspectNetwork(_ name: String) async throws -> NetworkResource
    /// Makes a network.
    func createNetwork(_ request: NetworkCreateRequest) async throws -> NetworkCreateResponse
    /// Removes one.
    func removeNetwork(_ name: String) async throws
    /// Puts a container into a network.
    func connectNetwork(_ name: String, _ request: NetworkConnectRequest) async throws
    /// Takes a container out of a network.
    func disconnectNetwork(_ name: String, _ request: NetworkDisconnectRequest) async throws
    /// Removes networks that no container is in.
    func pruneNetworks(filters: Filters) async throws -> NetworksPruneReport

    // MARK: Exec

    /// Prepares another process in a running container.
    func createExec(container: String, _ request: ExecCreateRequest) async throws -> IDResponse
    /// Starts it detached: returns when it runs.
    func startExecDetached(_ id: String) async throws
    /// Starts it and connects to its standard streams. Fails before it returns when it cannot run; unless that is `notFound` or
    /// `conflict`, the instance has then ended with a status.
    func startExecAttached(_ id: String, _ request: ExecStartRequest) async throws -> AttachedStream
    /// Sets its terminal's size.
    func resizeExec(_ id: String, rows: Int, columns: Int) async throws
    /// What it is doing.
    func inspectExec(_ id: String) async throws -> ExecInspect

    // MARK: Images

    /// Images, newest first.
    func images(_ query: ImageListQuery) async throws -> [ImageSummary]
    /// Everything about one image.
    func inspectImage(_ name: String) async throws -> ImageInspect
    /// Its layers and build steps, newest first.
    func imageHistory(_ name: String) async throws -> [HistoryItem]
    /// Gives it another reference, `repository:tag`; an empty tag is `latest`.
    func tagImage(_ name: String, repository: String, tag: String) async throws
    /// Removes a reference, and the image with its last one.
    func removeImage(_ name: String, force: Bool, prune: Bool) async throws -> [ImageDeleteItem]
    /// Removes images that no container uses.
    func pruneImages(filters: Filters) async throws -> ImagesPruneReport
    /// Loads the images of an archive.
    /// - Parameters:
    ///   - archive: a blocking pipe: read it to its end on a thread that may block. When the client goes away it ends early and
    ///     the task is cancelled.
    ///   - quiet: without progress.
    ///   - progress: called in order; returns when the client has room for more.
    func loadImages(from archive: consuming Descriptor, quiet: Bool, progress: @escaping ProgressSink) async throws
    /// Writes images into one archive in the format of `docker save`.
    func saveImages(_ names: [String]) async throws -> Producer<[UInt8]>
    /// Makes an image of a container.
    func commit(_ query: CommitQuery) async throws -> IDResponse
    /// Makes an image of an archive of files.
    /// - Parameter archive: a blocking pipe, see `loadImages`.
    /// - Returns: its id.
    func importImage(from archive: consuming Descriptor, _ query: ImportQuery) async throws -> String
    /// Gets an image from a registry.
    /// - Parameters:
    ///   - reference: without a tag and a digest, all tags.
    ///   - platform: `os[/architecture[/variant]]`; nil: this machine's.
    ///   - credentials: who asks; nil: nobody.
    func pullImage(_ reference: String, platform: String?, credentials: AuthConfig?, progress: @escaping ProgressSink) async throws
    /// Sends an image to a registry.
    /// - Parameter tag: nil: all tags of the repository.
    func pushImage(_ name: String, tag: String?, credentials: AuthConfig?, progress: @escaping ProgressSink) async throws
    /// What a registry has under a name, without fetching it.
    func inspectDistribution(_ name: String, credentials: AuthConfig?) async throws -> DistributionInspect
    /// Tries a name and a password at a registry.
    func login(_ credentials: AuthConfig) async throws -> AuthResponse
}

/// Receives the progress of a load or pull; returns when the client has room for more.
public typealias ProgressSink = @Sendable (ProgressMessage) async throws -> Void

/// Gives the exit status once there is one; throws `CancellationError` when its task is cancelled.
public typealias PendingExit = @Sendable () async throws -> ContainerWaitResponse

/// Something that is produced piece by piece, no faster than the client takes it.
public struct Producer<Element: Sendable>: Sendable {
    /// Hands over one element; returns when the client has room for more, throws when the client has gone.
    public typealias Emit = @Sendable (Element) async throws -> Void

    private let body: @Sendable (_ emit: @escaping Emit) async throws -> Void

    /// Makes a producer.
    /// - Parameter body: emits everything and returns at the end. Runs once, in a task that is cancelled when the client goes away.
    public init(_ body: @escaping @Sendable (_ emit: @escaping Emit) async throws -> Void) {
        self.body = body
    }

    /// Runs to the end.
    /// - Throws: what the body or `emit` throws.
    public func run(_ emit: @escaping Emit) async throws {
        try await body(emit)
    }
}

/// A connection to the standard streams of a process.
public struct AttachedStream: ~Copyable, Sendable {
    /// A connected stream socket. It gives the output exactly as the client gets it: Docker's multiplexed stream, or with a
    /// terminal the raw bytes. It takes the input; shutting down its writing side is the input's end of file. Its peer closes it
    /// when the process has ended and everything is delivered. The server makes it non-blocking and closes it.
    public var socket: Descriptor
    /// Whether the process has a terminal.
    public var isTerminal: Bool

    /// Makes one.
    public init(socket: consuming Descriptor, isTerminal: Bool) {
        self.socket = socket
        self.isTerminal = isTerminal
    }
}

/// The output of a container.
public struct LogStream: Sendable {
    /// Whether the container has a terminal: then the bytes are raw, else they are Docker's multiplexed stream
    /// (`StreamFrame`).
    public var isTerminal: Bool
    /// The bytes.
    public var bytes: Producer<[UInt8]>

    /// Makes one.
    public init(isTerminal: Bool, bytes: Producer<[UInt8]>) {
        self.isTerminal = isTerminal
        self.bytes = bytes
    }
}
