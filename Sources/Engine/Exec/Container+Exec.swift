internal import CTimber
internal import Confinement
internal import DockerAPI
internal import Errors
internal import LinuxKernel

extension Container {
    /// Ended execs that are remembered for inspect.
    private static let rememberedExecs = 64

    /// Prepares a process; nothing runs yet.
    func createExec(_ request: ExecCreateRequest) throws -> String {
        guard let run = lifecycle.run else {
            throw TimberError(
                .conflict,
                lifecycle.isRestarting
                    ? "container \(name) is restarting, wait until it is running" : "container \(name) is not running")
        }
        if run.paused { throw TimberError(.conflict, "container \(name) is paused: unpause it before exec") }
        guard let command = request.cmd, let program = command.first, !program.isEmpty else {
            throw TimberError(.invalidArgument, "no exec command specified")
        }
        try NameValidation.check(environment: request.env)
        try NameValidation.check(consoleSize: request.consoleSize ?? [])
        forgetOldExecs()
        let exec = Exec(id: ContainerName.makeID(), request: request)
        execs[exec.id] = exec
        services.registry.bind(exec: exec.id, to: id)
        services.events.container("exec_create: \(command.joined(separator: " "))", snapshot, extra: ["execID": exec.id])
        return exec.id
    }

    /// Starts it.
    /// - Parameter attached: whether a client wants its streams.
    /// - Returns: the client's end of the stream, nil when detached.
    /// - Throws: `TimberError`: `notFound` and `conflict` when there is nothing to start; every other is why the process cannot run,
    ///   which has ended then, with the exit status 126 or 127.
    func startExec(_ execID: String, attached: Bool, size: [Int]?) async throws -> SharedDescriptor? {
        guard var exec = execs[execID] else { throw TimberError(.notFound, "No such exec instance: \(execID)") }
        guard case .created = exec.phase else {
            throw TimberError(.conflict, "exec \(execID.prefix(12)) has already been started")
        }
        guard let run = lifecycle.run, let shim = self.run.shim, let cgroup = self.run.cgroup else {
            throw TimberError(.conflict, "container \(name) is not running")
        }
        if run.paused { throw TimberError(.conflict, "container \(name) is paused: unpause it before exec") }
        exec.number = nextExecNumber(isProbe: exec.isProbe)
        exec.phase = .starting
        if let size { exec.request.consoleSize = size }
        execs[execID] = exec
        let client: SharedDescriptor
        do {
            let shimEnd: SharedDescriptor
            (client, shimEnd) = try UnixSocket.pair()
            let lower = try lowerLayers()
            let process = try await execProcess(exec.request, lower: lower)
            let stdio = Stdio(openStdin: attached && exec.request.attachStdin, stdinOnce: true)
            let seccomp = try await execFilter(exec.request)
            let streams = attached ? Self.streams(exec.request) : 0
            let number = exec.number
            try await BlockingPool.shared.run {
                let join = try cgroup.join()
                let (payload, table) = try LaunchPlan.compile(
                    process, stdio: stdio, seccomp: seccomp, cgroupDirectory: join.directory?.raw, cgroupTasks: join.tasks.map(\.raw))
                if attached {
                    try shim.send(TIMBER_REQUEST_ATTACH, process: number, value: streams, descriptors: [shimEnd.raw])
                }
                try shim.send(TIMBER_REQUEST_EXEC, process: number, payload: payload, descriptors: table.numbers)
                withExtendedLifetime(join) {}
            }
        } catch {
            execs[execID]?.phase = .ended(code: 126)
            throw error as? TimberError ?? TimberError(.internal, "cannot start a process in container \(name)", cause: error)
        }
        guard case .failure(let failure) = try await exec.launched.value() else { return attached ? client : nil }
        execs[execID]?.phase = .ended(code: failure.exitCode)
        throw await explain(failure, environment: environment(of: exec.request, home: ""))
    }

    /// Clients' execs have odd numbers and probes even ones: so a later daemon knows of what runs whether somebody wanted it.
    private func nextExecNumber(isProbe: Bool) -> UInt32 {
        lastExecNumber += (lastExecNumber.isMultiple(of: 2) == isProbe) ? 2 : 1
        return lastExecNumber
    }

    /// Sets the size of an exec's terminal.
    func resizeExec(_ execID: String, rows: Int, columns: Int) throws {
        guard let exec = execs[execID] else { throw TimberError(.notFound, "No such exec instance: \(execID)") }
        guard exec.isRunning, let shim = run.shim else { throw TimberError(.conflict, "exec \(execID.prefix(12)) is not running") }
        try shim.send(TIMBER_REQUEST_RESIZE, process: exec.number, value: try WindowSize.packed(rows: rows, columns: columns))
    }

    /// What an exec is doing.
    func inspectExec(_ execID: String) async throws -> ExecInspect {
        // Clients ask for the exit status once the stream has ended, which they may see before we hear of the end.
        if execs[execID]?.isRunning == true { try await run.shim?.settle() }
        guard let exec = execs[execID] else { throw TimberError(.notFound, "No such exec instance: \(execID)") }
        var result = exec.inspect
        result.containerID = id
        return result
    }

