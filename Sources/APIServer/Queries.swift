public import DockerAPI

/// The `filters` parameter: values by name, in Docker's words (`status`, `name`, `label`, …). All names must match; of the values
/// of one name any one, except `label`, where all must.
public struct Filters: Sendable, Equatable {
    /// Values by name.
    public var values: [String: [String]]

    /// Makes filters.
    public init(_ values: [String: [String]] = [:]) {
        self.values = values
    }

    /// The values of one name, none when it is not there.
    public subscript(name: String) -> [String] { values[name] ?? [] }

    /// Whether there is none.
    public var isEmpty: Bool { values.isEmpty }
}

/// Query of `GET /containers/json`.
public struct ContainerListQuery: Sendable, Equatable {
    /// Also those that do not run.
    public var all = false
    /// The newest so many, whatever their state; nil: no limit.
    public var limit: Int?
    /// With sizes, which are slow to find.
    public var size = false
    /// Which.
    public var filters = Filters()

    /// Makes a query.
    public init(all: Bool = false, limit: Int? = nil, size: Bool = false, filters: Filters = Filters()) {
        self.all = all
        self.limit = limit
        self.size = size
        self.filters = filters
    }
}

/// Query of `GET /images/json`.
public struct ImageListQuery: Sendable, Equatable {
    /// Also intermediate images.
    public var all = false
    /// Count the bytes shared with other images.
    public var sharedSize = false
    /// Which.
    public var filters = Filters()

    /// Makes a query.
    public init(all: Bool = false, sharedSize: Bool = false, filters: Filters = Filters()) {
        self.all = all
        self.sharedSize = sharedSize
        self.filters = filters
    }
}

/// A point in time, as `since` and `until` give it.
public struct Instant: Sendable, Equatable, Comparable {
    /// Seconds since 1970.
    public var seconds: Int64
    /// 0…999,999,999.
    public var nanoseconds: Int32

    /// Makes one.
    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Earlier than.
    public static func < (left: Instant, right: Instant) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

/// Query of `GET /events`.
public struct EventQuery: Sendable, Equatable {
    /// Only from then on, past ones too; nil: only new ones.
    public var since: Instant?
    /// Ends then; nil: never.
    public var until: Instant?
    /// Which.
    public var filters = Filters()

    /// Makes a query.
    public init(since: Instant? = nil, until: Instant? = nil, filters: Filters = Filters()) {
        self.since = since
        self.until = until
        self.filters = filters
    }
}

/// Query of `GET /containers/{id}/logs`.
public struct LogQuery: Sendable, Equatable {
    /// Go on until the container ends.
    public var follow = false
    /// With standard output.
    public var stdout = false
    /// With standard error.
    public var stderr = false
    /// Only from then on.
    public var since: Instant?
    /// Only until then.
    public var until: Instant?
    /// Each line starts with its time and a space.
    public var timestamps = false
    /// Only the last so many lines; nil: all.
    public var tail: Int?

    /// Makes a query.
    public init(
        follow: Bool = false, stdout: Bool = false, stderr: Bool = false, since: Instant? = nil, until: Instant? = nil,
        timestamps: Bool = false, tail: Int? = nil
    ) {
        self.follow = follow
        self.stdout = stdout
        self.stderr = stderr
        self.since = since
        self.until = until
        self.timestamps = timestamps
        self.tail = tail
    }
}

/// Query of `POST /containers/{id}/attach`.
public struct AttachQuery: Sendable, Equatable {
    /// Send the client's bytes to standard input.
    public var stdin = false
    /// Give standard output.
    public var stdout = false
    /// Give standard error.
    public var stderr = false
    /// Give the output so far first.
    public var logs = false
    /// Give what comes.
    public var stream = false

    /// Makes a query.
    public init(stdin: Bool = false, stdout: Bool = false, stderr: Bool = false, logs: Bool = false, stream: Bool = false) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.logs = logs
        self.stream = stream
    }
}

/// Query of `PUT /containers/{id}/archive`.
public struct ArchiveQuery: Sendable, Equatable {
    /// The directory to extract into.
    public var path: String
    /// Refuse to replace a directory by a file, and a file by a directory.
    public var keepsKinds = false
    /// Give the files to the container's user.
    public var takesUser = false

    /// Makes a query.
    public init(path: String, keepsKinds: Bool = false, takesUser: Bool = false) {
        self.path = path
        self.keepsKinds = keepsKinds
        self.takesUser = takesUser
    }
}

/// Query and body of `POST /commit`.
public struct CommitQuery: Sendable {
    /// Which container.
    public var container: String
    /// The new image's name; empty: none.
    public var repository = ""
    /// Its tag; empty: `latest`.
    public var tag = ""
    /// For its history.
    public var comment = ""
    /// Who made it.
    public var author = ""
    /// Freeze the container meanwhile.
    public var pauses = true
    /// Instructions of a Dockerfile.
    public var changes: [String] = []
    /// Instead of the container's; what it leaves out is the container's.
    public var config: ContainerConfig?

    /// Makes a query.
    public init(container: String) {
        self.container = container
    }
}

/// Query of `POST /images/create` with `fromSrc`.
public struct ImportQuery: Sendable, Equatable {
    /// The new image's name; empty: none.
    public var repository = ""
    /// Its tag; empty: `latest`.
    public var tag = ""
    /// For its history.
    public var message = ""
    /// Instructions of a Dockerfile.
    public var changes: [String] = []
    /// `os[/architecture[/variant]]`; nil: this machine's.
    public var platform: String?

    /// Makes a query.
    public init() {}
}

/// What `POST /containers/{id}/wait` waits for.
public enum WaitCondition: String, Sendable, CaseIterable {
    /// Not running; at once when it does not run.
    case notRunning = "not-running"
    /// The next end, also of a run that has not started yet.
    case nextExit = "next-exit"
    /// Its removal.
    case removed
}

/// A kind of object that takes room on disk, as `type` of `GET /system/df` names it.
public enum DiskUser: String, Sendable, CaseIterable {
    /// Containers' own layers.
    case container
    /// Images.
    case image
    /// Volumes.
    case volume
    /// What builds keep.
    case buildCache = "build-cache"
}
