/// What every failed request is answered with.
public struct ErrorResponse: WireObject {
    /// The reason.
    public var message: String = ""

    /// Makes one; what is left out has its zero value.
    public init(message: String = "") {
        self.message = message
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("message", &message)
    }
}

/// Answer to `GET /version`.
public struct SystemVersion: WireObject {
    /// The product.
    public var platform: PlatformName = PlatformName()
    /// Its parts.
    public var components: [ComponentVersion] = []
    /// The daemon's version.
    public var version: String = ""
    /// Newest API version; the server fills it in.
    public var apiVersion: String = ""
    /// Oldest API version; the server fills it in.
    public var minAPIVersion: String = ""
    /// What it was built from.
    public var gitCommit: String = ""
    /// The compiler; Docker's key is Go's.
    public var goVersion: String = ""
    /// `linux`.
    public var os: String = ""
    /// As Go names it: `amd64`.
    public var arch: String = ""
    /// uname -r.
    public var kernelVersion: String = ""
    /// Experimental functions are on.
    public var experimental: Bool = false
    /// RFC 3339.
    public var buildTime: String = ""

    /// Makes one; what is left out has its zero value.
    public init(
        platform: PlatformName = PlatformName(), components: [ComponentVersion] = [], version: String = "", apiVersion: String = "",
        minAPIVersion: String = "", gitCommit: String = "", goVersion: String = "", os: String = "", arch: String = "",
        kernelVersion: String = "", experimental: Bool = false, buildTime: String = ""
    ) {
        self.platform = platform
        self.components = components
        self.version = version
        self.apiVersion = apiVersion
        self.minAPIVersion = minAPIVersion
        self.gitCommit = gitCommit
        self.goVersion = goVersion
        self.os = os
        self.arch = arch
        self.kernelVersion = kernelVersion
        self.experimental = experimental
        self.buildTime = buildTime
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Platform", &platform)
        try coder.field("Components", &components, empty: .omitted)
        try coder.field("Version", &version)
        try coder.field("ApiVersion", &apiVersion)
        try coder.field("MinAPIVersion", &minAPIVersion, empty: .omitted)
        try coder.field("GitCommit", &gitCommit)
        try coder.field("GoVersion", &goVersion)
        try coder.field("Os", &os)
        try coder.field("Arch", &arch)
        try coder.field("KernelVersion", &kernelVersion, empty: .omitted)
        try coder.field("Experimental", &experimental, empty: .omitted)
        try coder.field("BuildTime", &buildTime, empty: .omitted)
    }
}

/// The product's name.
public struct PlatformName: WireObject {
    /// For people.
    public var name: String = ""

    /// Makes one; what is left out has its zero value.
    public init(name: String = "") {
        self.name = name
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
    }
}

/// Version of a part.
public struct ComponentVersion: WireObject {
    /// Its name.
    public var name: String = ""
    /// Its version.
    public var version: String = ""
    /// More about it.
    public var details: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(name: String = "", version: String = "", details: [String: String] = [:]) {
        self.name = name
        self.version = version
        self.details = details
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
        try coder.field("Version", &version)
        try coder.field("Details", &details, empty: .omitted)
    }
}

