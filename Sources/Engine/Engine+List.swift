public import DockerAPI
internal import Errors
internal import Foundation
internal import Glibc
internal import LinuxKernel
internal import Networks

extension Engine {
    /// Containers, newest first, from the snapshot.
    public func containers(all: Bool, limit: Int?, size: Bool, filters: [String: [String]]) async throws -> [ContainerSummary] {
        let filter = try ContainerFilter(filters, allowed: ContainerFilter.listKeys)
        let everything = all || limit != nil || !filter["status"].isEmpty || !filter["exited"].isEmpty
        let before = try filter["before"].map { try snapshot($0).definition.created }.min()
        let since = try filter["since"].map { try snapshot($0).definition.created }.max()
        let ancestors = imagesAndChildren(filter["ancestor"])
        var chosen = services.registry.snapshots.filter { snapshot in
            (everything || snapshot.lifecycle.isUp) && filter.matches(snapshot, ancestors: ancestors)
                && (before.map { snapshot.definition.created < $0 } ?? true) && (since.map { snapshot.definition.created > $0 } ?? true)
        }
        chosen.sort { $0.definition.created > $1.definition.created }
        if let limit, limit > 0 { chosen = Array(chosen.prefix(limit)) }
        let now = Timestamp.now()
        var summaries: [ContainerSummary] = []
        summaries.reserveCapacity(chosen.count)
        for snapshot in chosen {
            var summary = summary(of: snapshot, now: now)
            if size {
                do {
                    summary.sizeRw = try await containerSize(snapshot.id)
                } catch let error as SystemError where error.errno == ENOENT {
                    // It was removed meanwhile.
                    continue
                }
                summary.sizeRootFs = summary.sizeRw + imageSize(snapshot.definition.image)
            }
            summaries.append(summary)
        }
        return summaries
    }

    /// Images by their names, and those that were made from them; names that are of no image mean none.
    private func imagesAndChildren(_ names: [String]) -> Set<String> {
        var chosen = Set(names.compactMap { try? services.images.image($0).id })
        guard !chosen.isEmpty else { return [] }
        let list = services.images.list()
        var known = 0
        // As deep as images are built on each other.
        while known < chosen.count {
            known = chosen.count
            for image in list {
                if let parent = image.parent, chosen.contains(parent) { chosen.insert(image.id) }
            }
        }
        return Set(chosen.map(\.description))
    }

    private func summary(of snapshot: Snapshot, now: Timestamp) -> ContainerSummary {
        // Without a copy of the definition, which would take longer than all the rest.
        ContainerSummary(
            id: snapshot.id, names: ["/\(snapshot.name)"], image: snapshot.definition.config.image, imageID: snapshot.definition.image,
            command: snapshot.definition.arguments.joined(separator: " "), created: snapshot.definition.created.seconds,
            ports: InspectMapping.ports(snapshot),
            labels: snapshot.definition.config.labels, state: snapshot.lifecycle.status,
            status: StatusText.text(snapshot.lifecycle, snapshot.health, now: now),
            hostConfig: HostConfigSummary(networkMode: snapshot.definition.network.word),
            networkSettings: NetworkSettingsSummary(networks: InspectMapping.networks(snapshot)),
            mounts: InspectMapping.mounts(snapshot, services.volumes))
    }

    func imageSize(_ id: String) -> Int64 {
        (try? services.images.image(id))?.size ?? 0
    }
}

/// `Up 3 minutes`, `Exited (0) 2 hours ago`: Docker's words for people.
enum StatusText {
    static func text(_ lifecycle: Lifecycle, _ health: HealthState? = nil, now: Timestamp) -> String {
        if lifecycle.isRestarting {
            let exit = lifecycle.lastExit
            return "Restarting (\(exit?.code ?? 0)) \(duration(since: exit?.finishedAt ?? now, now)) ago"
        }
        switch lifecycle.phase {
        case .created, .starting: return lifecycle.startedAt == nil ? "Created" : exited(lifecycle, now)
        case .running(let run):
            let duration = duration(since: lifecycle.startedAt ?? now, now)
            if run.paused { return "Up \(duration) (Paused)" }
            return health.map { "Up \(duration) (\($0.words))" } ?? "Up \(duration)"
        case .exited, .restarting: return exited(lifecycle, now)
        case .removing: return "Removal In Progress"
        }
    }

    private static func exited(_ lifecycle: Lifecycle, _ now: Timestamp) -> String {
        guard let exit = lifecycle.lastExit else { return "Created" }
        return "Exited (\(exit.code)) \(duration(since: exit.finishedAt, now)) ago"
    }

    private static func duration(since start: Timestamp, _ now: Timestamp) -> String {
        let seconds = max(0, now.seconds - start.seconds)
        switch seconds {
        case 0: return "Less than a second"
        case 1: return "1 second"
        case 2..<60: return "\(seconds) seconds"
        case 60..<120: return "About a minute"
        case 120..<3600: return "\(seconds / 60) minutes"
        case 3600..<5400: return "About an hour"
        case 5400..<172_800: return "\((seconds + 1800) / 3600) hours"
        case 172_800..<1_209_600: return "\(seconds / 86400) days"
        case 1_209_600..<5_184_000: return "\(seconds / 604_800) weeks"
        case 5_184_000..<63_072_000: return "\(seconds / 2_592_000) months"
        default: return "\(seconds / 31_536_000) years"
        }
    }
}