    // MARK: Events of the shim

    func execStarted(_ number: UInt32, pid: Int32) {
        update(number) { exec in
            exec.phase = .running(pid: pid)
            exec.launched.fulfil(.success(()))
            if exec.isProbe {
                if exec.isAbandoned { killProbe(number) }
                return
            }
            let command = exec.request.cmd ?? []
            services.events.container("exec_start: \(command.joined(separator: " "))", snapshot, extra: ["execID": exec.id])
        }
    }

    func execFailed(_ number: UInt32, _ failure: LaunchFailure) {
        update(number) { exec in
            exec.phase = .ended(code: failure.exitCode)
            exec.launched.fulfil(.failure(failure))
        }
    }

    func execEnded(_ number: UInt32, code: Int32) {
        update(number) { exec in
            exec.phase = .ended(code: code)
            // A container that ends while an exec starts: whoever waits is told.
            exec.launched.fulfil(.failure(LaunchFailure(stage: TIMBER_STAGE_LOST, errno: 32, detail: "")))
            exec.ended.fulfil(.success(code))
            if exec.isProbe { return }
            services.events.container("exec_die", snapshot, extra: ["execID": exec.id, "exitCode": "\(code)"])
        }
    }

    private func update(_ number: UInt32, _ change: (inout Exec) -> Void) {
        guard let id = execs.first(where: { $0.value.number == number && number > 0 })?.key, var exec = execs[id] else { return }
        change(&exec)
        if exec.isProbe {
            // Its start, if that waits still, has its own copy.
            execs[id] = exec.isOver ? nil : exec
            return
        }
        execs[id] = exec
        publish()
    }

    // MARK: Parts

    private func execProcess(_ request: ExecCreateRequest, lower: [String]) async throws -> RuntimeSpec.Process {
        let identity = try await execIdentity(request, lower: lower)
        let grant = try CapabilityGrant.resolve(
            add: definition.host.capAdd ?? [], drop: definition.host.capDrop ?? [],
            privileged: definition.host.privileged || request.privileged)
        let security = try SecurityOptions(parsing: definition.host.securityOpt)
        let workingDirectory = request.workingDir.isEmpty ? definition.config.workingDir : request.workingDir
        return RuntimeSpec.Process(
            terminal: request.tty, consoleSize: SpecBuilder.consoleSize(request.consoleSize ?? []),
            user: RuntimeSpec.User(uid: identity.uid, gid: identity.gid, additionalGids: identity.groups), args: request.cmd ?? [],
            env: environment(of: request, home: identity.home), cwd: workingDirectory.isEmpty ? "/" : workingDirectory,
            capabilities: SpecBuilder.capabilities(grant, uid: identity.uid),
            rlimits: try SpecBuilder.rlimits(definition, services.descriptors),
            noNewPrivileges: security.noNewPrivileges, oomScoreAdj: SpecBuilder.oomScore(definition))
    }

    private func environment(of request: ExecCreateRequest, home: String) -> [String] {
        var environment = Environment(request.tty ? ["TERM=xterm"] : [])
        for variable in SpecBuilder.environment(hostname: hostNames.hostname, definition, home: home) { environment.set(variable) }
        for variable in request.env { environment.set(variable) }
        return environment.variables
    }

    private func execIdentity(_ request: ExecCreateRequest, lower: [String]) async throws -> UserDatabase.Identity {
        try await identity(
            user: request.user.isEmpty ? definition.config.user : request.user, groups: definition.host.groupAdd, lower: lower)
    }

    private func execFilter(_ request: ExecCreateRequest) async throws -> SeccompFilter? {
        let security = try SecurityOptions(parsing: definition.host.securityOpt)
        let grant = try CapabilityGrant.resolve(
            add: definition.host.capAdd ?? [], drop: definition.host.capDrop ?? [], privileged: definition.host.privileged)
        let choice: SeccompChoice = definition.host.privileged || request.privileged ? .unconfined : security.seccomp
        let compiler = services.seccomp
        return try await BlockingPool.shared.run { try compiler.filter(choice, capabilities: grant.capabilities) }
    }

    private func forgetOldExecs() {
        let ended = execs.values.filter {
            if case .ended = $0.phase { return true }
            return false
        }
        guard ended.count > Self.rememberedExecs else { return }
        for exec in ended.sorted(by: { $0.number < $1.number }).prefix(ended.count - Self.rememberedExecs) {
            execs[exec.id] = nil
            services.registry.forget(exec: exec.id)
        }
    }

    private static func streams(_ request: ExecCreateRequest) -> UInt32 {
        (request.attachStdin ? TIMBER_ATTACH_STDIN : 0) | (request.attachStdout ? TIMBER_ATTACH_STDOUT : 0)
            | (request.attachStderr ? TIMBER_ATTACH_STDERR : 0)
    }
}
