internal import LinuxKernel

/// Where Timber keeps things: `data` survives a boot and only root can enter it, `run` does not; others may pass through `run` to the
/// API's socket and see nothing else.
struct Paths: Sendable {
    let data: String
    let run: String

    /// Makes the directories: whatever was there before, nobody but root gets to images, containers and volumes (CVE-2021-41091,
    /// CVE-2024-25621).
    init(data: String, run: String) throws {
        self.data = data
        self.run = run
        try Files.makeDirectories(data)
        try Files.makeDirectories(run, mode: 0o711)
        for path in [containers, ready, bundles, volumes, volumeMounts, trash] { try Files.makeDirectory(path) }
        for path in [data, ready, bundles, volumeMounts] { try Files.restrict(path, mode: 0o700) }
        try makeMountPoints()
    }

    /// Whatever the daemon's mask is, an image without these directories gets them as everybody expects them.
    private func makeMountPoints() throws {
        for path in ["", "/dev", "/etc", "/proc", "/sys"] {
            try Files.makeDirectory(mountPoints + path)
            try Files.restrict(mountPoints + path, mode: 0o755)
        }
        for name in EtcFiles.names {
            try Files.write([], to: "\(mountPoints)/etc/\(name)")
            try Files.restrict("\(mountPoints)/etc/\(name)", mode: 0o644)
        }
    }

    var containers: String { "\(data)/containers" }
    /// Containers' directories that are made ahead.
    var ready: String { "\(data)/ready" }
    var bundles: String { "\(run)/containers" }
    var volumes: String { "\(data)/volumes" }
    /// Where file systems of volumes are mounted.
    var volumeMounts: String { "\(run)/volumes" }
    var layers: String { "\(data)/layers" }
    /// What every container has something mounted on, empty: the lowest layer of all, so that no container has to make its own and
    /// copy a directory up for it.
    var mountPoints: String { "\(data)/mountpoints" }
    var trash: String { "\(data)/trash" }
    var database: String { "\(data)/state.db" }
    var lock: String { "\(data)/lock" }

    /// Names the cgroup that the containers' cgroups are in, as long as this boot lasts.
    var cgroupParent: String { "\(run)/cgroup-parent" }

    /// A container's own files: `upper`, `work`, `log`, `hostname`, `hosts`, `resolv.conf`; empty until it starts.
    func container(_ id: String) -> String { "\(containers)/\(id)" }

    /// A running container's bundle: `config.json`, `shim.sock`, `exit`, `rootfs`.
    func bundle(_ id: String) -> String { "\(bundles)/\(id)" }

    /// All that lies below a container's upper directory, relative to `layers`.
    /// - Parameter layers: the image's.
    func stack(_ layers: [String]) -> [String] { layers.isEmpty ? [] : layers + ["../mountpoints"] }

    /// A layer's directory by its short name.
    func layer(_ name: String) -> String { "\(layers)/\(name)" }

    /// A volume's content.
    func volume(_ name: String) -> String { "\(volumes)/\(name)/_data" }
}
