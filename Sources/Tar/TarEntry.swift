public import LinuxKernel

/// One member of a tar archive, as its header says; nothing in it has been checked against a file system.
public struct TarEntry: Sendable, Equatable {
    /// What a member is.
    public enum Kind: Sendable, Equatable {
        /// A regular file; its content follows.
        case file
        /// Another name of the member called `link`.
        case hardLink
        /// A symbolic link to `link`.
        case symbolicLink
        /// A directory.
        case directory
        /// A character device.
        case characterDevice
        /// A block device.
        case blockDevice
        /// A named pipe.
        case fifo
    }

    /// An extended attribute.
    public struct Attribute: Sendable, Equatable {
        /// With its namespace: `security.capability`.
        public var name: [UInt8]
        /// Any bytes.
        public var value: [UInt8]

        /// Makes an attribute.
        public init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    /// The path, in no particular encoding.
    public var name: [UInt8]
    /// What the member is.
    public var kind: Kind
    /// The target of a link.
    public var link: [UInt8] = []
    /// Permission bits with set-user-id, set-group-id and sticky.
    public var mode: UInt32
    /// Owner.
    public var uid: UInt32 = 0
    /// Group.
    public var gid: UInt32 = 0
    /// Bytes of content that follow; 0 for everything but files.
    public var size: Int64 = 0
    /// Last modification.
    public var modified = FileTime(seconds: 0)
    /// Major number of a device.
    public var major: UInt32 = 0
    /// Minor number of a device.
    public var minor: UInt32 = 0
    /// Extended attributes in the archive's order.
    public var attributes: [Attribute] = []

    /// Makes a member.
    public init(name: [UInt8], kind: Kind, mode: UInt32) {
        self.name = name
        self.kind = kind
        self.mode = mode
    }

    /// The name in printable characters.
    public var shownName: String { BytePath.printable(name) }
}
