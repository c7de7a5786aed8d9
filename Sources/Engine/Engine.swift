internal import Cgroups
internal import Confinement
internal import DockerAPI
internal import Errors
internal import Foundation
internal import Glibc
internal import Images
internal import LinuxKernel
public import Logging
internal import Networks
public import Registries
internal import State

/// The daemon's heart: every verb of the API, over containers, images and networks.
///
/// Verbs live in extensions by topic: `Engine+Create.swift`, `Engine+Containers.swift`, `Engine+Inspect.swift`,
/// `Engine+Exec.swift`, `Engine+Images.swift`, `Engine+System.swift`, `Engine+Recovery.swift`.
public final class Engine: Sendable {
    /// Where and how a daemon works; several may run side by side when they share none of these.
    public struct Configuration: Sendable {
        /// What survives a boot, usually /var/lib/timber.
        public var dataDirectory: String
        /// What does not, usually /run/timber.
        public var runDirectory: String
        /// The shim's executable.
        public var shimPath: String
        /// The bridge's name, at most 15 bytes.
        public var bridge: String
        /// The bridge's subnet, as `172.30.0.0/16`; nil: the first that collides with nothing.
        public var bridgeSubnet: String?
        /// The cgroup below which containers get theirs.
        public var cgroupParent: String
        /// How to reach registries; nil: everything as it comes.
        public var registries: RegistryConfiguration?
        /// What containers get that ask for no limit of their own; nil: the daemon's.
        public var descriptors: DescriptorLimit?

        /// Makes a configuration.
        public init(
            dataDirectory: String, runDirectory: String, shimPath: String, bridge: String = "timber0", bridgeSubnet: String? = nil,
            cgroupParent: String = "timber"
        ) {
            self.dataDirectory = dataDirectory
            self.runDirectory = runDirectory
            self.shimPath = shimPath
            self.bridge = bridge
            self.bridgeSubnet = bridgeSubnet
            self.cgroupParent = cgroupParent
        }

        /// Checks what can be checked without touching anything.
        /// - Throws: `TimberError.invalidArgument`.
        public func validate() throws {
            if let bridgeSubnet { _ = try IPv4Subnet(parsing: bridgeSubnet) }
            try CgroupManager.check(parent: cgroupParent)
        }
    }

    let services: Services
    let configuration: Configuration
    /// When this daemon started.
    let started = Timestamp.now()
    /// Loads and saves at once: each has up to two threads of `BlockingPool.transfers`, and none waits there for one that waits itself.
    let transfers = Gate(limit: 16)
    /// Pulls and pushes at once: each has up to two threads of a pool of its own.
    let pulls = Gate(limit: 16)
    /// Walks of containers' own directories at once: each has one thread of `BlockingPool.transfers`.
    let comparisons = Gate(limit: 16)
    /// Held as long as the daemon lives: a second one on the same data directory is refused.
    private let lock: SharedDescriptor
    /// The same of the cgroup.
    let parentLock: ParentLock

