internal import DockerAPI
internal import Images
internal import Networks

/// What a container is, decided at creation and never changed afterwards (but for its name, limits and networks): the request merged with
/// the image's configuration, and everything that was resolved from it.
struct Definition: Sendable, Codable {
    var created: Timestamp
    /// The image's id, `sha256:…`.
    var image: String
    /// The request's configuration with the image's filled in.
    var config: DockerAPI.ContainerConfig
    var host: HostConfig
    var mounts: [MountSpec]
    var network: NetworkMode
    /// The networks that it is in, in the order in which it came to be; empty for those that have none of their own.
    var memberships: [Membership] = []
    var ports: [PortRequest]

    /// The command line: entry point and command.
    var arguments: [String] { (config.entrypoint ?? []) + (config.cmd ?? []) }

    /// How the container is connected.
    enum NetworkMode: Sendable, Codable, Equatable {
        case bridge
        case none
        case host
        /// A user's network, as the client named it.
        case user(String)
        /// Shares the network of another container, by id.
        case container(String)

        /// Docker's word in `HostConfig.NetworkMode`.
        var word: String {
            switch self {
            case .bridge: "bridge"
            case .none: "none"
            case .host: "host"
            case .user(let name): name
            case .container(let id): "container:\(id)"
            }
        }
    }

    /// A port to publish, in Docker's spelling: validated at creation, resolved at each start.
    struct PortRequest: Sendable, Codable, Equatable {
        var container: String
        var hostIP: String
        var hostPort: String
    }
}

/// One mount of a container, resolved.
struct MountSpec: Sendable, Codable, Equatable {
    enum Kind: String, Sendable, Codable {
        case bind
        case volume
        case tmpfs
    }

    var kind: Kind
    /// The host path of a bind; empty for others.
    var source: String
    /// The volume's name; empty for others.
    var volume: String = ""
    /// Absolute and clean.
    var destination: String
    var readOnly = false
    /// Read-only, but for the mounts below the source.
    var writableBelow: Bool?
    /// `rprivate`, `rslave`, …; empty: rprivate.
    var propagation: String = ""
    var recursive = true
    /// The volume is anonymous and goes with the container on request.
    var anonymous = false
    /// Labels of a new volume.
    var volumeLabels: [String: String]?
    /// Options of a new volume's driver.
    var volumeOptions: [String: String]?
    /// A path in the volume that is mounted instead of all of it.
    var subpath: String?
    /// Fill an empty volume with what the image has there.
    var copyUp = true
    /// tmpfs: `size=…`, `mode=…`.
    var options: [String] = []
    /// What Docker shows as the mode.
    var mode: String = ""
}
