internal import Glibc

/// A device node in a container's /dev.
public struct DeviceNode: Sendable, Hashable {
    /// Absolute path inside the container.
    public var path: String
    /// S_IFCHR or S_IFBLK, and permission bits.
    public var mode: UInt32
    /// Major device number.
    public var major: UInt32
    /// Minor device number.
    public var minor: UInt32
    /// Owner inside the container.
    public var uid: UInt32
    /// Group inside the container.
    public var gid: UInt32

    /// Makes a node.
    public init(path: String, mode: UInt32, major: UInt32, minor: UInt32, uid: UInt32 = 0, gid: UInt32 = 0) {
        self.path = path
        self.mode = mode
        self.major = major
        self.minor = minor
        self.uid = uid
        self.gid = gid
    }

    /// The nodes that the OCI runtime specification promises to every container ("Default Devices").
    public static let defaults: [DeviceNode] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ].map { DeviceNode(path: "/dev/\($0)", mode: S_IFCHR | 0o666, major: $1, minor: $2) }

    /// The symbolic links that go with them: path inside the container, target. `/dev/core` is there where the kernel has what it
    /// names.
    public static let links: [(path: String, target: String)] =
        [
            ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"),
            ("/dev/stderr", "/proc/self/fd/2"), ("/dev/ptmx", "pts/ptmx"),
        ] + (access("/proc/kcore", F_OK) == 0 ? [("/dev/core", "/proc/kcore")] : [])
}
