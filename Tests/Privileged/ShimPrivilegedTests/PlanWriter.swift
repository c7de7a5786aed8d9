import CTimber
import Errors

/// Writes the data area of a plan: appends, and says where.
struct PlanWriter {
    private(set) var bytes: [UInt8]

    init(header: Int) {
        bytes = [UInt8](repeating: 0, count: header)
        align()
    }

    mutating func string(_ text: String) -> timber_span {
        let span = timber_span(offset: UInt32(bytes.count), count: UInt32(text.utf8.count))
        bytes.append(contentsOf: Array(text.utf8))
        bytes.append(0)
        align()
        return span
    }

    mutating func strings(_ texts: [String]) -> timber_span {
        let spans = texts.map { string($0) }
        return array(spans)
    }

    mutating func array<Element>(_ elements: [Element]) -> timber_span {
        let span = timber_span(offset: UInt32(bytes.count), count: UInt32(elements.count))
        elements.withUnsafeBytes { bytes.append(contentsOf: $0) }
        align()
        return span
    }

    mutating func finish<Header>(_ header: Header) -> [UInt8] {
        withUnsafeBytes(of: header) { bytes.replaceSubrange(0..<$0.count, with: $0) }
        return bytes
    }

    private mutating func align() {
        while bytes.count % 8 != 0 { bytes.append(0) }
    }
}

/// What a test wants to run.
struct ProcessSpec {
    var arguments: [String]
    var environment = ["PATH=/bin:/usr/bin", "TERM=xterm"]
    var directory = "/"
    var groups: [UInt32] = []
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var umask: UInt32 = 0o22
    var flags: UInt32 = 0
    var limits: [timber_rlimit] = []
    var seccomp: [sock_filter] = []
    var bounding: UInt64 = ProcessSpec.defaultCapabilities
    var capabilities: UInt64 = ProcessSpec.defaultCapabilities
    var ambient: UInt64 = 0
    var inheritable: UInt64 = 0
    var oomScore: Int32 = 0
    var rows: UInt16 = 0
    var columns: UInt16 = 0

    /// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, SETFCAP.
    static let defaultCapabilities: UInt64 = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31].reduce(0) { $0 | 1 << UInt64($1) }

    init(_ arguments: [String]) {
        self.arguments = arguments
    }

    /// A shell command line.
    init(sh command: String) {
        self.init(["/bin/sh", "-c", command])
    }

    func encode(_ writer: inout PlanWriter) -> timber_process {
        var process = timber_process()
        process.argv = writer.strings(arguments)
        process.env = writer.strings(environment)
        process.cwd = writer.string(directory)
        process.groups = writer.array(groups)
        process.rlimits = writer.array(limits)
        process.seccomp = writer.array(seccomp)
        process.caps_bounding = bounding
        process.caps_effective = uid == 0 ? capabilities : 0
        process.caps_permitted = uid == 0 ? capabilities : ambient
        process.caps_inheritable = inheritable
        process.caps_ambient = ambient
        if ambient != 0 { process.caps_effective |= ambient }
        process.uid = uid
        process.gid = gid
        process.umask = umask
        process.flags = flags
        process.rows = rows
        process.columns = columns
        process.oom_score_adj = oomScore
        return process
    }
}

struct MountSpec {
    var kind: UInt32
    var source: String
    var target: String
    var flags: UInt32 = 0
    var attributes: UInt64 = 0
    var propagation: UInt64 = 0
    var options: [(String, String)] = []
    var descriptor: Int32?
    var mode: UInt32 = 0o755

    static func fileSystem(
        _ type: String, _ target: String, _ options: [(String, String)] = [], attributes: UInt64 = 0, mode: UInt32 = 0o755
    )
        -> MountSpec
    {
        MountSpec(
            kind: TIMBER_MOUNT_FS, source: type, target: target, flags: TIMBER_MOUNT_FLAG_NO_SYMLINK, attributes: attributes,
            options: options,
            mode: mode)
    }

    static func bind(_ source: String, _ target: String, file: Bool = false, attributes: UInt64 = 0) -> MountSpec {
        MountSpec(
            kind: TIMBER_MOUNT_BIND, source: source, target: target, flags: file ? TIMBER_MOUNT_FLAG_TARGET_FILE : 0, attributes: attributes
        )
    }
}

