internal import Confinement
internal import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

/// Turns a definition into the OCI specification of one start.
struct SpecBuilder {
    let definition: Definition
    let hostname: String
    let identity: UserDatabase.Identity
    let grant: CapabilityGrant
    let security: SecurityOptions
    let sources: MountSources
    /// Where the container's /etc/hostname, hosts and resolv.conf are.
    let etcDirectory: String
    let cgroupsPath: String
    /// The path of the network namespace for `config.json`, when the container has one of its own.
    let networkPath: String?
    /// Whether the network is the host's, by itself or by the container that it shares it with.
    let sharesHostNetwork: Bool
    /// The limit when the container asks for none of its own; nil: the daemon's.
    let descriptors: DescriptorLimit?

    func build() throws -> RuntimeSpec {
        let host = definition.host
        // In the host's UTS namespace both names are the host's.
        let ownNames = host.utsMode != "host"
        return RuntimeSpec(
            process: try process(),
            root: RuntimeSpec.Root(path: "rootfs", readonly: host.readonlyRootfs),
            hostname: ownNames ? hostname : nil,
            domainname: ownNames && !definition.config.domainname.isEmpty ? definition.config.domainname : nil,
            mounts: systemMounts + etcMounts + definition.mounts.map(mount),
            linux: try linux(),
            annotations: host.annotations.isEmpty ? nil : host.annotations)
    }

    // MARK: Process

    private func process() throws -> RuntimeSpec.Process {
        let config = definition.config
        guard !definition.arguments.isEmpty else {
            throw TimberError(.invalidArgument, "no command specified: the image has none, so give one after the image's name")
        }
        return RuntimeSpec.Process(
            terminal: config.tty, consoleSize: config.tty ? Self.consoleSize(definition.host.consoleSize) : nil, user: user,
            args: definition.arguments, env: Self.environment(hostname: hostname, definition, home: identity.home),
            cwd: config.workingDir.isEmpty ? "/" : config.workingDir,
            capabilities: Self.capabilities(grant, uid: identity.uid), rlimits: try Self.rlimits(definition, descriptors),
            noNewPrivileges: security.noNewPrivileges,
            oomScoreAdj: Self.oomScore(definition))
    }

    /// Only root has them; for another user they bound what programs with capabilities of their own can have. execve would take
    /// them away in any case, but not before it has used them to find and open the program.
    static func capabilities(_ grant: CapabilityGrant, uid: UInt32) -> RuntimeSpec.Capabilities {
        let names = grant.capabilities.names
        let held = uid == 0 ? names : []
        return RuntimeSpec.Capabilities(bounding: names, effective: held, permitted: held)
    }

    /// nil: as the daemon has it.
    static func oomScore(_ definition: Definition) -> Int? {
        definition.host.oomScoreAdj == 0 ? nil : definition.host.oomScoreAdj
    }

    private var user: RuntimeSpec.User {
        RuntimeSpec.User(uid: identity.uid, gid: identity.gid, additionalGids: identity.groups)
    }

    /// Docker's `[rows, columns]`; nil unless both are given.
    static func consoleSize(_ size: [Int]) -> RuntimeSpec.ConsoleSize? {
        guard size.count == 2, let rows = UInt16(exactly: size[0]), let columns = UInt16(exactly: size[1]), rows > 0, columns > 0
        else { return nil }
        return RuntimeSpec.ConsoleSize(height: rows, width: columns)
    }

