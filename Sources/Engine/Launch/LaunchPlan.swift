internal import CTimber
internal import Confinement
internal import Errors
internal import LinuxKernel

/// The descriptors that travel with a plan: each is added once and referred to by its index.
struct DescriptorTable {
    /// The numbers; their owners must live until the message is sent.
    private(set) var numbers: [Int32] = []

    /// Adds a descriptor and returns its index, or TIMBER_NO_FD for none.
    mutating func add(_ number: Int32?) -> Int32 {
        guard let number else { return TIMBER_NO_FD }
        numbers.append(number)
        return Int32(numbers.count - 1)
    }
}

/// The parts of a launch that the OCI specification does not know: Timber's storage, descriptors and stdio.
/// Descriptors are numbers; whoever makes the context keeps their owners alive until the plan is sent.
struct LaunchContext {
    var id: String
    /// Layer directories relative to `layers`, highest first; empty: `upper` itself is the root.
    var lower: [String]
    var upper: String
    var work: String
    /// Skips syncing the upper directory at unmount; only for containers that are removed at exit.
    var volatile: Bool
    var rootfs: String
    var stdio: Stdio
    var seccomp: SeccompFilter?
    var layers: Int32
    var log: Int32?
    var bundle: Int32
    var network: Int32?
    var cgroupDirectory: Int32?
    var cgroupTasks: [Int32]
    /// v1 hierarchies as mount options of the cgroup file system: `memory`, `cpu,cpuacct`; empty on v2.
    var cgroupHierarchies: [String]
    var held: [Int32]
    var sources = MountSources()
    var logLimits: LogLimits
}

/// What a process has as 0, 1 and 2, and how it is started.
struct Stdio: Sendable {
    var openStdin = false
    var stdinOnce = false
    var initProcess = false
    var createWorkingDirectory = false
}

/// Compiles the OCI specification and its context into the flat plan that the shim executes.
enum LaunchPlan {
    /// The LAUNCH payload and the descriptors that go with it.
    /// - Throws: `TimberError.invalidArgument` for a NUL byte, too many descriptors, or a plan too large.
    static func compile(_ spec: RuntimeSpec, _ context: LaunchContext) throws -> (payload: [UInt8], table: DescriptorTable) {
        var buffer = PlanBuffer(headSize: MemoryLayout<timber_plan>.size)
        var table = DescriptorTable()
        var plan = timber_plan()
        plan.magic = TIMBER_PLAN_MAGIC
        plan.version = TIMBER_PLAN_VERSION
        plan.flags = spec.root.readonly ? TIMBER_PLAN_FLAG_READONLY_ROOT : 0
        for namespace in spec.linux.namespaces where namespace.path == nil { plan.clone_flags |= namespace.type.cloneFlag }
        if context.network != nil { plan.clone_flags &= ~RuntimeSpec.Namespace.Kind.network.cloneFlag }
        plan.process = try process(spec.process, stdio: context.stdio, seccomp: context.seccomp, into: &buffer)
        plan.id = try buffer.string(context.id)
        plan.hostname = try buffer.string(spec.hostname ?? "")
        plan.domainname = try buffer.string(spec.domainname ?? "")
        plan.lower = try buffer.string(context.lower.joined(separator: ":"))
        plan.upper = try buffer.string(context.upper)
        plan.work = try buffer.string(context.work)
        plan.overlay_options = try buffer.string(context.volatile ? "volatile,\(Overlay.options)" : Overlay.options)
        plan.rootfs = try buffer.string(context.rootfs)
        plan.mounts = try mounts(spec.mounts, context, into: &buffer, &table)
        // A /dev of the user's stays as it is, as under runc.
        let ownDev = !spec.mounts.contains { $0.destination == "/dev" && $0.type == "bind" }
        plan.devices = try devices(ownDev ? spec.linux.devices : [], into: &buffer)
        plan.links = try pairs(
            (ownDev ? DeviceNode.links.map { ($0.path, $0.target) } : []) + CgroupHierarchies.links(spec.mounts, context.cgroupHierarchies),
            into: &buffer)
        plan.sysctls = try pairs(
            spec.linux.sysctl.sorted { $0.key < $1.key }.map { ($0.key.replacing(".", with: "/"), $0.value) }, into: &buffer)
        plan.masked_paths = try buffer.strings(spec.linux.maskedPaths)
        plan.readonly_paths = try buffer.strings(spec.linux.readonlyPaths)
        plan.layers_fd = table.add(context.layers)
        plan.log_fd = table.add(context.log)
        plan.bundle_fd = table.add(context.bundle)
        plan.netns_fd = table.add(context.network)
        plan.ipcns_fd = TIMBER_NO_FD
        plan.utsns_fd = TIMBER_NO_FD
        plan.pidns_fd = TIMBER_NO_FD
        plan.cgroup_fd = table.add(context.cgroupDirectory)
        plan.cgroup_tasks_fds = buffer.array(context.cgroupTasks.map { table.add($0) })
        plan.held_fds = buffer.array(context.held.map { table.add($0) })
        plan.log_max_bytes = context.logLimits.bytes
        plan.log_max_files = context.logLimits.files
        guard table.numbers.count <= Int(TIMBER_FDS_MAX) else {
            throw TimberError(
                .invalidArgument, "too many published ports: at most \(Int(TIMBER_FDS_MAX) - 14) addresses and ports can be reserved")
        }
        plan.size = UInt32(buffer.bytes.count)
        return (try buffer.finish(plan), table)
    }

