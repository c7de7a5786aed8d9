internal import DockerAPI

/// Turns the flags of `create` and `run` into a request.
struct CreateRequestBuilder {
    let options: ContainerOptions
    let image: String
    let command: [String]
    /// `run -d`: nobody attaches.
    let isDetached: Bool
    /// The caller's terminal, which gives the first window its size.
    let window: Terminal.Size?

    /// The body of `POST /containers/create`.
    /// - Throws: `CommandFailure` (125) that names the flag.
    func build() throws -> ContainerCreateRequest {
        let networks = try NetworkSpec.all(options.network)
        var request = ContainerCreateRequest(config: try config(), hostConfig: try hostConfig(), networkingConfig: NetworkingConfig())
        request.hostConfig.networkMode = networks[0].name
        // One network of which nothing is asked is named by the mode.
        if networks.count > 1 || networks[0].settings != EndpointSettings() {
            for network in networks { request.networkingConfig.endpointsConfig[network.name] = network.settings }
        }
        return request
    }

    /// Which streams the caller wants: those of `-a`, otherwise output, and input with `-i`.
    func streams() throws -> (input: Bool, output: Bool, errors: Bool) {
        if isDetached {
            if !options.attach.isEmpty {
                throw CommandFailure("-d and -a exclude each other: a detached container has no streams", status: 125)
            }
            return (false, false, false)
        }
        if options.attach.isEmpty { return (options.interactive, true, true) }
        let names = options.attach.map { $0.lowercased() }
        if let unknown = names.first(where: { !["stdin", "stdout", "stderr"].contains($0) }) {
            throw CommandFailure("invalid -a \(Printable(unknown)): give stdin, stdout or stderr", status: 125)
        }
        return (names.contains("stdin"), names.contains("stdout"), names.contains("stderr"))
    }

    private func config() throws -> ContainerConfig {
        let process = options.process
        let streams = try streams()
        var config = ContainerConfig()
        config.hostname = options.network.hostname ?? ""
        config.domainname = options.network.domainname ?? ""
        config.user = process.user ?? ""
        config.attachStdin = streams.input
        config.attachStdout = streams.output
        config.attachStderr = streams.errors
        config.exposedPorts = Set(
            try options.network.expose.flatMap(PortSpec.expose) + options.network.publish.flatMap(PortSpec.publish).map(\.port))
        config.tty = options.tty
        config.openStdin = options.interactive
        config.stdinOnce = options.interactive && streams.input
        config.env = try KeyValueFile.environment(files: process.envFile, items: process.env)
        config.cmd = command.isEmpty ? nil : command
        config.image = image
        config.volumes = Set(try volumes().compactMap { if case .anonymous(let path) = $0 { path } else { nil } })
        config.workingDir = process.workdir ?? ""
        config.entrypoint = process.entrypoint.map { [$0] }
        config.labels = try KeyValueFile.labels(files: process.labelFile, items: process.label)
        config.healthcheck = try options.health.config()
        config.stopSignal = process.stopSignal ?? ""
        config.stopTimeout = try process.stopTimeout.map { try Numbers.whole(flag: "--stop-timeout", $0) }
        return config
    }

    private func hostConfig() throws -> HostConfig {
        let process = options.process
        var host = HostConfig()
        host.binds = try volumes().compactMap { if case .bind(let bind) = $0 { bind } else { nil } }
        host.containerIDFile = options.cidfile ?? ""
        host.logConfig = LogConfig(
            type: process.logDriver ?? "", config: try Self.pairs(process.logOpt, flag: "--log-opt", bare: true))
        host.links = options.network.link
        for mapping in try options.network.publish.flatMap(PortSpec.publish) {
            host.portBindings[mapping.port, default: []].append(mapping.binding)
        }
        host.publishAllPorts = options.network.publishAll
        host.autoRemove = options.rm
        if let policy = try process.restart.map(RestartSpec.parse) {
            if options.rm && policy.name != "no" {
                throw CommandFailure("--restart and --rm exclude each other: a container that is removed cannot start again", status: 125)
            }
            host.restartPolicy = policy
        }
        if options.tty, let window { host.consoleSize = [window.height, window.width] }
        host.capAdd = Capabilities.normalised(options.confinement.capAdd)
        host.capDrop = Capabilities.normalised(options.confinement.capDrop)
        for address in options.network.dns where !IPAddress.isValid(address) {
            throw CommandFailure("invalid --dns \(Printable(address)): it is not an address", status: 125)
        }
        host.dns = options.network.dns
        host.dnsSearch = options.network.dnsSearch
        host.dnsOptions = options.network.dnsOption
        host.extraHosts = try options.network.addHost.map(HostEntry.parse)
        host.groupAdd = process.groupAdd
        host.privileged = options.confinement.privileged
        host.readonlyRootfs = options.files.readOnly
        host.mounts = try options.files.mount.map { try MountSpec.parse($0, workingDirectory: Files.workingDirectory) }
        host.tmpfs = try tmpfs()
        host.volumesFrom = options.files.volumesFrom
        host.volumeDriver = options.files.volumeDriver ?? ""
        host.shmSize = try options.files.shmSize.map { try Numbers.bytes(flag: "--shm-size", $0) } ?? 0
        host.sysctls = try Self.pairs(options.confinement.sysctl, flag: "--sysctl")
        host.annotations = try Self.pairs(process.annotation, flag: "--annotation", bare: true)
        host.ipcMode = options.confinement.ipc ?? ""
        host.utsMode = options.confinement.uts ?? ""
        host.usernsMode = options.confinement.userns ?? ""
        host.cgroupnsMode = options.confinement.cgroupns ?? ""
        host.runtime = options.confinement.runtime ?? ""
        host.runInit = process.`init` ? true : nil
        host.resources = try resources()
        if let score = options.resources.oomScoreAdj {
            host.oomScoreAdj = try Numbers.whole(flag: "--oom-score-adj", score)
            guard (-1000...1000).contains(host.oomScoreAdj) else {
                throw CommandFailure("invalid --oom-score-adj \(score): it is -1000 to 1000", status: 125)
            }
        }
        let security = try SecurityOptions(parsing: options.confinement.securityOpt)
        host.securityOpt = security.options
        if security.unconfinesSystemPaths {
            host.maskedPaths = []
            host.readonlyPaths = []
        }
        return host
    }