    /// Docker's order: defaults, then the image's and the request's, then HOME from the image's passwd when nobody set it.
    static func environment(hostname: String, _ definition: Definition, home: String) -> [String] {
        var base = Environment(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=\(hostname)"])
        if definition.config.tty { base.set("TERM=xterm") }
        for variable in definition.config.env { base.set(variable) }
        if base["HOME"] == nil { base.set("HOME=\(home)") }
        return base.variables
    }

    /// What every process of a container gets, also one of an exec.
    static func rlimits(_ definition: Definition, _ descriptors: DescriptorLimit?) throws -> [RuntimeSpec.Rlimit]? {
        let files = "RLIMIT_NOFILE"
        var limits = try definition.host.resources.ulimits.map { limit in
            _ = try Rlimits.number(limit.name)
            return RuntimeSpec.Rlimit(
                type: "RLIMIT_\(limit.name.uppercased())", soft: Self.limit(limit.soft), hard: Self.limit(limit.hard))
        }
        if let descriptors, !limits.contains(where: { $0.type == files }) {
            limits.append(RuntimeSpec.Rlimit(type: files, soft: descriptors.soft, hard: descriptors.hard))
        }
        return limits.isEmpty ? nil : limits
    }

    private static func limit(_ value: Int64) -> UInt64 {
        value < 0 ? UInt64.max : UInt64(value)
    }

    // MARK: Mounts

    private var systemMounts: [RuntimeSpec.Mount] {
        let host = definition.host
        let readOnly = host.privileged ? [] : ["ro"]
        let shmSize = host.shmSize == 0 ? 64 << 20 : host.shmSize
        var mounts = [
            RuntimeSpec.Mount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            RuntimeSpec.Mount(
                destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            RuntimeSpec.Mount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            RuntimeSpec.Mount(
                destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev"] + readOnly),
            RuntimeSpec.Mount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                options: ["nosuid", "noexec", "nodev", "relatime"] + readOnly),
        ]
        if host.ipcMode == "host" {
            mounts.append(Self.bind("/dev/mqueue", "/dev/mqueue"))
            mounts.append(Self.bind("/dev/shm", "/dev/shm"))
        } else {
            mounts.append(
                RuntimeSpec.Mount(
                    destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]))
            mounts.append(
                RuntimeSpec.Mount(
                    destination: "/dev/shm", type: "tmpfs", source: "shm",
                    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=\(shmSize)"]))
        }
        let replaced = Set(definition.mounts.map(\.destination))
        // Whoever brings a /dev brings all of it.
        let ownDev = !replaced.contains("/dev")
        return mounts.filter { !replaced.contains($0.destination) && (ownDev || !$0.destination.hasPrefix("/dev/")) }
    }

    /// The files that the daemon writes and the container sees; a mount of the user at the same place wins.
    private var etcMounts: [RuntimeSpec.Mount] {
        let replaced = Set(definition.mounts.map(\.destination))
        return EtcFiles.names.compactMap { name in
            replaced.contains("/etc/\(name)") ? nil : Self.bind("\(etcDirectory)/\(name)", "/etc/\(name)")
        }
    }

    private static func bind(_ source: String, _ destination: String) -> RuntimeSpec.Mount {
        RuntimeSpec.Mount(destination: destination, type: "bind", source: source, options: ["rbind", "rprivate"])
    }

    private func mount(_ mount: MountSpec) -> RuntimeSpec.Mount {
        switch mount.kind {
        case .bind, .volume:
            let propagation = mount.propagation.isEmpty ? "rprivate" : mount.propagation
            let source = sources[mount.destination]
            let isRecursive = mount.recursive && source?.isRecursive != false
            // What is read-only is so to its depth, which the specification calls rro.
            let readOnly = isRecursive ? "rro" : "ro"
            let access = mount.readOnly ? (mount.writableBelow == true ? "ro" : readOnly) : "rw"
            return RuntimeSpec.Mount(
                destination: mount.destination, type: "bind", source: source?.path ?? mount.source,
                options: [isRecursive ? "rbind" : "bind", propagation, access]
                    + (source?.options ?? []).map { $0 == "ro" ? readOnly : $0 })
        case .tmpfs:
            let defaults = ["nosuid", "nodev", "noexec"]
            let ownMode = mount.options.contains { $0.hasPrefix("mode=") }
            return RuntimeSpec.Mount(
                destination: mount.destination, type: "tmpfs", source: "tmpfs",
                options: defaults + mount.options + (ownMode ? [] : ["mode=1777"]) + (mount.readOnly ? ["ro"] : []))
        }
    }

    // MARK: Linux

    private func linux() throws -> RuntimeSpec.Linux {
        let host = definition.host
        let privileged = host.privileged
        var sharing: Sysctls.SharedNamespaces = []
        if sharesHostNetwork { sharing.insert(.hostNetwork) }
        if case .container = definition.network { sharing.insert(.containerNetwork) }
        if host.ipcMode == "host" { sharing.insert(.hostIPC) }
        if host.utsMode == "host" { sharing.insert(.hostUTS) }
        let sysctls = try Sysctls.effective(host.sysctls, sharing: sharing)
        return RuntimeSpec.Linux(
            namespaces: namespaces, cgroupsPath: cgroupsPath,
            resources: RuntimeSpec.Resources(ResourceMapping.cgroup(host.resources), rules: try Devices.rules(host)),
            devices: try Devices.nodes(host),
            sysctl: Dictionary(
                sysctls.map { ($0.path.replacing("/", with: "."), $0.value) }, uniquingKeysWith: { $1 }),
            maskedPaths: privileged || !security.maskPaths ? [] : host.maskedPaths ?? DefaultPaths.masked,
            readonlyPaths: privileged || !security.maskPaths ? [] : host.readonlyPaths ?? DefaultPaths.readOnly,
            rootfsPropagation: nil)
    }

    private var namespaces: [RuntimeSpec.Namespace] {
        var result = [RuntimeSpec.Namespace(type: .pid), RuntimeSpec.Namespace(type: .mount), RuntimeSpec.Namespace(type: .cgroup)]
        if definition.host.ipcMode != "host" { result.append(RuntimeSpec.Namespace(type: .ipc)) }
        if definition.host.utsMode != "host" { result.append(RuntimeSpec.Namespace(type: .uts)) }
        switch definition.network {
        case .host: break
        case .container: result.append(RuntimeSpec.Namespace(type: .network, path: networkPath))
        case .bridge, .none, .user: result.append(RuntimeSpec.Namespace(type: .network))
        }
        return result
    }
}
