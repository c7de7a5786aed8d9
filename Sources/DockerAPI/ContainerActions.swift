/// Answer to `GET /containers/{id}/top`.
public struct ContainerTop: WireObject {
    /// Column heads.
    public var titles: [String] = []
    /// One row a process.
    public var processes: [[String]] = []

    /// Makes one; what is left out has its zero value.
    public init(titles: [String] = [], processes: [[String]] = []) {
        self.titles = titles
        self.processes = processes
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Titles", &titles)
        try coder.field("Processes", &processes)
    }
}

/// Answer to `POST /containers/{id}/wait`.
public struct ContainerWaitResponse: WireObject {
    /// Exit status.
    public var statusCode: Int64 = 0
    /// Why waiting failed.
    public var error: ContainerWaitError?

    /// Makes one; what is left out has its zero value.
    public init(statusCode: Int64 = 0, error: ContainerWaitError? = nil) {
        self.statusCode = statusCode
        self.error = error
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("StatusCode", &statusCode)
        try coder.field("Error", &error, empty: .omitted)
    }
}

/// Why waiting failed.
public struct ContainerWaitError: WireObject {
    /// The reason.
    public var message: String = ""

    /// Makes one; what is left out has its zero value.
    public init(message: String = "") {
        self.message = message
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Message", &message)
    }
}

/// Answer to `POST /containers/prune`.
public struct ContainersPruneReport: WireObject {
    /// Ids.
    public var containersDeleted: [String] = []
    /// Bytes.
    public var spaceReclaimed: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(containersDeleted: [String] = [], spaceReclaimed: UInt64 = 0) {
        self.containersDeleted = containersDeleted
        self.spaceReclaimed = spaceReclaimed
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ContainersDeleted", &containersDeleted, empty: .null)
        try coder.field("SpaceReclaimed", &spaceReclaimed)
    }
}

/// Body of `POST /containers/{id}/exec`.
public struct ExecCreateRequest: WireObject {
    /// `user[:group]`; empty: the container's.
    public var user: String = ""
    /// With all capabilities.
    public var privileged: Bool = false
    /// The process gets a terminal.
    public var tty: Bool = false
    /// Rows and columns of the terminal.
    public var consoleSize: [Int]?
    /// Standard input comes from the client.
    public var attachStdin: Bool = false
    /// Standard error goes to the client.
    public var attachStderr: Bool = false
    /// Standard output goes to the client.
    public var attachStdout: Bool = false
    /// Nobody attaches.
    public var detach: Bool = false
    /// Keys that leave the terminal.
    public var detachKeys: String = ""
    /// More environment.
    public var env: [String] = []
    /// empty: the container's.
    public var workingDir: String = ""
    /// Program and arguments.
    public var cmd: [String]?

    /// Makes one; what is left out has its zero value.
    public init(
        user: String = "", privileged: Bool = false, tty: Bool = false, consoleSize: [Int]? = nil, attachStdin: Bool = false,
        attachStderr: Bool = false, attachStdout: Bool = false, detach: Bool = false, detachKeys: String = "", env: [String] = [],
        workingDir: String = "", cmd: [String]? = nil
    ) {
        self.user = user
        self.privileged = privileged
        self.tty = tty
        self.consoleSize = consoleSize
        self.attachStdin = attachStdin
        self.attachStderr = attachStderr
        self.attachStdout = attachStdout
        self.detach = detach
        self.detachKeys = detachKeys
        self.env = env
        self.workingDir = workingDir
        self.cmd = cmd
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("User", &user)
        try coder.field("Privileged", &privileged)
        try coder.field("Tty", &tty)
        try coder.field("ConsoleSize", &consoleSize, empty: .omitted)
        try coder.field("AttachStdin", &attachStdin)
        try coder.field("AttachStderr", &attachStderr)
        try coder.field("AttachStdout", &attachStdout)
        try coder.field("Detach", &detach)
        try coder.field("DetachKeys", &detachKeys)
        try coder.field("Env", &env, empty: .null)
        try coder.field("WorkingDir", &workingDir)
        try coder.words("Cmd", &cmd)
    }
}

