internal import DockerAPI
internal import Errors

/// `--filter` of events: values of one key are alternatives, keys must all match; of labels each must match.
struct EventFilter: Sendable {
    private let values: [String: [String]]

    /// Docker's, those of things that Timber does not have too: nothing matches these.
    private static let keys: Set<String> = [
        "config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret", "service", "type",
        "volume",
    ]
    /// Actions that say more behind a colon, and may be asked for without.
    private static let open: Set<String> = ["exec_create", "exec_start", "health_status"]

    /// - Throws: `TimberError.invalidArgument` for a key that does not exist.
    init(_ values: [String: [String]]) throws {
        for key in values.keys.sorted() where !Self.keys.contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        self.values = values
    }

    func matches(_ event: EventMessage) -> Bool {
        any("type") { event.type == $0 } && any("scope") { event.scope == $0 } && any("event") { matches($0, action: event.action) }
            && any("image") { matches($0, image: event) }
            && ["config", "container", "daemon", "network", "node", "plugin", "secret", "service", "volume"].allSatisfy { type in
                any(type) { event.type == type && (event.actor.id.hasPrefix($0) || event.actor.attributes["name"]?.hasPrefix($0) == true) }
            }
            && (values["label"] ?? []).allSatisfy { label in
                let parts = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard let value = event.actor.attributes[parts[0]] else { return false }
                return parts.count == 1 || value == parts[1]
            }
    }

    private func matches(_ wanted: String, action: String) -> Bool {
        action == wanted || Self.open.contains(wanted) && action.hasPrefix("\(wanted):")
    }

    /// An image's own events, and those of containers that were made from it; a name without a tag means all of its tags.
    private func matches(_ wanted: String, image event: EventMessage) -> Bool {
        let names = event.type == "image" ? [event.actor.id, event.actor.attributes["name"]] : [event.actor.attributes["image"]]
        return names.compactMap { $0 }.contains { name in
            name == wanted || Self.untagged(name) == wanted || event.type == "image" && name.hasPrefix("sha256:\(wanted)")
        }
    }

    private static func untagged(_ name: String) -> Substring {
        guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return Substring(name) }
        return name[..<colon]
    }

    private func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }
}
