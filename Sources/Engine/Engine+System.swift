internal import CTimber
internal import Cgroups
public import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Engine {
    /// Version of the daemon and its host; the server adds the API versions.
    public func systemVersion() -> SystemVersion {
        var result = SystemVersion()
        let host = Uname()
        result.platform = PlatformName(name: "Timber")
        result.version = TimberVersion.text
        result.os = "linux"
        result.arch = host.architecture
        result.kernelVersion = host.release
        // Clients print the details of the part that is called Engine, and make one up where there is none.
        result.components = [
            ComponentVersion(
                name: "Engine", version: TimberVersion.text,
                details: ["Arch": host.architecture, "KernelVersion": host.release, "Os": "linux", "Experimental": "false"])
        ]
        return result
    }

    /// State of the daemon and its host.
    public func systemInfo() throws -> SystemInfo {
        var info = SystemInfo()
        let host = Uname()
        let snapshots = services.registry.snapshots
        info.id = services.bootID
        info.containers = snapshots.count
        info.containersPaused = snapshots.filter { $0.lifecycle.run?.paused == true }.count
        info.containersRunning = snapshots.filter { $0.lifecycle.isUp }.count - info.containersPaused
        info.containersStopped = snapshots.count - info.containersRunning - info.containersPaused
        info.images = services.images.list().count
        info.driver = "overlay2"
        info.eventListeners = services.events.listeners
        info.loggingDriver = "json-file"
        info.plugins = PluginsInfo(volume: ["local"], network: BuiltInNetwork.allCases.map(\.driver).sorted(), log: ["json-file", "local"])
        info.cgroupDriver = "cgroupfs"
        info.cgroupVersion = services.cgroups.layout.kind == .v2 ? "2" : "1"
        let features = services.cgroups.features
        info.memoryLimit = features.memory
        info.swapLimit = features.swap
        info.cpuSet = features.cpuset
        info.pidsLimit = features.pids
        info.cpuShares = true
        info.cpuCfsQuota = true
        info.cpuCfsPeriod = true
        info.ipv4Forwarding = true
        info.kernelVersion = host.release
        let system = try OperatingSystem.current()
        info.operatingSystem = system.name
        info.osVersion = system.version
        info.osType = "linux"
        info.architecture = host.machine
        info.processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        info.memTotal = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        info.dockerRootDir = services.paths.data
        info.name = HostName.current
        info.serverVersion = TimberVersion.text
        info.defaultRuntime = "timber"
        info.runtimes = ["timber": RuntimeInfo(path: configuration.shimPath)]
        // Clients print these lines in any case: the shim is the init of --init, and there is neither runc nor containerd.
        info.initBinary = "timber-shim"
        info.initCommit = CommitInfo(id: TimberVersion.text)
        info.containerdCommit = CommitInfo(id: "N/A")
        info.runcCommit = CommitInfo(id: "N/A")
        info.liveRestoreEnabled = true
        info.securityOptions = ["name=seccomp,profile=builtin", "name=cgroupns"]
        info.systemTime = Timestamp.now().rfc3339
        return info
    }
}

/// uname(2).
struct Uname {
    var release: String
    var machine: String

    init() {
        var name = utsname()
        uname(&name)
        release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        machine = withUnsafeBytes(of: name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// As images name it.
    var architecture: String {
        ["x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"][machine] ?? machine
    }
}

/// The distribution, by os-release(5).
struct OperatingSystem: Equatable {
    var name = "Linux"
    var version = ""

    /// Of this host.
    static func current() throws -> OperatingSystem {
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            do {
                return OperatingSystem(parsing: String(decoding: try Files.read(path, limit: 64 << 10), as: UTF8.self))
            } catch let error as SystemError where error.errno == ENOENT {
                continue
            }
        }
        return OperatingSystem()
    }

    private init() {}

    init(parsing text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = String(parts[1].filter { $0 != "\"" && $0 != "'" })
            switch parts[0] {
            case "PRETTY_NAME": name = value
            case "VERSION_ID": version = value
            default: break
            }
        }
    }
}