/// Body of `POST /exec/{id}/start`.
public struct ExecStartRequest: WireObject {
    /// Answer at once, nobody attaches.
    public var detach: Bool = false
    /// Must be as created.
    public var tty: Bool = false
    /// Rows and columns of the terminal.
    public var consoleSize: [Int]?

    /// Makes one; what is left out has its zero value.
    public init(detach: Bool = false, tty: Bool = false, consoleSize: [Int]? = nil) {
        self.detach = detach
        self.tty = tty
        self.consoleSize = consoleSize
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Detach", &detach)
        try coder.field("Tty", &tty)
        try coder.field("ConsoleSize", &consoleSize, empty: .omitted)
    }
}

/// Answer to `GET /exec/{id}/json`.
public struct ExecInspect: WireObject {
    /// 64 hexadecimal digits.
    public var id: String = ""
    /// Its process lives.
    public var running: Bool = false
    /// nil: has not ended.
    public var exitCode: Int?
    /// What runs.
    public var processConfig: ExecProcessConfig = ExecProcessConfig()
    /// Standard input is attached.
    public var openStdin: Bool = false
    /// Standard error is attached.
    public var openStderr: Bool = false
    /// Standard output is attached.
    public var openStdout: Bool = false
    /// It may be forgotten.
    public var canRemove: Bool = false
    /// Its container.
    public var containerID: String = ""
    /// Keys that leave the terminal.
    public var detachKeys: String = ""
    /// As the host sees it; 0: none.
    public var pid: Int = 0

    /// Makes one; what is left out has its zero value.
    public init(
        id: String = "", running: Bool = false, exitCode: Int? = nil, processConfig: ExecProcessConfig = ExecProcessConfig(),
        openStdin: Bool = false, openStderr: Bool = false, openStdout: Bool = false, canRemove: Bool = false, containerID: String = "",
        detachKeys: String = "", pid: Int = 0
    ) {
        self.id = id
        self.running = running
        self.exitCode = exitCode
        self.processConfig = processConfig
        self.openStdin = openStdin
        self.openStderr = openStderr
        self.openStdout = openStdout
        self.canRemove = canRemove
        self.containerID = containerID
        self.detachKeys = detachKeys
        self.pid = pid
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ID", &id)
        try coder.field("Running", &running)
        try coder.field("ExitCode", &exitCode)
        try coder.field("ProcessConfig", &processConfig)
        try coder.field("OpenStdin", &openStdin)
        try coder.field("OpenStderr", &openStderr)
        try coder.field("OpenStdout", &openStdout)
        try coder.field("CanRemove", &canRemove)
        try coder.field("ContainerID", &containerID)
        try coder.field("DetachKeys", &detachKeys)
        try coder.field("Pid", &pid)
    }
}

/// What an exec instance runs.
public struct ExecProcessConfig: WireObject {
    /// With a terminal.
    public var tty: Bool = false
    /// The program.
    public var entrypoint: String = ""
    /// Its arguments.
    public var arguments: [String] = []
    /// With all capabilities.
    public var privileged: Bool?
    /// `user[:group]`.
    public var user: String = ""

    /// Makes one; what is left out has its zero value.
    public init(
        tty: Bool = false, entrypoint: String = "", arguments: [String] = [], privileged: Bool? = nil, user: String = ""
    ) {
        self.tty = tty
        self.entrypoint = entrypoint
        self.arguments = arguments
        self.privileged = privileged
        self.user = user
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("tty", &tty)
        try coder.field("entrypoint", &entrypoint)
        try coder.field("arguments", &arguments)
        try coder.field("privileged", &privileged, empty: .omitted)
        try coder.field("user", &user, empty: .omitted)
    }
}

/// The id of something made.
public struct IDResponse: WireObject {
    /// The id.
    public var id: String = ""

    /// Makes one; what is left out has its zero value.
    public init(id: String = "") {
        self.id = id
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
    }
}
