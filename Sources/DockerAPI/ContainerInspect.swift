/// Answer to `GET /containers/{id}/json`.
public struct ContainerInspect: WireObject {
    /// 64 hexadecimal digits.
    public var id: String = ""
    /// RFC 3339 with nanoseconds.
    public var created: String = ""
    /// The program.
    public var path: String = ""
    /// Its arguments.
    public var args: [String] = []
    /// What it is doing.
    public var state: ContainerState = ContainerState()
    /// The image's id, `sha256:…`.
    public var image: String = ""
    /// On the host.
    public var resolvConfPath: String = ""
    /// On the host.
    public var hostnamePath: String = ""
    /// On the host.
    public var hostsPath: String = ""
    /// On the host.
    public var logPath: String = ""
    /// With a leading slash.
    public var name: String = ""
    /// How often the restart policy started it.
    public var restartCount: Int = 0
    /// Storage driver.
    public var driver: String = ""
    /// `linux`.
    public var platform: String = ""
    /// SELinux label of its mounts.
    public var mountLabel: String = ""
    /// SELinux label of its processes.
    public var processLabel: String = ""
    /// AppArmor profile.
    public var appArmorProfile: String = ""
    /// Running exec instances.
    public var execIDs: [String] = []
    /// As created, with defaults filled in.
    public var hostConfig: HostConfig = HostConfig()
    /// Where its layers are.
    public var graphDriver: DriverData = DriverData()
    /// Bytes of its own layer; only on request.
    public var sizeRw: Int64?
    /// Bytes of all layers; only on request.
    public var sizeRootFs: Int64?
    /// Its mounts.
    public var mounts: [MountPoint] = []
    /// As created, merged with the image's.
    public var config: ContainerConfig = ContainerConfig()
    /// Its networks and ports.
    public var networkSettings: NetworkSettings = NetworkSettings()

    /// Makes one; what is left out has its zero value.
    public init(
        id: String = "", created: String = "", path: String = "", args: [String] = [], state: ContainerState = ContainerState(),
        image: String = "", resolvConfPath: String = "", hostnamePath: String = "", hostsPath: String = "", logPath: String = "",
        name: String = "", restartCount: Int = 0, driver: String = "", platform: String = "", mountLabel: String = "",
        processLabel: String = "", appArmorProfile: String = "", execIDs: [String] = [], hostConfig: HostConfig = HostConfig(),
        graphDriver: DriverData = DriverData(), sizeRw: Int64? = nil, sizeRootFs: Int64? = nil, mounts: [MountPoint] = [],
        config: ContainerConfig = ContainerConfig(), networkSettings: NetworkSettings = NetworkSettings()
    ) {
        self.id = id
        self.created = created
        self.path = path
        self.args = args
        self.state = state
        self.image = image
        self.resolvConfPath = resolvConfPath
        self.hostnamePath = hostnamePath
        self.hostsPath = hostsPath
        self.logPath = logPath
        self.name = name
        self.restartCount = restartCount
        self.driver = driver
        self.platform = platform
        self.mountLabel = mountLabel
        self.processLabel = processLabel
        self.appArmorProfile = appArmorProfile
        self.execIDs = execIDs
        self.hostConfig = hostConfig
        self.graphDriver = graphDriver
        self.sizeRw = sizeRw
        self.sizeRootFs = sizeRootFs
        self.mounts = mounts
        self.config = config
        self.networkSettings = networkSettings
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
        try coder.field("Created", &created)
        try coder.field("Path", &path)
        try coder.field("Args", &args)
        try coder.field("State", &state)
        try coder.field("Image", &image)
        try coder.field("ResolvConfPath", &resolvConfPath)
        try coder.field("HostnamePath", &hostnamePath)
        try coder.field("HostsPath", &hostsPath)
        try coder.field("LogPath", &logPath)
        try coder.field("Name", &name)
        try coder.field("RestartCount", &restartCount)
        try coder.field("Driver", &driver)
        try coder.field("Platform", &platform)
        try coder.field("MountLabel", &mountLabel)
        try coder.field("ProcessLabel", &processLabel)
        try coder.field("AppArmorProfile", &appArmorProfile)
        try coder.field("ExecIDs", &execIDs, empty: .null)
        try coder.field("HostConfig", &hostConfig)
        try coder.field("GraphDriver", &graphDriver)
        try coder.field("SizeRw", &sizeRw, empty: .omitted)
        try coder.field("SizeRootFs", &sizeRootFs, empty: .omitted)
        try coder.field("Mounts", &mounts)
        try coder.field("Config", &config)
        try coder.field("NetworkSettings", &networkSettings)
    }
}