    /// Refuses at creation what no plan could hold: images and clients choose how much there is.
    /// - Throws: `TimberError.invalidArgument`.
    static func checkSize(_ definition: Definition) throws {
        let strings = (definition.arguments + definition.config.env).map(\.utf8.count)
        let mounts = definition.mounts.map { $0.source.utf8.count + $0.destination.utf8.count + MemoryLayout<timber_mount>.size }
        let bytes = strings.reduce(0) { $0 + $1 + MemoryLayout<timber_span>.size + 1 } + mounts.reduce(0, +)
        guard bytes <= Int(TIMBER_PLAN_MAX) else { throw PlanBuffer.tooLarge(bytes) }
    }

    /// The EXEC payload and the descriptors that go with it.
    static func compile(
        _ process: RuntimeSpec.Process, stdio: Stdio, seccomp: SeccompFilter?, cgroupDirectory: Int32?,
        cgroupTasks: [Int32]
    ) throws -> (payload: [UInt8], table: DescriptorTable) {
        var buffer = PlanBuffer(headSize: MemoryLayout<timber_exec>.size)
        var table = DescriptorTable()
        var exec = timber_exec()
        exec.magic = TIMBER_PLAN_MAGIC
        exec.version = TIMBER_PLAN_VERSION
        exec.process = try self.process(process, stdio: stdio, seccomp: seccomp, into: &buffer)
        exec.cgroup_fd = table.add(cgroupDirectory)
        exec.cgroup_tasks_fds = buffer.array(cgroupTasks.map { table.add($0) })
        exec.size = UInt32(buffer.bytes.count)
        return (try buffer.finish(exec), table)
    }

    private static func process(
        _ process: RuntimeSpec.Process, stdio: Stdio, seccomp: SeccompFilter?, into buffer: inout PlanBuffer
    ) throws -> timber_process {
        var result = timber_process()
        result.argv = try buffer.strings(process.args)
        result.env = try buffer.strings(process.env)
        result.cwd = try buffer.string(process.cwd)
        result.groups = buffer.array(process.user.additionalGids)
        result.rlimits = buffer.array(
            try (process.rlimits ?? []).map { limit in
                timber_rlimit(resource: try Rlimits.number(limit.type), reserved: 0, soft: limit.soft, hard: limit.hard)
            })
        if let seccomp {
            var span = buffer.array(seccomp.program)
            span.count = UInt32(seccomp.instructions)
            result.seccomp = span
        }
        result.caps_bounding = try CapabilitySet(names: process.capabilities.bounding).rawValue
        result.caps_effective = try CapabilitySet(names: process.capabilities.effective).rawValue
        result.caps_permitted = try CapabilitySet(names: process.capabilities.permitted).rawValue
        result.caps_inheritable = try CapabilitySet(names: process.capabilities.inheritable).rawValue
        result.caps_ambient = try CapabilitySet(names: process.capabilities.ambient).rawValue
        result.uid = process.user.uid
        result.gid = process.user.gid
        result.umask = process.user.umask ?? 0o022
        result.rows = process.consoleSize?.height ?? 0
        result.columns = process.consoleSize?.width ?? 0
        result.flags = flags(process, stdio)
        result.oom_score_adj = Int32(process.oomScoreAdj ?? 0)
        return result
    }

    private static func flags(_ process: RuntimeSpec.Process, _ stdio: Stdio) -> UInt32 {
        var flags: UInt32 = 0
        if process.terminal { flags |= TIMBER_PROCESS_TTY }
        if stdio.openStdin { flags |= TIMBER_PROCESS_STDIN }
        if stdio.stdinOnce { flags |= TIMBER_PROCESS_STDIN_ONCE }
        if stdio.initProcess { flags |= TIMBER_PROCESS_INIT }
        if stdio.createWorkingDirectory { flags |= TIMBER_PROCESS_CREATE_CWD }
        if process.noNewPrivileges { flags |= TIMBER_PROCESS_NO_NEW_PRIVILEGES }
        if process.oomScoreAdj != nil { flags |= TIMBER_PROCESS_OOM_SCORE }
        return flags
    }

