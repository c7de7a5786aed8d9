/// One line of `GET /images/json`.
public struct ImageSummary: WireObject {
    /// Containers of it; -1: not counted.
    public var containers: Int = -1
    /// Seconds since 1970.
    public var created: Int64 = 0
    /// `sha256:…`.
    public var id: String = ""
    /// Of its configuration.
    public var labels: [String: String] = [:]
    /// Id of the image it was built on.
    public var parentID: String = ""
    /// `name@sha256:…`.
    public var repoDigests: [String] = []
    /// `name:tag`.
    public var repoTags: [String] = []
    /// Bytes shared with other images; -1: not counted.
    public var sharedSize: Int64 = -1
    /// Bytes of all layers.
    public var size: Int64 = 0
    /// As `size`, for clients before 1.44; the server fills it in.
    public var virtualSize: Int64 = 0

    /// Makes one; what is left out has its zero value.
    public init(
        containers: Int = -1, created: Int64 = 0, id: String = "", labels: [String: String] = [:], parentID: String = "",
        repoDigests: [String] = [], repoTags: [String] = [], sharedSize: Int64 = -1, size: Int64 = 0, virtualSize: Int64 = 0
    ) {
        self.containers = containers
        self.created = created
        self.id = id
        self.labels = labels
        self.parentID = parentID
        self.repoDigests = repoDigests
        self.repoTags = repoTags
        self.sharedSize = sharedSize
        self.size = size
        self.virtualSize = virtualSize
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Containers", &containers)
        try coder.field("Created", &created)
        try coder.field("Id", &id)
        try coder.nullMap("Labels", &labels)
        try coder.field("ParentId", &parentID)
        try coder.field("RepoDigests", &repoDigests)
        try coder.field("RepoTags", &repoTags)
        try coder.field("SharedSize", &sharedSize)
        try coder.field("Size", &size)
        try coder.field("VirtualSize", &virtualSize, empty: .omitted)
    }
}

/// Answer to `GET /images/{name}/json`.
public struct ImageInspect: WireObject {
    /// `sha256:…`.
    public var id: String = ""
    /// `name:tag`.
    public var repoTags: [String] = []
    /// `name@sha256:…`.
    public var repoDigests: [String] = []
    /// Id of the image it was built on.
    public var parent: String = ""
    /// Of its maker.
    public var comment: String = ""
    /// RFC 3339.
    public var created: String = ""
    /// What made it.
    public var dockerVersion: String = ""
    /// Who made it.
    public var author: String = ""
    /// What its containers run.
    public var config: ImageConfig = ImageConfig()
    /// As Go names it: `amd64`.
    public var architecture: String = ""
    /// Of the architecture: `v8`.
    public var variant: String = ""
    /// `linux`.
    public var os: String = ""
    /// Of the operating system.
    public var osVersion: String = ""
    /// Bytes of all layers.
    public var size: Int64 = 0
    /// As `size`, for clients before 1.44; the server fills it in.
    public var virtualSize: Int64 = 0
    /// Where its layers are.
    public var graphDriver: DriverData = DriverData()
    /// Its layers.
    public var rootFS: RootFS = RootFS()
    /// What this daemon knows of it.
    public var metadata: ImageMetadata = ImageMetadata()