/// What a container is doing.
public struct ContainerState: WireObject {
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    public var status: String = ""
    /// Its process lives; also when paused.
    public var running: Bool = false
    /// Frozen.
    public var paused: Bool = false
    /// Waiting to be started again.
    public var restarting: Bool = false
    /// A process was killed for want of memory.
    public var oomKilled: Bool = false
    /// Half removed.
    public var dead: Bool = false
    /// Its first process as the host sees it; 0: none.
    public var pid: Int = 0
    /// Of the last run.
    public var exitCode: Int = 0
    /// Why the last start failed.
    public var error: String = ""
    /// RFC 3339; year 1: never.
    public var startedAt: String = "0001-01-01T00:00:00Z"
    /// RFC 3339; year 1: never.
    public var finishedAt: String = "0001-01-01T00:00:00Z"
    /// Only with a health check.
    public var health: Health?

    /// Makes one; what is left out has its zero value.
    public init(
        status: String = "", running: Bool = false, paused: Bool = false, restarting: Bool = false, oomKilled: Bool = false,
        dead: Bool = false, pid: Int = 0, exitCode: Int = 0, error: String = "", startedAt: String = "0001-01-01T00:00:00Z",
        finishedAt: String = "0001-01-01T00:00:00Z", health: Health? = nil
    ) {
        self.status = status
        self.running = running
        self.paused = paused
        self.restarting = restarting
        self.oomKilled = oomKilled
        self.dead = dead
        self.pid = pid
        self.exitCode = exitCode
        self.error = error
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.health = health
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Status", &status)
        try coder.field("Running", &running)
        try coder.field("Paused", &paused)
        try coder.field("Restarting", &restarting)
        try coder.field("OOMKilled", &oomKilled)
        try coder.field("Dead", &dead)
        try coder.field("Pid", &pid)
        try coder.field("ExitCode", &exitCode)
        try coder.field("Error", &error)
        try coder.field("StartedAt", &startedAt)
        try coder.field("FinishedAt", &finishedAt)
        try coder.field("Health", &health, empty: .omitted)
    }
}

/// What the health check found.
public struct Health: WireObject {
    /// `none`, `starting`, `healthy` or `unhealthy`.
    public var status: String = ""
    /// Failures in a row.
    public var failingStreak: Int = 0
    /// The last results.
    public var log: [HealthcheckResult] = []

    /// Makes one; what is left out has its zero value.
    public init(status: String = "", failingStreak: Int = 0, log: [HealthcheckResult] = []) {
        self.status = status
        self.failingStreak = failingStreak
        self.log = log
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Status", &status)
        try coder.field("FailingStreak", &failingStreak)
        try coder.field("Log", &log)
    }
}

/// One health check.
public struct HealthcheckResult: WireObject {
    /// RFC 3339.
    public var start: String = ""
    /// RFC 3339.
    public var end: String = ""
    /// 0 healthy, 1 unhealthy, otherwise an error.
    public var exitCode: Int = 0
    /// Its output, cut.
    public var output: String = ""

    /// Makes one; what is left out has its zero value.
    public init(start: String = "", end: String = "", exitCode: Int = 0, output: String = "") {
        self.start = start
        self.end = end
        self.exitCode = exitCode
        self.output = output
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Start", &start)
        try coder.field("End", &end)
        try coder.field("ExitCode", &exitCode)
        try coder.field("Output", &output)
    }
}

/// Where a driver keeps the layers.
public struct DriverData: WireObject {
    /// Paths by name.
    public var data: [String: String] = [:]
    /// The driver's name.
    public var name: String = ""

    /// Makes one; what is left out has its zero value.
    public init(data: [String: String] = [:], name: String = "") {
        self.data = data
        self.name = name
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.nullMap("Data", &data)
        try coder.field("Name", &name)
    }
}