    /// Opens the state and prepares everything that needs no network; `recover` does the rest.
    /// - Throws: `TimberError.conflict` when another timberd has the data directory.
    public init(_ configuration: Configuration, log: Logger) throws {
        self.configuration = configuration
        let paths = try Paths(data: configuration.dataDirectory, run: configuration.runDirectory)
        lock = try Self.lock(paths.lock, data: paths.data)
        let database = try Database(path: paths.database)
        let trash = try Trash(directory: paths.trash, log: log)
        let subnet = try configuration.bridgeSubnet.map { try IPv4Subnet(parsing: $0) }
        let registry = Registry()
        let networks = NetworkManager(
            configuration: .init(
                network: BuiltInNetwork.bridge.id, bridge: configuration.bridge, subnet: subnet,
                uniqueLocalPrefix: try UniqueLocalPrefix.ofThisHost(bridge: configuration.bridge, data: paths.data),
                directory: paths.run)
        ) { id in
            registry.snapshot(id: id)?.name ?? String(id.prefix(12))
        } log: { text, metadata in
            log.info("\(text)", metadata: metadata.mapValues { .string($0) })
        }
        let journal = try EventJournal(database: database, log: log)
        let parent = try Self.cgroupParent(configuration.cgroupParent, paths: paths, log: log)
        parentLock = try ParentLock(parent: parent)
        services = Services(
            paths: paths, database: database,
            images: try ImageStore(dataDirectory: paths.data, database: database, trash: trash, log: log),
            registries: try RegistryClient(
                configuration: configuration.registries ?? RegistryConfiguration(), environment: ProcessInfo.processInfo.environment,
                log: log),
            networks: networks, userNetworks: NetworkStore(),
            cgroups: try CgroupManager(parent: parent),
            seccomp: SeccompCompiler(), bundles: BundleConfig(), shim: try SealedProgram(path: configuration.shimPath),
            registry: registry, events: EventHub(journal: journal), journal: journal,
            volumes: VolumeStore(paths: paths, database: database, trash: trash, log: log),
            trash: trash, directories: DirectoryPool(directory: paths.ready, log: log), log: log, descriptors: configuration.descriptors,
            bootID: try BootID.current())
    }

    /// The parent that is configured, or the one that containers of an earlier daemon are in: they would be lost to this one otherwise.
    private static func cgroupParent(_ configured: String, paths: Paths, log: Logger) throws -> String {
        if Files.isDirectory(paths.cgroupParent) == false, try !Tree.names(paths.bundles).isEmpty {
            let inUse = String(decoding: try Files.read(paths.cgroupParent), as: UTF8.self)
            if inUse != configured {
                log.warning(
                    "the cgroup parent stays what it is until a start without running containers",
                    metadata: ["configured": "\(configured)", "in use": "\(inUse)"])
            }
            return inUse
        }
        let new = paths.cgroupParent + ".new"
        try Files.write(Array(configured.utf8), to: new)
        try retrying("rename", new) { rename(new, paths.cgroupParent) }
        return configured
    }

    /// Finds a container by name, id or unambiguous beginning of an id.
    /// - Throws: `TimberError.notFound`, or `invalidArgument` when several ids begin so.
    func container(_ name: String) throws -> Container {
        guard let container = services.registry.container(id: try id(of: name)) else { throw Self.noSuchContainer(name) }
        return container
    }

    func snapshot(_ name: String) throws -> Snapshot {
        guard let snapshot = services.registry.snapshot(id: try id(of: name)) else { throw Self.noSuchContainer(name) }
        return snapshot
    }

    private func id(of name: String) throws -> String {
        let matches = services.registry.ids(matching: name)
        guard let id = matches.first else { throw Self.noSuchContainer(name) }
        guard matches.count == 1 else {
            throw TimberError(.invalidArgument, "multiple container ids begin with \(name): give more of the id")
        }
        return id
    }

    private static func noSuchContainer(_ name: String) -> TimberError {
        TimberError(.notFound, "No such container: \(name.prefix(200))")
    }

    private static func lock(_ path: String, data: String) throws -> SharedDescriptor {
        let file = SharedDescriptor(try Files.open(path, O_RDWR | O_CREAT, mode: 0o600))
        do {
            try retrying("flock", path) { flock(file.raw, LOCK_EX | LOCK_NB) }
        } catch let error as SystemError where error.errno == EWOULDBLOCK {
            let owner = String(decoding: (try? Files.read(path, limit: 64)) ?? [], as: UTF8.self).filter { $0.isNumber }
            throw TimberError(
                .conflict,
                "another timberd (pid \(owner.isEmpty ? "unknown" : owner)) uses the data directory \(data): stop it, or give this one --data-dir and --run-dir of its own"
            )
        }
        try Files.write(Array("\(getpid())\n".utf8), to: path)
        return file
    }
}
