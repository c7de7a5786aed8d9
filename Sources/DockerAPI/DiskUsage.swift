/// Answer to `GET /system/df`. Null stands for a kind of object that was not asked for.
public struct DiskUsage: WireObject {
    /// Bytes of all images together, what they share counted once.
    public var layersSize: Int64 = 0
    /// Images with shared sizes and counts of containers.
    public var images: [ImageSummary]?
    /// Containers, also those that do not run, with sizes.
    public var containers: [ContainerSummary]?
    /// Volumes with what they take.
    public var volumes: [Volume]?
    /// What builds keep.
    public var buildCache: [BuildCacheRecord]?

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("LayersSize", &layersSize)
        try coder.field("Images", &images)
        try coder.field("Containers", &containers)
        try coder.field("Volumes", &volumes)
        try coder.field("BuildCache", &buildCache)
    }
}

/// What a build keeps for the next one, as far as it is looked at. Timber builds no images and has none.
public struct BuildCacheRecord: WireObject {
    /// Its id.
    public var id: String = ""
    /// A build needs it now.
    public var inUse: Bool = false
    /// Others need it.
    public var shared: Bool = false
    /// Bytes.
    public var size: Int64 = 0

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("ID", &id)
        try coder.field("InUse", &inUse)
        try coder.field("Shared", &shared)
        try coder.field("Size", &size)
    }
}

/// Answer to `POST /build/prune`: what was thrown away of what builds keep.
public struct BuildPruneReport: WireObject {
    /// Ids.
    public var cachesDeleted: [String] = []
    /// Bytes.
    public var spaceReclaimed: UInt64 = 0

    /// Everything at its zero value.
    public init() {}

    mutating func fields(_ coder: inout FieldCoder) throws {
        try coder.field("CachesDeleted", &cachesDeleted, empty: .null)
        try coder.field("SpaceReclaimed", &spaceReclaimed)
    }
}
