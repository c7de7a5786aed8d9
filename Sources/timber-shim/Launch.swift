import CTimber

// Making a process: everything that needs memory happens here, before clone.
extension Shim {
    /// LAUNCH. From here on the shim lives until the container's first process has ended and everybody knows.
    func launch(_ buffer: PlanBuffer) {
        phase = .serving
        let process = ContainerProcess(0, (try? buffer.header(as: timber_plan.self))?.process.flags ?? 0)
        processes.append(process)
        do throws(Failure) {
            let plan = try buffer.header(as: timber_plan.self)
            try buffer.checkHeader(plan.magic, plan.version, plan.size)
            try keepDescriptors(buffer, plan)
            try launch(process, buffer, plan)
        } catch {
            fail(process, LaunchFailure(error))
        }
    }

    /// EXEC: a further process in the container.
    func exec(_ number: UInt32, _ buffer: PlanBuffer) {
        let process = ContainerProcess(number, (try? buffer.header(as: timber_exec.self))?.process.flags ?? 0)
        processes.append(process)
        do throws(Failure) {
            let request = try buffer.header(as: timber_exec.self)
            try buffer.checkHeader(request.magic, request.version, request.size)
            guard let first = self.process(0), first.state == .running, !first.hasExited else {
                throw Failure(TIMBER_STAGE_NAMESPACES, ESRCH)
            }
            let cgroup = try buffer.descriptor(request.cgroup_fd)
            let container = first.handle.raw
            try start(process, buffer, request.process, flags: nil, cgroup) { child in child.launchExec(request, into: container) }
        } catch {
            fail(process, LaunchFailure(error))
        }
    }

    private func keepDescriptors(_ buffer: PlanBuffer, _ plan: timber_plan) throws(Failure) {
        for index in try buffer.array(plan.held_fds, of: Int32.self) {
            if let held = try buffer.descriptor(index) { heldDescriptors.append(held) }
        }
        if let directory = try buffer.descriptor(plan.bundle_fd) {
            bundle = directory
            heldDescriptors.append(directory)
        }
        if let directory = try buffer.descriptor(plan.log_fd) {
            heldDescriptors.append(directory)
            log = try LogFile(directory: directory, maximumBytes: plan.log_max_bytes, maximumFiles: plan.log_max_files)
        }
    }

    private func launch(_ process: ContainerProcess, _ buffer: PlanBuffer, _ plan: timber_plan) throws(Failure) {
        let options = try OverlayOptions(buffer, plan)
        let trees = try MountSources.make(buffer, plan.mounts)
        let cgroup = try buffer.descriptor(plan.cgroup_fd)
        if let namespace = try buffer.descriptor(plan.pidns_fd) {
            try check(TIMBER_STAGE_NAMESPACES, timber_setns(namespace, CLONE_NEWPID))
        }
        // The cgroup namespace is unshared by the child once it is in its cgroups.
        let kinds = UInt64(CLONE_NEWNS) | (plan.clone_flags & UInt64(namespaceKinds) & ~UInt64(CLONE_NEWCGROUP))
        let sources = trees.descriptors
        let overlay = options.text
        // clone moves the working directory into the new mount namespace. The child could not go there itself: the descriptor's
        // mount belongs to ours, and overlayfs takes no layer from another namespace.
        if overlay != nil, let layers = try buffer.descriptor(plan.layers_fd) {
            try check(TIMBER_STAGE_ROOT, result(fchdir(layers)))
        }
        defer { chdir("/") }
        try start(process, buffer, plan.process, flags: kinds, cgroup) { child in
            child.launchContainer(plan, overlay: overlay, sources)
        }
    }

    /// Pipes, channel, clone, and the shim's ends of all of them.
    /// - Parameter flags: of clone; nil: for a helper, which the process comes out of.
    private func start(
        _ process: ContainerProcess, _ buffer: PlanBuffer, _ settings: timber_process, flags: UInt64?, _ cgroup: Int32?,
        _ run: (inout Child) -> Never
    ) throws(Failure) {
        let arguments = try StringVector(buffer, settings.argv)
        let environment = try StringVector(buffer, settings.env)
        guard settings.argv.count > 0 else { throw Failure(TIMBER_STAGE_PLAN, EINVAL) }
        let (ours, theirs) = try Channel.make()
        process.channel = Descriptor(owning: ours)
        let childEnd = Descriptor(owning: theirs)
        if flags == nil { try Channel.identifySenders(ours) }
        let terminal = settings.flags & TIMBER_PROCESS_TTY != 0
        let hasInput = settings.flags & TIMBER_PROCESS_STDIN != 0
        var input = Pipe()
        var output = Pipe()
        var error = Pipe()
        if !terminal {
            if hasInput { input = try Pipe.make() }
            output = try Pipe.make()
            error = try Pipe.make()
        }
        var child = Child(
            buffer: buffer, process: settings, arguments: arguments.pointers, environment: environment.pointers, channel: theirs,
            shimChannel: ours, standard: (input.reader.raw, output.writer.raw, error.writer.raw), oomScore: oomScore(settings))
        let (pid, handle) = try clone(flags ?? 0, cgroup)
        if pid == 0 { run(&child) }
        process.input = Descriptor(owning: input.writer.release())
        process.output = Descriptor(owning: output.reader.release())
        process.error = Descriptor(owning: error.reader.release())
        setNonblocking(process.input.raw)
        setNonblocking(process.output.raw)
        setNonblocking(process.error.raw)
        if flags == nil {
            process.helper = Descriptor(owning: handle)
            process.helperPid = pid
            poller.set(handle, Token(.helper, process.number), &process.helperWatch, to: readable)
        } else {
            adopt(process, pid, handle)
        }
        poller.set(ours, Token(.channel, process.number), &process.channelWatch, to: readable)
        updateHold(process)
        _ = consume childEnd
    }