    private func resources() throws -> Resources {
        let flags = options.resources
        var resources = try flags.limits.resources()
        resources.memorySwappiness = try flags.memorySwappiness.map { try Numbers.whole(flag: "--memory-swappiness", $0) }
        resources.oomKillDisable = flags.oomKillDisable ? true : nil
        resources.ulimits = try UlimitSpec.all(flags.ulimit)
        resources.devices = try options.files.device.map(DeviceSpec.parse)
        resources.deviceCgroupRules = options.files.deviceCgroupRule
        return resources
    }

    private func volumes() throws -> [VolumeSpec] {
        try options.files.volume.map { try VolumeSpec(parsing: $0, workingDirectory: Files.workingDirectory) }
    }

    private func tmpfs() throws -> [String: String] {
        var result: [String: String] = [:]
        for text in options.files.tmpfs {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts[0].hasPrefix("/") else {
                throw CommandFailure("invalid --tmpfs \(Printable(text)): the path in the container must start with /", status: 125)
            }
            result[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        return result
    }

    /// `NAME=VALUE` of a flag; of one name the last.
    /// - Parameter bare: whether a name alone is one with an empty value.
    private static func pairs(_ items: [String], flag: String, bare: Bool = false) throws -> [String: String] {
        var result: [String: String] = [:]
        for text in items {
            let (name, value) = KeyValue.split(text)
            guard let value = value ?? (bare ? "" : nil), !name.isEmpty else {
                throw CommandFailure("invalid \(flag) \(Printable(text)): give NAME=VALUE", status: 125)
            }
            result[name] = value
        }
        return result
    }
}

/// `--security-opt`: a seccomp profile is a file of the caller's, so its text travels in the request.
struct SecurityOptions {
    private(set) var options: [String] = []
    /// `systempaths=unconfined`: nothing of /proc is masked.
    private(set) var unconfinesSystemPaths = false

    init(parsing items: [String]) throws {
        for item in items {
            // An old form has a colon instead of the equals sign.
            let separator = item.contains("=") ? "=" : ":"
            let parts = item.split(separator: separator, maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let (name, value) = (parts[0], parts.count == 2 ? parts[1] : nil)
            if name == "no-new-privileges" {
                guard value.map({ Truth.parse($0) != nil }) ?? true else { throw SecurityOptions.failure(item, "it is true or false") }
                options.append(parts.joined(separator: "="))
                continue
            }
            guard let value, !value.isEmpty else { throw SecurityOptions.failure(item, "give NAME=VALUE") }
            if name == "systempaths", value == "unconfined" {
                unconfinesSystemPaths = true
            } else if name == "seccomp", value != "unconfined", value != "builtin" {
                let profile = try Files.read(value, limit: 4 << 20, status: 125)
                do {
                    options.append("seccomp=\(try JSONValue(parsing: profile).compact)")
                } catch let error as JSONSyntaxError {
                    throw SecurityOptions.failure(item, "\(error)")
                }
            } else {
                options.append(parts.joined(separator: "="))
            }
        }
    }

    private static func failure(_ item: String, _ reason: String) -> CommandFailure {
        CommandFailure("invalid --security-opt \(Printable(item)): \(reason)", status: 125)
    }
}
