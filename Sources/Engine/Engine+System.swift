internal import CTimber
internal import Cgroups
public import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Engine {
    /// The daemon's own version.
    public static let version = "0.1.0"

    /// Version of the daemon and its host; the server adds the API versions.
    public func systemVersion() -> SystemVersion {
        var result = SystemVersion()
        let host = Uname()
        result.platform = PlatformName(name: "Timber")
        result.version = Self.version
        result.os = "linux"
        result.arch = host.architecture
        result.kernelVersion = host.release
        result.components = [ComponentVersion(name: "timberd", version: Self.version)]
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
        info.containersRunning = snapshots.filter { $0.lifecycle.run?.paused == false }.count
        info.containersStopped = snapshots.count - info.containersRunning - info.containersPaused
        info.images = services.images.list().count
        info.driver = "overlay2"
        info.loggingDriver = "json-file"
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
        info.operatingSystem = "Linux"
        info.osType = "linux"
        info.architecture = host.machine
        info.processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        info.memTotal = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        info.dockerRootDir = services.paths.data
        info.name = HostName.current
        info.serverVersion = Self.version
        info.defaultRuntime = "timber"
        info.runtimes = ["timber": RuntimeInfo(path: configuration.shimPath)]
        info.liveRestoreEnabled = true
        info.securityOptions = ["name=seccomp,profile=builtin"]
        info.systemTime = Timestamp.now().rfc3339
        return info
    }

    /// What happens from now on, as it matches the filters.
    public func events(filters: [String: [String]]) -> AsyncStream<EventMessage> {
        let source = services.events.listen()
        let (stream, continuation) = AsyncStream.makeStream(of: EventMessage.self)
        let pump = Task {
            for await event in source where Self.matches(event, filters) { continuation.yield(event) }
            continuation.finish()
        }
        continuation.onTermination = { _ in pump.cancel() }
        return stream
    }

    private static func matches(_ event: EventMessage, _ filters: [String: [String]]) -> Bool {
        func any(_ key: String, _ test: (String) -> Bool) -> Bool {
            guard let values = filters[key], !values.isEmpty else { return true }
            return values.contains(where: test)
        }
        return any("type") { event.type == $0 } && any("event") { event.action == $0 || event.action.hasPrefix("\($0):") }
            && any("container") { event.actor.id.hasPrefix($0) || event.actor.attributes["name"] == $0 }
            && any("image") { event.actor.attributes["image"] == $0 }
            && (filters["label"] ?? []).allSatisfy { label in
                let parts = label.split(separator: "=", maxSplits: 1).map(String.init)
                guard let value = event.actor.attributes[parts[0]] else { return false }
                return parts.count == 1 || value == parts[1]
            }
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
