internal import Cgroups
internal import DockerAPI
internal import Errors
internal import LinuxKernel

extension Container {
    /// Changes its limits, at once when it runs, and its restart policy. All of it or nothing, whenever the daemon dies; one request
    /// at a time.
    /// - Returns: what was accepted and the kernel cannot do.
    func update(_ request: ContainerUpdateRequest) async throws -> [String] {
        try UpdateValidation.check(request)
        return try await updates.run { try await self.apply(request) }
    }

    private func apply(_ request: ContainerUpdateRequest) async throws -> [String] {
        // What starts has read its limits already.
        try await startIsOver()
        if case .removing = lifecycle.phase { throw TimberError(.conflict, "cannot update container \(name): it is being removed") }
        let before = definition
        // Old and new limits together have to be such that the container could be started with them.
        let merged = try ResourceMapping.merged(before.host.resources, request.resources, features: services.cgroups.features)
        if let policy = request.restartPolicy, !policy.name.isEmpty {
            if try RestartRule(policy) != .never, before.host.autoRemove {
                throw TimberError(
                    .conflict, "restart policy of container \(name) cannot be updated: it is removed when it ends (--rm)")
            }
            definition.host.restartPolicy = policy
        }
        definition.host.resources = merged.resources
        do {
            run.limitsAreChanging = run.cgroup != nil
            if run.limitsAreChanging { try await persist() }
            try await recordDefinition()
            try await applyLimits(ResourceMapping.cgroup(request.resources))
        } catch {
            // Only these: its networks may have changed meanwhile.
            definition.host.resources = before.host.resources
            definition.host.restartPolicy = before.host.restartPolicy
            try await recordDefinition()
            try await limitsAreChanged()
            throw error
        }
        try await limitsAreChanged()
        services.events.container("update", snapshot)
        if case .never = try RestartRule(definition.host.restartPolicy), lifecycle.phase == .restarting {
            _ = try await giveUpRestart(byHand: false)
        }
        return merged.warnings
    }

    /// The daemon died in the middle of an update: what is on record is what counts.
    func completeUpdate() async throws {
        guard run.limitsAreChanging else { return }
        try await applyLimits(ResourceMapping.cgroup(definition.host.resources))
        try await limitsAreChanged()
    }

    private func applyLimits(_ limits: CgroupResources) async throws {
        guard let cgroup = run.cgroup else { return }
        do {
            _ = try await BlockingPool.shared.run { try cgroup.update(limits) }
        } catch let error as TimberError where error.code == .notFound {
            // It has just ended: the next run has the new ones.
        }
    }

    private func limitsAreChanged() async throws {
        guard run.limitsAreChanging else { return }
        run.limitsAreChanging = false
        try await persist()
    }

    private func recordDefinition() async throws {
        publish()
        try await storeDefinition()
    }
}

/// Refuses by name what no update can change.
enum UpdateValidation {
    static func check(_ request: ContainerUpdateRequest) throws {
        let resources = request.resources
        try ResourceValidation.check(resources)
        let fixed: [(Bool, String)] = [
            (!resources.devices.isEmpty, "devices"), (!resources.deviceCgroupRules.isEmpty, "device cgroup rules"),
            (!resources.ulimits.isEmpty, "ulimits"), (resources.oomKillDisable == true, "the out-of-memory killer"),
            (resources.memorySwappiness.map { $0 != -1 } ?? false, "memory swappiness"),
        ]
        for (given, what) in fixed where given {
            throw TimberError(.unsupported, "\(what) of a container cannot be updated: make it anew with them")
        }
        if let policy = request.restartPolicy { _ = try RestartRule(policy) }
    }
}
