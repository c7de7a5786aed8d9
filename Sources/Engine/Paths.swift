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
        for path in [containers, bundles, volumes, volumeMounts, trash] { try Files.makeDirectory(path) }
        for path in [data, bundles, volumeMounts] { try Files.restrict(path, mode: 0o700) }
    }

    var containers: String { "\(data)/containers" }
    var bundles: String { "\(run)/containers" }
    var volumes: String { "\(data)/volumes" }
    /// Where file systems of volumes are mounted.
    var volumeMounts: String { "\(run)/volumes" }
    var layers: String { "\(data)/layers" }
    var trash: String { "\(data)/trash" }
    var database: String { "\(data)/state.db" }
    var lock: String { "\(data)/lock" }

    /// Names the cgroup that the containers' cgroups are in, as long as this boot lasts.
    var cgroupParent: String { "\(run)/cgroup-parent" }

    /// A container's own files: `upper`, `work`, `log`, `hostname`, `hosts`, `resolv.conf`.
    func container(_ id: String) -> String { "\(containers)/\(id)" }

    /// A running container's bundle: `config.json`, `shim.sock`, `exit`, `rootfs`.
    func bundle(_ id: String) -> String { "\(bundles)/\(id)" }

    /// A layer's directory by its short name.
    func layer(_ name: String) -> String { "\(layers)/\(name)" }

    /// A volume's content.
    func volume(_ name: String) -> String { "\(volumes)/\(name)/_data" }
}