/// Answer to `GET /info`.
public struct SystemInfo: WireObject {
    /// The daemon's own id.
    public var id: String = ""
    /// All containers.
    public var containers: Int = 0
    /// Running.
    public var containersRunning: Int = 0
    /// Paused.
    public var containersPaused: Int = 0
    /// Created, exited, dead.
    public var containersStopped: Int = 0
    /// All images.
    public var images: Int = 0
    /// Storage driver.
    public var driver: String = ""
    /// Name and value.
    public var driverStatus: [[String]] = []
    /// Drivers by kind.
    public var plugins: PluginsInfo = PluginsInfo()
    /// The kernel can.
    public var memoryLimit: Bool = false
    /// The kernel can.
    public var swapLimit: Bool = false
    /// The kernel can.
    public var cpuCfsPeriod: Bool = false
    /// The kernel can.
    public var cpuCfsQuota: Bool = false
    /// The kernel can.
    public var cpuShares: Bool = false
    /// The kernel can.
    public var cpuSet: Bool = false
    /// The kernel can.
    public var pidsLimit: Bool = false
    /// The kernel forwards.
    public var ipv4Forwarding: Bool = false
    /// The daemon logs more.
    public var debug: Bool = false
    /// Open descriptors of the daemon.
    public var fileDescriptors: Int = 0
    /// The kernel can.
    public var oomKillDisable: Bool = false
    /// Always 0 here.
    public var goroutines: Int = 0
    /// RFC 3339.
    public var systemTime: String = ""
    /// Default log driver.
    public var loggingDriver: String = ""
    /// `cgroupfs`.
    public var cgroupDriver: String = ""
    /// `1` or `2`.
    public var cgroupVersion: String = ""
    /// Clients that read events.
    public var eventListeners: Int = 0
    /// uname -r.
    public var kernelVersion: String = ""
    /// Of /etc/os-release.
    public var operatingSystem: String = ""
    /// Of /etc/os-release.
    public var osVersion: String = ""
    /// `linux`.
    public var osType: String = ""
    /// uname -m.
    public var architecture: String = ""
    /// Default registry.
    public var indexServerAddress: String = ""
    /// Registries.
    public var registryConfig: RegistryServiceConfig?
    /// Processors.
    public var processors: Int = 0
    /// Bytes of memory.
    public var memTotal: Int64 = 0
    /// Swarm only.
    public var genericResources: [String] = []
    /// The data directory.
    public var dockerRootDir: String = ""
    /// For pulls.
    public var httpProxy: String = ""
    /// For pulls.
    public var httpsProxy: String = ""
    /// For pulls.
    public var noProxy: String = ""
    /// The host's name.
    public var name: String = ""
    /// Of the daemon.
    public var labels: [String] = []
    /// Experimental functions are on.
    public var experimentalBuild: Bool = false
    /// The daemon's version.
    public var serverVersion: String = ""
    /// Runtimes by name.
    public var runtimes: [String: RuntimeInfo] = [:]
    /// Its name.
    public var defaultRuntime: String = ""
    /// Inactive.
    public var swarm: SwarmInfo = SwarmInfo()
    /// Containers outlive the daemon.
    public var liveRestoreEnabled: Bool = false
    /// Windows only.
    public var isolation: String = ""
    /// PID 1 with `--init`.
    public var initBinary: String = ""
    /// Not used here.
    public var containerdCommit: CommitInfo = CommitInfo()
    /// Not used here.
    public var runcCommit: CommitInfo = CommitInfo()
    /// Not used here.
    public var initCommit: CommitInfo = CommitInfo()
    /// As `name=seccomp,profile=builtin`.
    public var securityOptions: [String] = []
    /// Not used here.
    public var cdiSpecDirs: [String] = []
    /// What is missing on this host.
    public var warnings: [String] = []

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ID", &id)
        try coder.field("Containers", &containers)
        try coder.field("ContainersRunning", &containersRunning)
        try coder.field("ContainersPaused", &containersPaused)
        try coder.field("ContainersStopped", &containersStopped)
        try coder.field("Images", &images)
        try coder.field("Driver", &driver)
        try coder.field("DriverStatus", &driverStatus)
        try coder.field("Plugins", &plugins)
        try coder.field("MemoryLimit", &memoryLimit)
        try coder.field("SwapLimit", &swapLimit)
        try coder.field("CpuCfsPeriod", &cpuCfsPeriod)
        try coder.field("CpuCfsQuota", &cpuCfsQuota)
        try coder.field("CPUShares", &cpuShares)
        try coder.field("CPUSet", &cpuSet)
        try coder.field("PidsLimit", &pidsLimit)
        try coder.field("IPv4Forwarding", &ipv4Forwarding)
        try coder.field("Debug", &debug)
        try coder.field("NFd", &fileDescriptors)
        try coder.field("OomKillDisable", &oomKillDisable)
        try coder.field("NGoroutines", &goroutines)
        try coder.field("SystemTime", &systemTime)
        try coder.field("LoggingDriver", &loggingDriver)
        try coder.field("CgroupDriver", &cgroupDriver)
        try coder.field("CgroupVersion", &cgroupVersion, empty: .omitted)
        try coder.field("NEventsListener", &eventListeners)
        try coder.field("KernelVersion", &kernelVersion)
        try coder.field("OperatingSystem", &operatingSystem)
        try coder.field("OSVersion", &osVersion)
        try coder.field("OSType", &osType)
        try coder.field("Architecture", &architecture)
        try coder.field("IndexServerAddress", &indexServerAddress)
        try coder.field("RegistryConfig", &registryConfig)
        try coder.field("NCPU", &processors)
        try coder.field("MemTotal", &memTotal)
        try coder.field("GenericResources", &genericResources, empty: .null)
        try coder.field("DockerRootDir", &dockerRootDir)
        try coder.field("HttpProxy", &httpProxy)
        try coder.field("HttpsProxy", &httpsProxy)
        try coder.field("NoProxy", &noProxy)
        try coder.field("Name", &name)
        try coder.field("Labels", &labels)
        try coder.field("ExperimentalBuild", &experimentalBuild)
        try coder.field("ServerVersion", &serverVersion)
        try coder.field("Runtimes", &runtimes)
        try coder.field("DefaultRuntime", &defaultRuntime)
        try coder.field("Swarm", &swarm)
        try coder.field("LiveRestoreEnabled", &liveRestoreEnabled)
        try coder.field("Isolation", &isolation)
        try coder.field("InitBinary", &initBinary)
        try coder.field("ContainerdCommit", &containerdCommit)
        try coder.field("RuncCommit", &runcCommit)
        try coder.field("InitCommit", &initCommit)
        try coder.field("SecurityOptions", &securityOptions)
        try coder.field("CDISpecDirs", &cdiSpecDirs, empty: .null)
        try coder.field("Warnings", &warnings, empty: .null)
    }
}

