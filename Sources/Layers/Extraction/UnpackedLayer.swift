internal import LinuxKernel
internal import Tar

/// Owner and mode of a layer's `/`.
public struct RootDirectory: Sendable, Equatable {
    /// Permission bits.
    public var mode: UInt32
    /// Owner.
    public var uid: UInt32
    /// Group.
    public var gid: UInt32

    /// Makes a description; without arguments the usual one.
    public init(mode: UInt32 = 0o755, uid: UInt32 = 0, gid: UInt32 = 0) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
    }
}

/// What came out of unpacking one layer.
public struct UnpackedLayer: Sendable {
    /// The sha256 of the uncompressed stream.
    public let diffID: Digest
    /// Uncompressed bytes of the stream.
    public let streamSize: Int64
    /// Bytes of the files in it.
    public let size: Int64
    /// `/` if the layer says anything about it.
    public let root: RootDirectory?
    /// Whether the layer hides everything below it.
    public let hidesLower: Bool
    /// What can only be decided with the layers below; nil when the layer stands for itself.
    public let needs: LowerNeeds?
}

/// What a layer leaves to the layers below it.
///
/// Such a layer's directory depends on the whole chain, all others depend on their diff alone.
public struct LowerNeeds: Sendable {
    /// Directories that the layer has no member for, parents first: they take owner, mode, times and attributes from below.
    let impliedDirectories: [MemberPath]
    /// Hard links to files that are not in the layer.
    let links: [(path: MemberPath, target: MemberPath)]
}