    /// Makes one; what is left out has its zero value.
    public init(
        id: String = "", repoTags: [String] = [], repoDigests: [String] = [], parent: String = "", comment: String = "",
        created: String = "", dockerVersion: String = "", author: String = "", config: ImageConfig = ImageConfig(),
        architecture: String = "", variant: String = "", os: String = "", osVersion: String = "", size: Int64 = 0,
        virtualSize: Int64 = 0, graphDriver: DriverData = DriverData(), rootFS: RootFS = RootFS(),
        metadata: ImageMetadata = ImageMetadata()
    ) {
        self.id = id
        self.repoTags = repoTags
        self.repoDigests = repoDigests
        self.parent = parent
        self.comment = comment
        self.created = created
        self.dockerVersion = dockerVersion
        self.author = author
        self.config = config
        self.architecture = architecture
        self.variant = variant
        self.os = os
        self.osVersion = osVersion
        self.size = size
        self.virtualSize = virtualSize
        self.graphDriver = graphDriver
        self.rootFS = rootFS
        self.metadata = metadata
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
        try coder.field("RepoTags", &repoTags)
        try coder.field("RepoDigests", &repoDigests)
        try coder.field("Parent", &parent)
        try coder.field("Comment", &comment)
        try coder.field("Created", &created, empty: .omitted)
        try coder.field("DockerVersion", &dockerVersion)
        try coder.field("Author", &author)
        try coder.field("Config", &config)
        try coder.field("Architecture", &architecture)
        try coder.field("Variant", &variant, empty: .omitted)
        try coder.field("Os", &os)
        try coder.field("OsVersion", &osVersion, empty: .omitted)
        try coder.field("Size", &size)
        try coder.field("VirtualSize", &virtualSize, empty: .omitted)
        try coder.field("GraphDriver", &graphDriver)
        try coder.field("RootFS", &rootFS)
        try coder.field("Metadata", &metadata)
    }
}

/// Layers of an image.
public struct RootFS: WireObject {
    /// `layers`.
    public var type: String = "layers"
    /// diffIDs, bottom first.
    public var layers: [String] = []

    /// Makes one; what is left out has its zero value.
    public init(type: String = "layers", layers: [String] = []) {
        self.type = type
        self.layers = layers
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Type", &type)
        try coder.field("Layers", &layers, empty: .omitted)
    }
}

/// What the daemon knows of an image.
public struct ImageMetadata: WireObject {
    /// RFC 3339; year 1: never tagged here.
    public var lastTagTime: String = "0001-01-01T00:00:00Z"

    /// Makes one; what is left out has its zero value.
    public init(lastTagTime: String = "0001-01-01T00:00:00Z") {
        self.lastTagTime = lastTagTime
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("LastTagTime", &lastTagTime)
    }
}

/// What an image's containers run (`ImageConfig` of the contract).
public struct ImageConfig: WireObject {
    /// `user[:group]`.
    public var user: String = ""
    /// As `80/tcp`.
    public var exposedPorts: Set<String> = []
    /// `NAME=value`.
    public var env: [String] = []
    /// The program.
    public var entrypoint: [String]?
    /// Arguments or command.
    public var cmd: [String]?
    /// Paths that get an anonymous volume.
    public var volumes: Set<String> = []
    /// The working directory.
    public var workingDir: String = ""
    /// The image's metadata.
    public var labels: [String: String] = [:]
    /// The signal that asks a container to stop.
    public var stopSignal: String = ""
    /// Windows only.
    public var argsEscaped: Bool = false
    /// How to tell whether a container is healthy.
    public var healthcheck: HealthConfig?
    /// Build triggers.
    public var onBuild: [String] = []
    /// Shell for shell-form commands.
    public var shell: [String]?

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("User", &user, empty: .omitted)
        try coder.set("ExposedPorts", &exposedPorts)
        try coder.field("Env", &env, empty: .omitted)
        try coder.wordsOrOmitted("Entrypoint", &entrypoint)
        try coder.wordsOrOmitted("Cmd", &cmd)
        try coder.set("Volumes", &volumes)
        try coder.field("WorkingDir", &workingDir, empty: .omitted)
        try coder.field("Labels", &labels, empty: .omitted)
        try coder.field("StopSignal", &stopSignal, empty: .omitted)
        try coder.field("ArgsEscaped", &argsEscaped, empty: .omitted)
        try coder.field("Healthcheck", &healthcheck, empty: .omitted)
        try coder.field("OnBuild", &onBuild, empty: .omitted)
        try coder.wordsOrOmitted("Shell", &shell)
    }
}

/// One line of `GET /images/{name}/history`.
public struct HistoryItem: WireObject {
    /// The image's id, or `<missing>`.
    public var id: String = "<missing>"
    /// Seconds since 1970.
    public var created: Int64 = 0
    /// The build step.
    public var createdBy: String = ""
    /// `name:tag` of that image.
    public var tags: [String] = []
    /// Bytes of its layer.
    public var size: Int64 = 0
    /// Of its maker.
    public var comment: String = ""