    /// The container's own score: what the plan says, else what the shim had before it protected itself.
    private func oomScore(_ settings: timber_process) -> Int32? {
        settings.flags & TIMBER_PROCESS_OOM_SCORE != 0 ? settings.oom_score_adj : originalOOMScore
    }

    /// clone3(2) with a pidfd. 0 in the child.
    private func clone(_ flags: UInt64, _ cgroup: Int32?) throws(Failure) -> (pid: Int32, handle: Int32) {
        var handle: Int32 = -1
        let pid = withUnsafeMutablePointer(to: &handle) { handle in
            var arguments = clone_args()
            arguments.flags = flags | UInt64(CLONE_PIDFD)
            arguments.pidfd = UInt64(UInt(bitPattern: handle))
            arguments.exit_signal = UInt64(SIGCHLD)
            if let cgroup {
                arguments.flags |= CLONE_INTO_CGROUP
                arguments.cgroup = UInt64(truncatingIfNeeded: cgroup)
            }
            return timber_clone3(&arguments, MemoryLayout<clone_args>.size)
        }
        return (try check(TIMBER_STAGE_CLONE, pid), handle)
    }

    private var namespaceKinds: Int32 {
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    }
}

/// O_NONBLOCK on one of our pipe ends; the container's end is another open file and stays blocking.
func setNonblocking(_ descriptor: Int32) {
    if descriptor < 0 { return }
    let flags = timber_fcntl(descriptor, F_GETFL, 0)
    if flags >= 0 { _ = timber_fcntl(descriptor, F_SETFL, flags | Int(O_NONBLOCK)) }
}

struct Pipe: ~Copyable {
    var reader = Descriptor()
    var writer = Descriptor()

    static func make() throws(Failure) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) { result(pipe2($0.assumingMemoryBound(to: Int32.self).baseAddress, O_CLOEXEC)) }
        try check(TIMBER_STAGE_CLONE, made)
        return Pipe(reader: Descriptor(owning: ends.0), writer: Descriptor(owning: ends.1))
    }
}

/// mount(2)'s option string for the overlay, made before clone; nil text for a bind root.
struct OverlayOptions: ~Copyable {
    private(set) var text: UnsafeMutablePointer<CChar>?

    init(_ buffer: PlanBuffer, _ plan: timber_plan) throws(Failure) {
        text = try Self.compose(buffer, plan)
    }

    private static func compose(_ buffer: PlanBuffer, _ plan: timber_plan) throws(Failure) -> UnsafeMutablePointer<CChar>? {
        if plan.lower.count == 0 { return nil }
        guard plan.layers_fd != TIMBER_NO_FD else { throw Failure(TIMBER_STAGE_PLAN, EINVAL) }
        let lower = try buffer.string(plan.lower)
        let upper = try buffer.string(plan.upper)
        let work = try buffer.string(plan.work)
        let further = try buffer.optionalString(plan.overlay_options)
        var size = 64
        for span in [plan.lower, plan.upper, plan.work, plan.overlay_options] { size += Int(span.count) }
        // mount(2) takes one page of options and would cut the rest off.
        guard size <= 4096 else { throw Failure(TIMBER_STAGE_ROOT, E2BIG) }
        let made = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        strcpy(made, "lowerdir=")
        strcat(made, lower)
        strcat(made, ",upperdir=")
        strcat(made, upper)
        strcat(made, ",workdir=")
        strcat(made, work)
        if let further {
            strcat(made, ",")
            strcat(made, further)
        }
        return made
    }

    deinit {
        text?.deallocate()
    }
}

/// Detached clones of the bind mounts' sources, one a mount, -1 where there is none. They are made in the shim's mount namespace:
/// descriptors of timberd's could not be cloned in the child's, and clones of shared mounts stay their peers.
struct MountSources: ~Copyable {
    let descriptors: UnsafeMutablePointer<Int32>
    private let count: Int

    private init(count: Int) {
        self.count = count
        descriptors = .allocate(capacity: max(1, count))
        descriptors.initialize(repeating: -1, count: max(1, count))
    }

    static func make(_ buffer: PlanBuffer, _ span: timber_span) throws(Failure) -> MountSources {
        let mounts = try buffer.array(span, of: timber_mount.self)
        let sources = MountSources(count: mounts.count)
        for index in 0..<mounts.count where mounts[index].kind == TIMBER_MOUNT_BIND {
            sources.descriptors[index] = try clone(buffer, mounts[index])
        }
        return sources
    }

    deinit {
        for index in 0..<count where descriptors[index] >= 0 { close(descriptors[index]) }
        descriptors.deallocate()
    }

    private static func clone(_ buffer: PlanBuffer, _ mount: timber_mount) throws(Failure) -> Int32 {
        let target = try buffer.string(mount.target)
        let recursive = mount.flags & TIMBER_MOUNT_FLAG_RECURSIVE != 0
        let flags = UInt32(OPEN_TREE_CLONE) | UInt32(OPEN_TREE_CLOEXEC) | UInt32(recursive ? AT_RECURSIVE : 0)
        if let source = try buffer.descriptor(mount.source_fd) {
            return try check(TIMBER_STAGE_MOUNT, timber_open_tree(source, "", flags | UInt32(AT_EMPTY_PATH)), target)
        }
        return try check(TIMBER_STAGE_MOUNT, timber_open_tree(AT_FDCWD, try buffer.string(mount.source), flags), target)
    }
}