struct ContainerSpec {
    var process: ProcessSpec
    var cloneFlags = UInt64(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
    var hostname = "probe"
    var mounts = ContainerSpec.defaultMounts
    var devices: [(String, UInt32, UInt32, UInt32)] = [
        ("/dev/null", 0o666, 1, 3), ("/dev/zero", 0o666, 1, 5), ("/dev/full", 0o666, 1, 7), ("/dev/random", 0o666, 1, 8),
        ("/dev/urandom", 0o666, 1, 9), ("/dev/tty", 0o666, 5, 0),
    ]
    var links = [
        ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"), ("/dev/ptmx", "pts/ptmx"),
    ]
    var sysctls = [("net/ipv4/ip_unprivileged_port_start", "0")]
    var masked = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/acpi", "/proc/does-not-exist"]
    var readonly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
    var flags: UInt32 = 0
    /// Mount the image as an overlay; else bind it.
    var overlay = true
    var overlayOptions = ""
    var logMaxBytes: UInt64 = 0
    var logMaxFiles: UInt32 = 1
    var networkNamespace: Int32?
    var pidNamespace: Int32?
    var cgroup: Int32?
    var tasks: [Int32] = []
    var held: [Int32] = []

    static let defaultMounts: [MountSpec] = [
        .fileSystem("proc", "/proc", attributes: UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)),
        .fileSystem("tmpfs", "/dev", [("mode", "755"), ("size", "65536k")], attributes: UInt64(MOUNT_ATTR_NOSUID)),
        .fileSystem(
            "devpts", "/dev/pts", [("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5")],
            attributes: UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)),
        .fileSystem("sysfs", "/sys", attributes: UInt64(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)),
        .fileSystem("mqueue", "/dev/mqueue", attributes: UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)),
        .fileSystem("tmpfs", "/dev/shm", [("mode", "1777"), ("size", "65536k")], attributes: UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)),
    ]

    init(_ process: ProcessSpec) {
        self.process = process
    }

    init(sh command: String) {
        process = ProcessSpec(sh: command)
    }

    /// The plan and the descriptors that go with it.
    func encode(_ place: Place, id: String, log: Int32, bundle: Int32, layers: Int32) -> ([UInt8], [Int32]) {
        var writer = PlanWriter(header: MemoryLayout<timber_plan>.size)
        var descriptors: [Int32] = []
        func index(_ descriptor: Int32?) -> Int32 {
            guard let descriptor else { return TIMBER_NO_FD }
            descriptors.append(descriptor)
            return Int32(descriptors.count - 1)
        }
        var plan = timber_plan()
        plan.magic = TIMBER_PLAN_MAGIC
        plan.version = TIMBER_PLAN_VERSION
        plan.flags = flags
        plan.clone_flags = cloneFlags
        plan.process = process.encode(&writer)
        plan.id = writer.string(id)
        plan.hostname = writer.string(hostname)
        if overlay { plan.lower = writer.string("image") }
        plan.upper = writer.string(overlay ? place.path + "/upper" : place.image)
        plan.overlay_options = writer.string(overlayOptions)
        plan.work = writer.string(place.path + "/work")
        plan.rootfs = writer.string(place.path + "/rootfs")
        plan.mounts = writer.array(mounts.map { encode($0, &writer, index) })
        plan.devices = writer.array(
            devices.map { device in
                timber_device(
                    path: writer.string(device.0), mode: UInt32(S_IFCHR) | device.1, major: device.2, minor: device.3, uid: 0, gid: 0,
                    reserved: 0)
            })
        plan.links = writer.array(links.map { timber_pair(path: writer.string($0.0), value: writer.string($0.1)) })
        plan.sysctls = writer.array(sysctls.map { timber_pair(path: writer.string($0.0), value: writer.string($0.1)) })
        plan.masked_paths = writer.strings(masked)
        plan.readonly_paths = writer.strings(readonly)
        plan.layers_fd = index(layers)
        plan.log_fd = index(log)
        plan.bundle_fd = index(bundle)
        plan.netns_fd = index(networkNamespace)
        plan.ipcns_fd = TIMBER_NO_FD
        plan.utsns_fd = TIMBER_NO_FD
        plan.pidns_fd = index(pidNamespace)
        plan.cgroup_fd = index(cgroup)
        plan.cgroup_tasks_fds = writer.array(tasks.map { index($0) })
        plan.held_fds = writer.array(held.map { index($0) })
        plan.log_max_bytes = logMaxBytes
        plan.log_max_files = logMaxFiles
        plan.size = UInt32(writer.bytes.count)
        return (writer.finish(plan), descriptors)
    }

    private func encode(_ mount: MountSpec, _ writer: inout PlanWriter, _ index: (Int32?) -> Int32) -> timber_mount {
        var encoded = timber_mount()
        encoded.kind = mount.kind
        encoded.flags = mount.flags
        encoded.attributes = mount.attributes
        encoded.propagation = mount.propagation
        encoded.target = writer.string(mount.target)
        encoded.source = writer.string(mount.source)
        let options = mount.options.map { timber_option(key: writer.string($0.0), value: writer.string($0.1)) }
        encoded.options = writer.array(options)
        encoded.source_fd = index(mount.descriptor)
        encoded.mode = mount.mode
        return encoded
    }
}

/// The payload of EXEC.
func encodeExec(_ process: ProcessSpec) -> [UInt8] {
    var writer = PlanWriter(header: MemoryLayout<timber_exec>.size)
    var request = timber_exec()
    request.magic = TIMBER_PLAN_MAGIC
    request.version = TIMBER_PLAN_VERSION
    request.process = process.encode(&writer)
    request.cgroup_fd = TIMBER_NO_FD
    request.size = UInt32(writer.bytes.count)
    return writer.finish(request)
}
