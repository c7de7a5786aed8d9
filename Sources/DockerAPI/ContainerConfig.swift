/// What runs in a container; half of it comes from the image (`Config` of the contract).
public struct ContainerConfig: WireObject {
    /// The host name inside; empty: the short id.
    public var hostname: String = ""
    /// The NIS domain name.
    public var domainname: String = ""
    /// `user[:group]`, names or numbers; empty: root.
    public var user: String = ""
    /// The creating client attaches to standard input.
    public var attachStdin: Bool = false
    /// The creating client attaches to standard output.
    public var attachStdout: Bool = false
    /// The creating client attaches to standard error.
    public var attachStderr: Bool = false
    /// Ports the container listens on, as `80/tcp`; documentation until published.
    public var exposedPorts: Set<String> = []
    /// The process gets a terminal.
    public var tty: Bool = false
    /// Standard input stays open without an attached client.
    public var openStdin: Bool = false
    /// Standard input closes after the first attached client.
    public var stdinOnce: Bool = false
    /// `NAME=value`; a bare `NAME` takes it away.
    public var env: [String] = []
    /// Arguments of the entry point, or the command itself; nil: the image's.
    public var cmd: [String]?
    /// How to tell whether the container is healthy.
    public var healthcheck: HealthConfig?
    /// Windows only.
    public var argsEscaped: Bool = false
    /// The image's reference or id.
    public var image: String = ""
    /// Paths that get an anonymous volume.
    public var volumes: Set<String> = []
    /// The working directory; made when missing.
    public var workingDir: String = ""
    /// The program; nil: the image's; `[""]`: none.
    public var entrypoint: [String]?
    /// No network at all.
    public var networkDisabled: Bool = false
    /// The MAC address (clients before 1.44; now in the endpoint).
    public var macAddress: String = ""
    /// Build triggers of the image.
    public var onBuild: [String] = []
    /// User's metadata.
    public var labels: [String: String] = [:]
    /// The signal that asks it to stop; empty: SIGTERM.
    public var stopSignal: String = ""
    /// Seconds from the stop signal to SIGKILL; nil: 10.
    public var stopTimeout: Int?
    /// Shell for shell-form commands.
    public var shell: [String]?

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Hostname", &hostname)
        try coder.field("Domainname", &domainname)
        try coder.field("User", &user)
        try coder.field("AttachStdin", &attachStdin)
        try coder.field("AttachStdout", &attachStdout)
        try coder.field("AttachStderr", &attachStderr)
        try coder.set("ExposedPorts", &exposedPorts)
        try coder.field("Tty", &tty)
        try coder.field("OpenStdin", &openStdin)
        try coder.field("StdinOnce", &stdinOnce)
        try coder.field("Env", &env, empty: .null)
        try coder.words("Cmd", &cmd)
        try coder.field("Healthcheck", &healthcheck, empty: .omitted)
        try coder.field("ArgsEscaped", &argsEscaped, empty: .omitted)
        try coder.field("Image", &image)
        try coder.setOrNull("Volumes", &volumes)
        try coder.field("WorkingDir", &workingDir)
        try coder.words("Entrypoint", &entrypoint)
        try coder.field("NetworkDisabled", &networkDisabled, empty: .omitted)
        try coder.field("MacAddress", &macAddress, empty: .omitted)
        try coder.field("OnBuild", &onBuild, empty: .null)
        try coder.field("Labels", &labels)
        try coder.field("StopSignal", &stopSignal, empty: .omitted)
        try coder.field("StopTimeout", &stopTimeout, empty: .omitted)
        try coder.wordsOrOmitted("Shell", &shell)
    }
}

/// A health check.
public struct HealthConfig: WireObject {
    /// `[]` inherit, `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`.
    public var test: [String] = []
    /// Nanoseconds between checks.
    public var interval: Int64 = 0
    /// Nanoseconds until one check has failed.
    public var timeout: Int64 = 0
    /// Nanoseconds in which failures do not count.
    public var startPeriod: Int64 = 0
    /// Nanoseconds between checks in the start period.
    public var startInterval: Int64 = 0
    /// Failures in a row that make it unhealthy.
    public var retries: Int = 0

    /// Makes one; what is left out has its zero value.
    public init(
        test: [String] = [], interval: Int64 = 0, timeout: Int64 = 0, startPeriod: Int64 = 0, startInterval: Int64 = 0,
        retries: Int = 0
    ) {
        self.test = test
        self.interval = interval
        self.timeout = timeout
        self.startPeriod = startPeriod
        self.startInterval = startInterval
        self.retries = retries
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Test", &test, empty: .omitted)
        try coder.field("Interval", &interval, empty: .omitted)
        try coder.field("Timeout", &timeout, empty: .omitted)
        try coder.field("StartPeriod", &startPeriod, empty: .omitted)
        try coder.field("StartInterval", &startInterval, empty: .omitted)
        try coder.field("Retries", &retries, empty: .omitted)
    }
}

/// Body of `POST /containers/create`: the configuration's fields with two more beside them.
public struct ContainerCreateRequest: WireObject {
    /// What runs; its keys stand at the top level.
    public var config: ContainerConfig = ContainerConfig()
    /// How the host treats it.
    public var hostConfig: HostConfig = HostConfig()
    /// Networks to join.
    public var networkingConfig: NetworkingConfig = NetworkingConfig()

    /// Makes one; what is left out has its zero value.
    public init(
        config: ContainerConfig = ContainerConfig(), hostConfig: HostConfig = HostConfig(),
        networkingConfig: NetworkingConfig = NetworkingConfig()
    ) {
        self.config = config
        self.hostConfig = hostConfig
        self.networkingConfig = networkingConfig
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try config.fields(&coder)
        try coder.field("HostConfig", &hostConfig)
        try coder.field("NetworkingConfig", &networkingConfig)
    }
}

/// Answer to `POST /containers/create`.
public struct ContainerCreateResponse: WireObject {
    /// The container's id, 64 hexadecimal digits.
    public var id: String = ""
    /// What was accepted but has no effect.
    public var warnings: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(id: String = "", warnings: [String] = []) {
        self.id = id
        self.warnings = warnings
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
        try coder.field("Warnings", &warnings)
    }
}
