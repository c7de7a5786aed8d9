/// What `X-Docker-Container-Path-Stat` says of a path in a container, as JSON in base64.
public struct ContainerPathStat: WireObject {
    /// The last component; `/` for the root.
    public var name: String = ""
    /// Bytes.
    public var size: Int64 = 0
    /// Kind and permissions as Go's `os.FileMode` has them.
    public var mode: UInt32 = 0
    /// RFC 3339.
    public var mtime: String = ""
    /// Where a symbolic link leads, from the container's root; empty for everything else.
    public var linkTarget: String = ""

    /// Makes one.
    public init(name: String, size: Int64, mode: UInt32, mtime: String, linkTarget: String) {
        self.name = name
        self.size = size
        self.mode = mode
        self.mtime = mtime
        self.linkTarget = linkTarget
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("name", &name)
        try coder.field("size", &size)
        try coder.field("mode", &mode)
        try coder.field("mtime", &mtime)
        try coder.field("linkTarget", &linkTarget)
    }
}

/// Kind and permissions of a file as Go's `os.FileMode` has them: the kinds have bits of their own.
public struct GoFileMode: Sendable, Equatable {
    /// The number on the wire.
    public var rawValue: UInt32

    /// Takes the number on the wire.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Translates `st_mode`.
    public init(mode: UInt32) {
        var value = mode & 0o777
        switch mode & 0o170000 {
        case 0o040000: value |= 1 << 31
        case 0o120000: value |= 1 << 27
        case 0o060000: value |= 1 << 26
        case 0o020000: value |= 1 << 26 | 1 << 21
        case 0o010000: value |= 1 << 25
        case 0o140000: value |= 1 << 24
        default: break
        }
        if mode & 0o4000 != 0 { value |= 1 << 23 }
        if mode & 0o2000 != 0 { value |= 1 << 22 }
        if mode & 0o1000 != 0 { value |= 1 << 20 }
        rawValue = value
    }

    /// Whether it is a directory.
    public var isDirectory: Bool { rawValue & 1 << 31 != 0 }
    /// Whether it is a symbolic link.
    public var isSymbolicLink: Bool { rawValue & 1 << 27 != 0 }
    /// Whether it is a regular file.
    public var isRegular: Bool { rawValue & (1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24) == 0 }
}

/// One line of `GET /containers/{id}/changes`.
public struct FilesystemChange: WireObject {
    /// Absolute.
    public var path: String = ""
    /// 0: modified, 1: added, 2: deleted.
    public var kind: Int = 0

    /// Makes one.
    public init(path: String, kind: Int) {
        self.path = path
        self.kind = kind
    }

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("Path", &path)
        try coder.field("Kind", &kind)
    }
}
