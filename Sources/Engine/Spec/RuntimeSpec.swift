/// The part of the OCI runtime specification that Timber writes, field for field (runtime-spec 1.2, config.md, config-linux.md).
///
/// timberd writes it as `config.json` into the container's bundle, so that any OCI runtime can run the same bundle, and compiles
/// it into the launch plan. `BundleConfig` adds the seccomp section.
struct RuntimeSpec: Encodable, Sendable {
    var ociVersion = "1.2.0"
    var process: Process
    var root: Root
    var hostname: String?
    var domainname: String?
    var mounts: [Mount]
    var linux: Linux
    /// nil: none.
    var annotations: [String: String]?

    struct Process: Encodable, Sendable {
        var terminal: Bool
        var consoleSize: ConsoleSize?
        var user: User
        var args: [String]
        var env: [String]
        var cwd: String
        var capabilities: Capabilities
        var rlimits: [Rlimit]?
        var noNewPrivileges: Bool
        var oomScoreAdj: Int?
    }

    struct ConsoleSize: Encodable, Sendable {
        var height: UInt16
        var width: UInt16
    }

    struct User: Encodable, Sendable, Equatable {
        var uid: UInt32
        var gid: UInt32
        var umask: UInt32? = 0o022
        var additionalGids: [UInt32]
    }

    struct Capabilities: Encodable, Sendable, Equatable {
        var bounding: [String]
        var effective: [String]
        var permitted: [String]
        var inheritable: [String] = []
        var ambient: [String] = []
    }

    struct Rlimit: Encodable, Sendable {
        var type: String
        var soft: UInt64
        var hard: UInt64
    }

    struct Root: Encodable, Sendable {
        var path: String
        var readonly: Bool
    }

    struct Mount: Encodable, Sendable {
        var destination: String
        var type: String
        var source: String
        var options: [String]
    }

    struct Linux: Encodable, Sendable {
        var namespaces: [Namespace]
        var cgroupsPath: String?
        var resources: Resources
        var devices: [Device]
        var sysctl: [String: String]
        var maskedPaths: [String]
        var readonlyPaths: [String]
        var rootfsPropagation: String?
    }

    struct Namespace: Encodable, Sendable {
        var type: Kind
        var path: String?

        enum Kind: String, Encodable, Sendable {
            case pid, mount, network, ipc, uts, cgroup
        }
    }

    struct Device: Encodable, Sendable {
        var path: String
        var type: String
        var major: UInt32
        var minor: UInt32
        var fileMode: UInt32
        var uid: UInt32
        var gid: UInt32
    }
}