    private static func mounts(
        _ mounts: [RuntimeSpec.Mount], _ context: LaunchContext, into buffer: inout PlanBuffer, _ table: inout DescriptorTable
    ) throws -> timber_span {
        var result: [timber_mount] = []
        for mount in mounts {
            if mount.type == "cgroup", !context.cgroupHierarchies.isEmpty {
                for one in cgroupV1(mount, context.cgroupHierarchies) {
                    result.append(try self.mount(one, type: one.type, into: &buffer))
                }
            } else {
                // The specification says "cgroup" for both versions, the kernel does not.
                var compiled = try self.mount(mount, type: mount.type == "cgroup" ? "cgroup2" : mount.type, into: &buffer)
                if mount.type == "bind" {
                    let source = context.sources[mount.destination]
                    // What is not the user's are the daemon's files in /etc, and directories of the host.
                    if source?.isFile ?? mount.destination.hasPrefix("/etc/") { compiled.flags |= TIMBER_MOUNT_FLAG_TARGET_FILE }
                    if let opened = source?.opened { compiled.source_fd = table.add(opened.raw) }
                }
                result.append(compiled)
            }
        }
        return buffer.array(result)
    }

    private static func mount(
        _ mount: RuntimeSpec.Mount, type: String, into buffer: inout PlanBuffer
    ) throws -> timber_mount {
        let options = MountOptions(mount.options)
        var result = timber_mount()
        result.kind = options.bind ? TIMBER_MOUNT_BIND : TIMBER_MOUNT_FS
        result.attributes = options.attributes
        result.propagation = options.propagation
        result.source_fd = TIMBER_NO_FD
        result.mode = 0o755
        if options.recursive { result.flags |= TIMBER_MOUNT_FLAG_RECURSIVE }
        if options.bind, options.attributes & UInt64(MOUNT_ATTR_RDONLY) != 0, !options.readOnlyToItsDepth {
            result.flags |= TIMBER_MOUNT_FLAG_READONLY_TOP
        }
        if options.copyUp { result.flags |= TIMBER_MOUNT_FLAG_COPY_UP }
        if !options.bind, type != "tmpfs" || mount.destination == "/dev" { result.flags |= TIMBER_MOUNT_FLAG_NO_SYMLINK }
        result.target = try buffer.string(mount.destination)
        result.source = try buffer.string(options.bind ? mount.source : type)
        if !options.bind {
            var spans: [timber_option] = []
            for option in options.fileSystem {
                spans.append(timber_option(key: try buffer.string(option.key), value: try buffer.string(option.value ?? "")))
            }
            result.options = buffer.array(spans)
        }
        return result
    }

    /// On cgroup v1 and hybrid hosts the container sees a tmpfs with one mount per hierarchy.
    private static func cgroupV1(_ mount: RuntimeSpec.Mount, _ hierarchies: [String]) -> [RuntimeSpec.Mount] {
        let root = RuntimeSpec.Mount(
            destination: mount.destination, type: "tmpfs", source: "tmpfs", options: mount.options + ["mode=755", "size=65536"])
        return [root]
            + hierarchies.map { hierarchy in
                RuntimeSpec.Mount(
                    destination: "\(mount.destination)/\(hierarchy)", type: "cgroup", source: "cgroup",
                    options: mount.options + hierarchy.split(separator: ",").map(String.init))
            }
    }

    private static func devices(_ devices: [RuntimeSpec.Device], into buffer: inout PlanBuffer) throws -> timber_span {
        var result: [timber_device] = []
        for device in devices {
            let type: UInt32 = device.type == "b" ? 0o060000 : device.type == "p" ? 0o010000 : 0o020000
            result.append(
                timber_device(
                    path: try buffer.string(device.path), mode: type | device.fileMode, major: device.major, minor: device.minor,
                    uid: device.uid, gid: device.gid, reserved: 0))
        }
        return buffer.array(result)
    }

    private static func pairs(_ pairs: [(String, String)], into buffer: inout PlanBuffer) throws -> timber_span {
        var result: [timber_pair] = []
        for (path, value) in pairs {
            result.append(timber_pair(path: try buffer.string(path), value: try buffer.string(value)))
        }
        return buffer.array(result)
    }
}

extension RuntimeSpec.Namespace.Kind {
    /// CLONE_NEW* as clone(2) has it; the cgroup namespace is unshared by the child after it joined its cgroups.
    var cloneFlag: UInt64 {
        switch self {
        case .pid: 0x2000_0000
        case .mount: 0x0002_0000
        case .network: 0x4000_0000
        case .ipc: 0x0800_0000
        case .uts: 0x0400_0000
        case .cgroup: 0x0200_0000
        }
    }
}
