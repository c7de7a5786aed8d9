internal import Errors
internal import Glibc
internal import LinuxKernel

/// The container's files as the container sees them, for copying, comparing and exporting.
extension Container {
    /// What of the root is wanted.
    enum RootView: Sendable {
        /// With volumes and everything else that is mounted.
        case mounted
        /// The container's own file system alone.
        case fileSystem
    }

    /// Opens the root for reading.
    ///
    /// Of a running container it is its own; of any other a read-only one of the same layers, which nobody else sees. A container that
    /// starts meanwhile is not kept from it.
    /// - Throws: `TimberError`.
    func openRoot(_ view: RootView) async throws -> MountedRoot {
        while true {
            if let root = try await runningRoot(view) { return root }
            let stack = MountedRoot.Stack(
                lower: ["\(directory)/upper"] + services.paths.stack(try lowerLayers()), base: services.paths.layers, upper: nil)
            do {
                if let root = try await mountRoot(stack, isMounted: view == .mounted) { return root }
            } catch let error as SystemError where error.call == "openat2" && error.errno == ENOENT && view == .mounted {
                // A container that never ran has no places for its volumes yet.
                try await writingRoot { _ in }
            }
        }
    }

    /// Opens the root for writing, until the body returns. The container does not start meanwhile, and is not removed.
    /// - Throws: `TimberError`; what the body throws.
    func writingRoot<Value: Sendable>(_ body: @Sendable (MountedRoot) async throws -> Value) async throws -> Value {
        while isRootTaken { await withCheckedContinuation { rootWaiters.append($0) } }
        isRootTaken = true
        defer { giveRoot() }
        while true {
            if let root = try await runningRoot(.mounted) { return try await body(root) }
            let upper = (directory: "\(directory)/upper", work: "\(directory)/work")
            let stack = MountedRoot.Stack(lower: services.paths.stack(try lowerLayers()), base: services.paths.layers, upper: upper)
            // A start that began before the root was taken.
            guard let root = try await mountRoot(stack, isMounted: true) else { continue }
            return try await body(root)
        }
    }

    /// Opens the root for what a client sends, which may never come to its end: a stop or a forced removal interrupts it.
    /// - Throws: `TimberError`; what the body throws.
    func receiving<Value: Sendable>(_ body: @Sendable (MountedRoot, Interrupt) async throws -> Value) async throws -> Value {
        try await interruptible { interrupt in try await writingRoot { try await body($0, interrupt) } }
    }

    /// Does work that a stop or a forced removal does not wait for.
    func interruptible<Value: Sendable>(_ body: (Interrupt) async throws -> Value) async throws -> Value {
        let interrupt = try Interrupt(TimberError(.conflict, "interrupted: container \(name) was to stop or to be removed"))
        interrupts.append(interrupt)
        defer { interrupts.removeAll { $0 === interrupt } }
        return try await body(interrupt)
    }

    /// Ends what is interruptible soon.
    func interruptAll() {
        for interrupt in interrupts { interrupt.raise() }
    }

    /// Waits until nobody writes to the files of a container that is about to start or to go.
    func waitForRoot() async {
        while isRootTaken { await withCheckedContinuation { rootWaiters.append($0) } }
    }

    private func giveRoot() {
        isRootTaken = false
        let waiters = rootWaiters
        rootWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// - Returns: nil when it does not run.
    private func runningRoot(_ view: RootView) async throws -> MountedRoot? {
        while true {
            switch lifecycle.phase {
            case .starting:
                _ = try await launched.value()
                // What follows the launch is done by the same actor, in its turn.
                await Task.yield()
            case .removing: throw TimberError(.conflict, "container \(name) is being removed")
            case .created, .exited, .restarting: return nil
            case .running(let run):
                let (id, end) = (id, nextExit)
                let root = try await BlockingPool.shared.run { () -> MountedRoot? in
                    do {
                        guard let process = try ContainerProcess.open(of: id, pid: run.pid) else { return nil }
                        return view == .mounted ? try MountedRoot(of: process.raw) : try MountedRoot(ofFileSystemOf: process.raw)
                    } catch let error as SystemError where [ENOENT, ESRCH].contains(error.errno) {
                        return nil
                    }
                }
                if let root { return root }
                // Its process has ended, and what follows from that is on its way.
                if lifecycle.run == run { _ = try await end.value() }
            }
        }
    }

    /// Mounts the root of a container that does not run.
    /// - Parameter isMounted: with volumes and binds.
    /// - Returns: nil when it runs or is about to.
    private func mountRoot(_ stack: MountedRoot.Stack, isMounted: Bool) async throws -> MountedRoot? {
        // Volumes that are file systems of their own stay mounted only until they are in the root.
        let holder = "\(id) files \(ContainerName.makeID())"
        let result: Result<MountedRoot?, any Error>
        do {
            let binds = isMounted ? rootBinds(try await prepareMounts(for: holder)) : []
            if lifecycle.run != nil || lifecycle.phase == .starting {
                result = .success(nil)
            } else {
                let place = "\(directory)/upper"
                let isReadOnly = definition.host.readonlyRootfs
                result = .success(
                    try await BlockingPool.hostPaths.run {
                        if let upper = stack.upper { try Files.makeDirectory(upper.work) }
                        return try MountedRoot(
                            mounting: stack, over: place, binds: binds, makesTargets: stack.upper != nil, isReadOnly: isReadOnly)
                    })
            }
        } catch {
            result = .failure(error)
        }
        await services.volumes.mounts.release(holder)
        return try result.get()
    }

    /// What a container that does not run has mounted in its root once it runs, but for what only lives as long as it does.
    private func rootBinds(_ sources: MountSources) -> [MountedRoot.Bind] {
        let targets = Set(definition.mounts.map(\.destination))
        let names = hostNames.directory
        // Before the first start they are empty, and one sees the image's own.
        let written = lifecycle.startedAt == nil ? [] : EtcFiles.names
        let etc = written.filter { !targets.contains("/etc/\($0)") }.map {
            MountedRoot.Bind(
                source: "\(names)/\($0)", target: "/etc/\($0)", isReadOnly: false, isRecursive: false, isOptional: true)
        }
        let mounts = definition.mounts.compactMap { mount -> MountedRoot.Bind? in
            guard let source = sources[mount.destination] else { return nil }
            return MountedRoot.Bind(
                source: source.path, opened: source.opened, target: mount.destination,
                isReadOnly: mount.readOnly || source.options.contains("ro"),
                isWritableBelow: mount.writableBelow == true && !source.options.contains("ro"),
                isRecursive: mount.recursive && source.isRecursive)
        }
        return etc + mounts
    }
}
