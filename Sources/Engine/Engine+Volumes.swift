public import DockerAPI
internal import Errors
internal import Glibc
internal import LinuxKernel

extension Engine {
    /// Volumes by name.
    /// - Parameter filters: `dangling`, `driver`, `label`, `name`.
    public func volumes(filters: [String: [String]]) async throws -> [Volume] {
        let filter = try VolumeFilter(filters, allowed: ["dangling", "driver", "label", "name"])
        return try await services.volumes.list().filter { filter.matches($0.volume, users: $0.users) }.map(\.volume)
    }

    /// One volume.
    public func inspectVolume(_ name: String) async throws -> Volume {
        try await services.volumes.inspect(name)
    }

    /// Makes a volume, or finds the one that has the name.
    public func createVolume(_ request: VolumeCreateRequest) async throws -> Volume {
        guard ["", "local"].contains(request.driver) else {
            throw TimberError(
                .notFound, "create \(request.name): error looking up volume plugin \(request.driver): only the driver local is there")
        }
        do {
            _ = try VolumeSource(request.driverOpts)
        } catch let error as TimberError {
            throw TimberError(error.code, "create \(request.name.prefix(200)): \(error.message)")
        }
        var wanted = VolumeStore.Request(name: request.name, labels: request.labels, options: request.driverOpts)
        if request.name.isEmpty {
            wanted.name = ContainerName.makeID()
            wanted.anonymous = true
        } else {
            wanted.name = try VolumeName.validated(request.name, in: "create \(request.name.prefix(200))")
        }
        let volumes = services.volumes
        if try await toItsEnd({ [wanted] in try await volumes.create(wanted) }) { services.events.volume("create", wanted.name) }
        return try await volumes.inspect(wanted.name)
    }

    /// Removes a volume that no container has.
    /// - Parameter force: a missing one is no error.
    public func removeVolume(_ name: String, force: Bool) async throws {
        let volumes = services.volumes
        do {
            try await toItsEnd { try await volumes.remove(name) }
        } catch let error as TimberError where error.code == .notFound && force {
            return
        }
        services.events.volume("destroy", name)
    }

    /// Removes volumes that no container has.
    /// - Parameter filters: `label`, `label!`; `all` for those with names of their own, too.
    public func pruneVolumes(filters: [String: [String]]) async throws -> VolumesPruneReport {
        let filter = try VolumeFilter(filters, allowed: ["all", "label", "label!"])
        var report = VolumesPruneReport()
        for (volume, users) in try await services.volumes.list() where users == 0 && filter.prunes(volume) {
            do {
                let size = try await volumeSize(volume)
                try await removeVolume(volume.name, force: false)
                report.volumesDeleted.append(volume.name)
                report.spaceReclaimed += UInt64(max(0, size))
            } catch let error as TimberError where error.code == .conflict || error.code == .notFound {
                continue  // It found a user, or was removed meanwhile.
            }
        }
        services.events.pruned("volume", reclaimed: Int64(clamping: report.spaceReclaimed))
        return report
    }

    /// Volumes with what they take.
    func volumesWithSizes() async throws -> [Volume] {
        var volumes: [Volume] = []
        for (volume, users) in try await services.volumes.list() {
            do {
                var volume = volume
                volume.usageData = VolumeUsageData(refCount: Int64(users), size: try await volumeSize(volume))
                volumes.append(volume)
            } catch let error as TimberError where error.code == .notFound {
                continue  // It was removed meanwhile.
            }
        }
        return volumes
    }

    /// -1 when its content is not ours, and nothing to be counted as Timber's.
    private func volumeSize(_ volume: Volume) async throws -> Int64 {
        if services.volumes.source(volume.name) != nil { return -1 }
        do {
            return try await BlockingPool.shared.run { try Tree.size(volume.mountpoint) }
        } catch let error as SystemError where error.errno == ENOENT {
            throw TimberError(.notFound, "volume \(volume.name) has no directory", cause: error)
        }
    }
}

/// Names of volumes, as Docker accepts them.
enum VolumeName {
    /// Checks a name: the same letters as in a container's.
    /// - Parameter specification: what the message is about.
    /// - Throws: `TimberError.invalidArgument`.
    static func validated(_ name: String, in specification: String) throws -> String {
        guard (try? ContainerName.validated(name)) == name else {
            throw TimberError(
                .invalidArgument,
                "invalid volume name \(name.prefix(200).debugDescription) in '\(specification)': only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 2 to 128 of them; use an absolute path for a directory of the host"
            )
        }
        return name
    }
}

/// `--filter` of volume lists and prunes.
struct VolumeFilter: Sendable {
    private let values: [String: [String]]
    private let dangling: Bool?
    private let all: Bool
    private let names: PatternFilter

    /// - Throws: `TimberError.invalidArgument` for a key that is not allowed or a value that means nothing.
    init(_ values: [String: [String]], allowed: Set<String>) throws {
        for key in values.keys.sorted() where !allowed.contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        self.values = values
        dangling = try TruthFilter.value("dangling", values)
        all = try TruthFilter.value("all", values) ?? false
        names = try PatternFilter("name", values)
    }

    /// - Parameter users: how many containers have it.
    func matches(_ volume: Volume, users: Int) -> Bool {
        dangling ?? (users == 0) == (users == 0) && any("driver") { volume.driver == $0 } && names.matches(volume.name)
            && labelled(volume)
    }

    /// Whether an unused volume goes.
    func prunes(_ volume: Volume) -> Bool {
        (all || volume.labels[VolumeStore.Request.anonymousLabel] != nil) && labelled(volume)
    }

    private func labelled(_ volume: Volume) -> Bool {
        (values["label"] ?? []).allSatisfy { LabelFilter.matches($0, volume.labels) }
            && (values["label!"] ?? []).allSatisfy { !LabelFilter.matches($0, volume.labels) }
    }

    private func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }
}