/// Drivers by kind.
public struct PluginsInfo: WireObject {
    /// Of volumes.
    public var volume: [String] = []
    /// Of networks.
    public var network: [String] = []
    /// Of authorization.
    public var authorization: [String] = []
    /// Of logs.
    public var log: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(volume: [String] = [], network: [String] = [], authorization: [String] = [], log: [String] = []) {
        self.volume = volume
        self.network = network
        self.authorization = authorization
        self.log = log
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Volume", &volume)
        try coder.field("Network", &network)
        try coder.field("Authorization", &authorization, empty: .null)
        try coder.field("Log", &log)
    }
}

/// Registries.
public struct RegistryServiceConfig: WireObject {
    /// Networks with plain HTTP.
    public var insecureRegistryCIDRs: [String] = []
    /// Mirrors of the default registry.
    public var mirrors: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(insecureRegistryCIDRs: [String] = [], mirrors: [String] = []) {
        self.insecureRegistryCIDRs = insecureRegistryCIDRs
        self.mirrors = mirrors
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("InsecureRegistryCIDRs", &insecureRegistryCIDRs)
        try coder.field("Mirrors", &mirrors, empty: .null)
    }
}

/// A runtime.
public struct RuntimeInfo: WireObject {
    /// Its program.
    public var path: String = ""

    /// Makes one; what is left out has its zero value.
    public init(path: String = "") {
        self.path = path
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("path", &path, empty: .omitted)
    }
}

/// Swarm's state: inactive.
public struct SwarmInfo: WireObject {
    /// Empty.
    public var nodeID: String = ""
    /// Empty.
    public var nodeAddr: String = ""
    /// `inactive`.
    public var localNodeState: String = "inactive"
    /// No.
    public var controlAvailable: Bool = false
    /// Empty.
    public var error: String = ""
    /// None.
    public var remoteManagers: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(
        nodeID: String = "", nodeAddr: String = "", localNodeState: String = "inactive", controlAvailable: Bool = false,
        error: String = "", remoteManagers: [String] = []
    ) {
        self.nodeID = nodeID
        self.nodeAddr = nodeAddr
        self.localNodeState = localNodeState
        self.controlAvailable = controlAvailable
        self.error = error
        self.remoteManagers = remoteManagers
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("NodeID", &nodeID)
        try coder.field("NodeAddr", &nodeAddr)
        try coder.field("LocalNodeState", &localNodeState)
        try coder.field("ControlAvailable", &controlAvailable)
        try coder.field("Error", &error)
        try coder.field("RemoteManagers", &remoteManagers, empty: .null)
    }
}

/// What a program was built from.
public struct CommitInfo: WireObject {
    /// The commit.
    public var id: String = ""

    /// Makes one; what is left out has its zero value.
    public init(id: String = "") {
        self.id = id
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ID", &id)
    }
}
