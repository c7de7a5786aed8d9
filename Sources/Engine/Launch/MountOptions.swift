internal import CTimber
internal import Glibc

/// Mount options as fstab and the OCI runtime specification write them, sorted into what the kernel's new mount API takes.
struct MountOptions: Equatable {
    /// MOUNT_ATTR_* to set.
    var attributes: UInt64 = 0
    /// MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE with MS_REC; 0 when none was named.
    var propagation: UInt64 = 0
    var bind = false
    var recursive = false
    /// `rro`: what is mounted below is read-only, too.
    var readOnlyToItsDepth = false
    /// `tmpcopyup`: a tmpfs first gets what the image has at its place.
    var copyUp = false
    /// What the file system itself understands, in order; the value is nil for a flag.
    var fileSystem: [Option] = []

    struct Option: Equatable {
        var key: String
        var value: String?
    }

    init(_ options: [String]) {
        for option in options { take(option) }
    }

    private mutating func take(_ option: String) {
        switch option {
        case "ro": attributes |= UInt64(MOUNT_ATTR_RDONLY)
        case "rro":
            attributes |= UInt64(MOUNT_ATTR_RDONLY)
            readOnlyToItsDepth = true
        case "rw": attributes &= ~UInt64(MOUNT_ATTR_RDONLY)
        case "nosuid": attributes |= UInt64(MOUNT_ATTR_NOSUID)
        case "suid": attributes &= ~UInt64(MOUNT_ATTR_NOSUID)
        case "nodev": attributes |= UInt64(MOUNT_ATTR_NODEV)
        case "dev": attributes &= ~UInt64(MOUNT_ATTR_NODEV)
        case "noexec": attributes |= UInt64(MOUNT_ATTR_NOEXEC)
        case "exec": attributes &= ~UInt64(MOUNT_ATTR_NOEXEC)
        case "nosymfollow": attributes |= UInt64(MOUNT_ATTR_NOSYMFOLLOW)
        case "noatime": attributes |= UInt64(MOUNT_ATTR_NOATIME)
        case "strictatime": attributes |= UInt64(MOUNT_ATTR_STRICTATIME)
        case "nodiratime": attributes |= UInt64(MOUNT_ATTR_NODIRATIME)
        case "relatime", "defaults", "async", "diratime", "symfollow": break
        case "bind": bind = true
        case "rbind":
            bind = true
            recursive = true
        case "private": propagation = Propagation.private
        case "rprivate": propagation = Propagation.private | Propagation.recursive
        case "slave": propagation = Propagation.slave
        case "rslave": propagation = Propagation.slave | Propagation.recursive
        case "shared": propagation = Propagation.shared
        case "rshared": propagation = Propagation.shared | Propagation.recursive
        case "tmpcopyup": copyUp = true
        default:
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            fileSystem.append(Option(key: parts[0], value: parts.count > 1 ? parts[1] : nil))
        }
    }
}

/// MS_* of mount(2), which two C modules define in different types.
private enum Propagation {
    static let recursive: UInt64 = 1 << 14
    static let `private`: UInt64 = 1 << 18
    static let slave: UInt64 = 1 << 19
    static let shared: UInt64 = 1 << 20
}
