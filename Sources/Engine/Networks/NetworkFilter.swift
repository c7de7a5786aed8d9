internal import DockerAPI
internal import Errors

/// `--filter` of network lists.
struct NetworkFilter: Sendable {
    private let values: [String: [String]]
    private let dangling: Bool?
    private let ids: PatternFilter
    private let names: PatternFilter

    /// - Throws: `TimberError.invalidArgument` for a key that does not exist or a value that means nothing.
    init(_ values: [String: [String]]) throws {
        for key in values.keys.sorted() where !["dangling", "driver", "id", "label", "name", "scope", "type"].contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        for type in values["type"] ?? [] where !["custom", "builtin"].contains(type) {
            throw TimberError(.invalidArgument, "invalid filter 'type=\(type)': it is custom or builtin")
        }
        self.values = values
        dangling = try TruthFilter.value("dangling", values)
        ids = try PatternFilter("id", values)
        names = try PatternFilter("name", values)
    }

    /// Built-in networks are never dangling, nor custom, and have no labels.
    /// - Parameter isUsed: running containers are in it.
    func matches(_ network: NetworkResource, isUsed: Bool) -> Bool {
        let isBuiltIn = BuiltInNetwork(rawValue: network.name) != nil
        return dangling ?? (!isBuiltIn && !isUsed) == (!isBuiltIn && !isUsed) && any("driver") { network.driver == $0 }
            && ids.matches(network.id) && names.matches(network.name) && any("scope") { network.scope == $0 }
            && any("type") { $0 == (isBuiltIn ? "builtin" : "custom") }
            && (values["label"] ?? []).allSatisfy { LabelFilter.matches($0, network.labels) }
    }

    private func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }
}

/// `--filter` of network prunes.
struct NetworkPruneFilter: Sendable {
    private let values: [String: [String]]
    private let until: Timestamp?

    /// - Throws: `TimberError.invalidArgument` for a key that does not exist or a value that means nothing.
    init(_ values: [String: [String]]) throws {
        for key in values.keys.sorted() where !["label", "label!", "until"].contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        self.values = values
        until = try UntilFilter.time(values)
    }

    func matches(_ network: UserNetwork) -> Bool {
        (until.map { network.created < $0 } ?? true) && (values["label"] ?? []).allSatisfy { LabelFilter.matches($0, network.labels) }
            && (values["label!"] ?? []).allSatisfy { !LabelFilter.matches($0, network.labels) }
    }
}
