internal import LinuxKernel

/// Where Timber keeps things. Everything is below two directories that only root can enter: `data` survives a boot, `run` does not.
struct Paths: Sendable {
    let data: String
    let run: String

    /// Makes both directories, 0700 (CVE-2021-41091, CVE-2024-25621).
    init(data: String, run: String) throws {
        self.data = data
        self.run = run
        for path in [data, run] { try Files.makeDirectories(path) }
        for path in [containers, bundles, volumes, trash] { try Files.makeDirectory(path) }
    }

    var containers: String { "\(data)/containers" }
    var bundles: String { "\(run)/containers" }
    var volumes: String { "\(data)/volumes" }
    var trash: String { "\(data)/trash" }
    var database: String { "\(data)/state.db" }
    var lock: String { "\(data)/lock" }

    /// A container's own files: `upper`, `work`, `log`, `hostname`, `hosts`, `resolv.conf`.
    func container(_ id: String) -> String { "\(containers)/\(id)" }

    /// A running container's bundle: `config.json`, `shim.sock`, `exit`, `rootfs`.
    func bundle(_ id: String) -> String { "\(bundles)/\(id)" }

    /// A volume's content.
    func volume(_ name: String) -> String { "\(volumes)/\(name)/_data" }
}
