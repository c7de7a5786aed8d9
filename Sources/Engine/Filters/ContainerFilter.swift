internal import Errors
internal import Networks

/// `--filter` of lists and prunes: values of one key are alternatives, keys must all match.
struct ContainerFilter: Sendable {
    private let values: [String: [String]]
    private let until: Timestamp?
    private let names: PatternFilter
    private let published: [PortRange]
    private let exposed: [PortRange]

    /// `isolation` is for Windows only, and says nothing here.
    static let listKeys: Set<String> = [
        "id", "name", "label", "status", "ancestor", "exited", "volume", "publish", "expose", "network", "before", "since", "health",
        "is-task", "isolation",
    ]

    /// - Throws: `TimberError.invalidArgument` for a key that is not allowed or a value that means nothing.
    init(_ values: [String: [String]], allowed: Set<String>) throws {
        for key in values.keys.sorted() where !allowed.contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        for status in values["status"] ?? []
        where !["created", "running", "paused", "restarting", "removing", "exited", "dead"].contains(status) {
            throw TimberError(.invalidArgument, "invalid filter 'status=\(status)'")
        }
        for code in values["exited"] ?? [] where Int32(code) == nil {
            throw TimberError(.invalidArgument, "invalid filter 'exited=\(code)'")
        }
        for health in values["health"] ?? [] where !["starting", "healthy", "unhealthy", "none"].contains(health) {
            throw TimberError(.invalidArgument, "invalid filter 'health=\(health)'")
        }
        for isTask in values["is-task"] ?? [] where !["true", "false", "1", "0"].contains(isTask.lowercased()) {
            throw TimberError(.invalidArgument, "invalid filter 'is-task=\(isTask)'")
        }
        self.values = values
        until = try UntilFilter.time(values)
        names = try PatternFilter("name", values)
        published = try PortRange.all("publish", values)
        exposed = try PortRange.all("expose", values)
    }

    /// - Parameter ancestors: the images that `ancestor` means.
    func matches(_ snapshot: Snapshot, ancestors: Set<String> = []) -> Bool {
        if values.isEmpty { return true }
        if let until, snapshot.definition.created >= until { return false }
        return any("id") { snapshot.id.hasPrefix($0) } && names.matches(snapshot.name, "/\(snapshot.name)")
            && all("label") { LabelFilter.matches($0, snapshot.definition.config.labels) }
            && all("label!") { !LabelFilter.matches($0, snapshot.definition.config.labels) }
            && any("status") { snapshot.lifecycle.status == $0 }
            && any("exited") { snapshot.lifecycle.run == nil && snapshot.lifecycle.lastExit?.code == Int32($0) }
            && any("ancestor") { _ in ancestors.contains(snapshot.definition.image) }
            && any("volume") { volume in
                snapshot.definition.mounts.contains { $0.volume == volume || $0.destination == volume || $0.source == volume }
            }
            && any(of: published) { range in
                snapshot.ports.contains { range.contains($0.hostPort, $0.transport.rawValue) }
            }
            && any(of: exposed) { range in
                snapshot.definition.config.exposedPorts.contains { text in
                    PortRange(text).map { range.contains($0.ports.lowerBound, $0.transport) } ?? false
                }
            }
            && any("health") { $0 == snapshot.health?.status.rawValue ?? "none" }
            // None is a task of Swarm's.
            && any("is-task") { ["false", "0"].contains($0.lowercased()) }
            && any("network") { network in
                snapshot.definition.network.word == network
                    || snapshot.definition.memberships.contains { $0.name == network || $0.network.hasPrefix(network) }
            }
    }

    /// References to other objects, which the list itself resolves.
    subscript(key: String) -> [String] { values[key] ?? [] }

    private func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        any(of: values[key] ?? [], test)
    }

    private func any<Value>(of wanted: [Value], _ test: (Value) -> Bool) -> Bool {
        wanted.isEmpty || wanted.contains(where: test)
    }

    private func all(_ key: String, _ test: (String) -> Bool) -> Bool {
        (values[key] ?? []).allSatisfy(test)
    }
}