    /// Makes one; what is left out has its zero value.
    public init(
        id: String = "<missing>", created: Int64 = 0, createdBy: String = "", tags: [String] = [], size: Int64 = 0,
        comment: String = ""
    ) {
        self.id = id
        self.created = created
        self.createdBy = createdBy
        self.tags = tags
        self.size = size
        self.comment = comment
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Id", &id)
        try coder.field("Created", &created)
        try coder.field("CreatedBy", &createdBy)
        try coder.field("Tags", &tags, empty: .null)
        try coder.field("Size", &size)
        try coder.field("Comment", &comment)
    }
}

/// One line of the answer to `DELETE /images/{name}`: exactly one of the two is set.
public struct ImageDeleteItem: WireObject {
    /// A reference that is gone.
    public var untagged: String = ""
    /// An image or layer that is gone.
    public var deleted: String = ""

    /// Makes one; what is left out has its zero value.
    public init(untagged: String = "", deleted: String = "") {
        self.untagged = untagged
        self.deleted = deleted
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Untagged", &untagged, empty: .omitted)
        try coder.field("Deleted", &deleted, empty: .omitted)
    }
}

/// Answer to `POST /images/prune`.
public struct ImagesPruneReport: WireObject {
    /// What is gone.
    public var imagesDeleted: [ImageDeleteItem] = []
    /// Bytes.
    public var spaceReclaimed: UInt64 = 0

    /// Makes one; what is left out has its zero value.
    public init(imagesDeleted: [ImageDeleteItem] = [], spaceReclaimed: UInt64 = 0) {
        self.imagesDeleted = imagesDeleted
        self.spaceReclaimed = spaceReclaimed
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ImagesDeleted", &imagesDeleted, empty: .null)
        try coder.field("SpaceReclaimed", &spaceReclaimed)
    }
}

/// One line of a load's or pull's answer.
public struct ProgressMessage: WireObject {
    /// Text to print as it is.
    public var stream: String = ""
    /// What is going on, as `Loading layer`.
    public var status: String = ""
    /// How far.
    public var progressDetail: ProgressDetail?
    /// The bar, for clients that do not draw it; the server fills it in.
    public var progress: String = ""
    /// The layer.
    public var id: String = ""
    /// Why it failed.
    public var errorDetail: ErrorDetail?
    /// Why it failed, for old clients.
    public var error: String = ""
    /// What a push made.
    public var aux: PushResult?

    /// Makes one; what is left out has its zero value.
    public init(
        stream: String = "", status: String = "", progressDetail: ProgressDetail? = nil, progress: String = "", id: String = "",
        errorDetail: ErrorDetail? = nil, error: String = ""
    ) {
        self.stream = stream
        self.status = status
        self.progressDetail = progressDetail
        self.progress = progress
        self.id = id
        self.errorDetail = errorDetail
        self.error = error
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("stream", &stream, empty: .omitted)
        try coder.field("status", &status, empty: .omitted)
        try coder.field("progressDetail", &progressDetail, empty: .omitted)
        try coder.field("progress", &progress, empty: .omitted)
        try coder.field("id", &id, empty: .omitted)
        try coder.field("errorDetail", &errorDetail, empty: .omitted)
        try coder.field("error", &error, empty: .omitted)
        try coder.field("aux", &aux, empty: .omitted)
    }
}

/// How far a transfer is.
public struct ProgressDetail: WireObject {
    /// Bytes so far.
    public var current: Int64 = 0
    /// Bytes in all; 0: not known.
    public var total: Int64 = 0

    /// Makes one; what is left out has its zero value.
    public init(current: Int64 = 0, total: Int64 = 0) {
        self.current = current
        self.total = total
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("current", &current, empty: .omitted)
        try coder.field("total", &total, empty: .omitted)
    }
}

/// Why a transfer failed.
public struct ErrorDetail: WireObject {
    /// A number, mostly 0.
    public var code: Int = 0
    /// The reason.
    public var message: String = ""

    /// Makes one; what is left out has its zero value.
    public init(code: Int = 0, message: String = "") {
        self.code = code
        self.message = message
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("code", &code, empty: .omitted)
        try coder.field("message", &message)
    }
}
