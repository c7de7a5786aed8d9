/// How the host treats a container: every field of the contract, so that what is not supported can be refused by name.
public struct HostConfig: WireObject {
    /// `source:destination[:options]`.
    public var binds: [String] = []
    /// Where the client wrote the id.
    public var containerIDFile: String = ""
    /// Where output goes.
    public var logConfig: LogConfig = LogConfig()
    /// `bridge`, `none`, `host`, `container:NAME` or a network's name.
    public var networkMode: String = ""
    /// Published ports by container port.
    public var portBindings: PortMap = [:]
    /// When to start it again.
    public var restartPolicy: RestartPolicy = RestartPolicy()
    /// Removed when it ends (`--rm`).
    public var autoRemove: Bool = false
    /// Driver of anonymous and named volumes.
    public var volumeDriver: String = ""
    /// `container[:options]` whose mounts are taken over.
    public var volumesFrom: [String] = []
    /// Rows and columns of the first terminal.
    public var consoleSize: [Int] = [0, 0]
    /// Passed on to the runtime.
    public var annotations: [String: String] = [:]
    /// Capabilities to add to the default.
    public var capAdd: [String]?
    /// Capabilities to take from the default.
    public var capDrop: [String]?
    /// `private` or `host`.
    public var cgroupnsMode: String = ""
    /// Name servers.
    public var dns: [String] = []
    /// Options of resolv.conf.
    public var dnsOptions: [String] = []
    /// Search domains.
    public var dnsSearch: [String] = []
    /// `name:address` lines for /etc/hosts.
    public var extraHosts: [String] = []
    /// Supplementary groups, names or numbers.
    public var groupAdd: [String] = []
    /// `private`, `shareable`, `none`, `host`, `container:NAME`.
    public var ipcMode: String = ""
    /// Cgroup of another container.
    public var cgroup: String = ""
    /// Legacy links, `container:alias`.
    public var links: [String] = []
    /// -1000…1000, added to the out-of-memory score.
    public var oomScoreAdj: Int = 0
    /// empty, `host` or `container:NAME`.
    public var pidMode: String = ""
    /// All capabilities and devices, no masks.
    public var privileged: Bool = false
    /// Every exposed port on a port of the host's choice.
    public var publishAllPorts: Bool = false
    /// The root file system is read-only.
    public var readonlyRootfs: Bool = false
    /// `no-new-privileges`, `seccomp=…`, `apparmor=…`, `label=…`.
    public var securityOpt: [String] = []
    /// Options of the storage driver.
    public var storageOpt: [String: String] = [:]
    /// tmpfs mounts: path to options.
    public var tmpfs: [String: String] = [:]
    /// empty or `host`.
    public var utsMode: String = ""
    /// empty or `host`.
    public var usernsMode: String = ""
    /// Bytes of /dev/shm; 0: 64 MiB.
    public var shmSize: Int64 = 0
    /// Kernel parameters of its namespaces.
    public var sysctls: [String: String] = [:]
    /// Name of the OCI runtime.
    public var runtime: String = ""
    /// Windows only.
    public var isolation: String = ""
    /// Limits; their keys stand beside these.
    public var resources: Resources = Resources()
    /// Mounts in the long form.
    public var mounts: [Mount] = []
    /// Paths hidden inside; nil: the default list, empty: none.
    public var maskedPaths: [String]?
    /// Paths read-only inside; nil: the default list, empty: none.
    public var readonlyPaths: [String]?
    /// A small init as PID 1 (`--init`); nil: the daemon's default.
    public var runInit: Bool?

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Binds", &binds, empty: .null)
        try coder.field("ContainerIDFile", &containerIDFile)
        try coder.field("LogConfig", &logConfig)
        try coder.field("NetworkMode", &networkMode)
        try coder.ports("PortBindings", &portBindings)
        try coder.field("RestartPolicy", &restartPolicy)
        try coder.field("AutoRemove", &autoRemove)
        try coder.field("VolumeDriver", &volumeDriver)
        try coder.field("VolumesFrom", &volumesFrom, empty: .null)
        try coder.field("ConsoleSize", &consoleSize)
        try coder.field("Annotations", &annotations, empty: .omitted)
        try coder.words("CapAdd", &capAdd)
        try coder.words("CapDrop", &capDrop)
        try coder.field("CgroupnsMode", &cgroupnsMode)
        try coder.field("Dns", &dns)
        try coder.field("DnsOptions", &dnsOptions)
        try coder.field("DnsSearch", &dnsSearch)
        try coder.field("ExtraHosts", &extraHosts, empty: .null)
        try coder.field("GroupAdd", &groupAdd, empty: .null)
        try coder.field("IpcMode", &ipcMode)
        try coder.field("Cgroup", &cgroup)
        try coder.field("Links", &links, empty: .null)
        try coder.field("OomScoreAdj", &oomScoreAdj)
        try coder.field("PidMode", &pidMode)
        try coder.field("Privileged", &privileged)
        try coder.field("PublishAllPorts", &publishAllPorts)
        try coder.field("ReadonlyRootfs", &readonlyRootfs)
        try coder.field("SecurityOpt", &securityOpt, empty: .null)
        try coder.field("StorageOpt", &storageOpt, empty: .omitted)
        try coder.field("Tmpfs", &tmpfs, empty: .omitted)
        try coder.field("UTSMode", &utsMode)
        try coder.field("UsernsMode", &usernsMode)
        try coder.field("ShmSize", &shmSize)
        try coder.field("Sysctls", &sysctls, empty: .omitted)
        try coder.field("Runtime", &runtime, empty: .omitted)
        try coder.field("Isolation", &isolation)
        try resources.fields(&coder)
        try coder.field("Mounts", &mounts, empty: .omitted)
        try coder.field("MaskedPaths", &maskedPaths)
        try coder.field("ReadonlyPaths", &readonlyPaths)
        try coder.field("Init", &runInit, empty: .omitted)
    }
}

/// Where output goes.
public struct LogConfig: WireObject {
    /// The driver's name; empty: the daemon's default.
    public var type: String = ""
    /// The driver's options.
    public var config: [String: String] = [:]

    /// Makes one; what is left out has its zero value.
    public init(type: String = "", config: [String: String] = [:]) {
        self.type = type
        self.config = config
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Type", &type)
        try coder.field("Config", &config)
    }
}

/// When a container is started again.
public struct RestartPolicy: WireObject {
    /// empty, `no`, `always`, `unless-stopped` or `on-failure`.
    public var name: String = ""
    /// How often, with `on-failure`; 0: no limit.
    public var maximumRetryCount: Int = 0

    /// Makes one; what is left out has its zero value.
    public init(name: String = "", maximumRetryCount: Int = 0) {
        self.name = name
        self.maximumRetryCount = maximumRetryCount
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Name", &name)
        try coder.field("MaximumRetryCount", &maximumRetryCount)
    }
}

/// One address of the host on which a port is published.
public struct PortBinding: WireObject {
    /// Address; empty: all.
    public var hostIP: String = ""
    /// Port or `first-last`; empty: any free one.
    public var hostPort: String = ""

    /// Makes one; what is left out has its zero value.
    public init(hostIP: String = "", hostPort: String = "") {
        self.hostIP = hostIP
        self.hostPort = hostPort
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("HostIp", &hostIP)
        try coder.field("HostPort", &hostPort)
    }
}
