internal import Confinement
public import DockerAPI
internal import Errors

extension Engine {
    /// Everything about one container, from the snapshot.
    public func inspectContainer(_ name: String, size: Bool) async throws -> ContainerInspect {
        let snapshot = try snapshot(name)
        let definition = snapshot.definition
        let directory = services.paths.container(snapshot.id)
        let names = services.hostNames(of: snapshot.id, definition)
        var result = ContainerInspect()
        result.id = snapshot.id
        result.created = definition.created.rfc3339
        result.path = definition.arguments.first ?? ""
        result.args = Array(definition.arguments.dropFirst())
        result.state = InspectMapping.state(snapshot)
        result.image = definition.image
        result.resolvConfPath = "\(names.directory)/resolv.conf"
        result.hostnamePath = "\(names.directory)/hostname"
        result.hostsPath = "\(names.directory)/hosts"
        result.logPath = "\(directory)/log"
        result.name = "/\(snapshot.name)"
        result.restartCount = snapshot.lifecycle.restarts.count
        result.driver = "overlay2"
        result.platform = "linux"
        result.execIDs = snapshot.execIDs
        result.hostConfig = try withDefaults(definition.host)
        result.graphDriver = DriverData(
            data: ["UpperDir": "\(directory)/upper", "WorkDir": "\(directory)/work"], name: "overlay2")
        result.mounts = InspectMapping.mounts(snapshot, services.volumes)
        result.config = definition.config
        result.config.hostname = names.hostname
        result.networkSettings = InspectMapping.networkSettings(snapshot)
        if size {
            let own = try await containerSize(snapshot.id)
            result.sizeRw = own
            result.sizeRootFs = own + imageSize(definition.image)
        }
        return result
    }

    /// What holds where the request said nothing, as Docker tells it.
    private func withDefaults(_ given: HostConfig) throws -> HostConfig {
        var host = given
        if host.restartPolicy.name.isEmpty { host.restartPolicy.name = "no" }
        if host.logConfig.type.isEmpty { host.logConfig.type = "json-file" }
        if host.shmSize == 0 { host.shmSize = 64 << 20 }
        if host.ipcMode.isEmpty { host.ipcMode = "private" }
        if host.cgroupnsMode.isEmpty { host.cgroupnsMode = "private" }
        if host.runtime.isEmpty { host.runtime = "timber" }
        if !host.privileged, try SecurityOptions(parsing: host.securityOpt).maskPaths {
            host.maskedPaths = host.maskedPaths ?? DefaultPaths.masked
            host.readonlyPaths = host.readonlyPaths ?? DefaultPaths.readOnly
        }
        return host
    }
}
