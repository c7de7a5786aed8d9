internal import Errors

/// `--filter` of lists and prunes: values of one key are alternatives, keys must all match.
struct ContainerFilter: Sendable {
    private let values: [String: [String]]
    private let until: Timestamp?

    static let listKeys: Set<String> = [
        "id", "name", "label", "status", "ancestor", "exited", "volume", "publish", "expose", "network", "before", "since", "health",
        "is-task",
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
        guard let text = values["until"]?.first else {
            until = nil
            return
        }
        guard let time = Timestamp(filter: text) else { throw TimberError(.invalidArgument, "invalid filter 'until=\(text)'") }
        until = time
    }

    func matches(_ snapshot: Snapshot) -> Bool {
        if values.isEmpty { return true }
        if let until, snapshot.definition.created >= until { return false }
        return any("id") { snapshot.id.hasPrefix($0) }
            && any("name") { snapshot.name.contains($0.hasPrefix("/") ? String($0.dropFirst()) : $0) }
            && all("label") { LabelFilter.matches($0, snapshot.definition.config.labels) }
            && all("label!") { !LabelFilter.matches($0, snapshot.definition.config.labels) }
            && any("status") { snapshot.lifecycle.status == $0 }
            && any("exited") { snapshot.lifecycle.run == nil && snapshot.lifecycle.lastExit?.code == Int32($0) }
            && any("ancestor") { ancestor in
                snapshot.definition.config.image == ancestor || snapshot.definition.config.image == "\(ancestor):latest"
                    || snapshot.definition.image.hasPrefix(ancestor) || snapshot.definition.image.dropFirst(7).hasPrefix(ancestor)
            }
            && any("volume") { volume in
                snapshot.definition.mounts.contains { $0.volume == volume || $0.destination == volume || $0.source == volume }
            }
            && any("publish") { port in snapshot.ports.contains { "\($0.hostPort)" == Self.number(port) } }
            && any("expose") { port in snapshot.definition.config.exposedPorts.contains { Self.number($0) == Self.number(port) } }
            && any("health") { $0 == snapshot.health?.status.rawValue ?? "none" }
            // None is a task of Swarm's.
            && any("is-task") { ["false", "0"].contains($0.lowercased()) }
            && any("network") { network in
                snapshot.definition.network.word == network
                    || snapshot.definition.memberships.contains { $0.name == network || $0.network.hasPrefix(network) }
            }
    }

    /// References to other containers, which the list itself resolves.
    subscript(key: String) -> [String] { values[key] ?? [] }

    private func any(_ key: String, _ test: (String) -> Bool) -> Bool {
        guard let wanted = values[key], !wanted.isEmpty else { return true }
        return wanted.contains(where: test)
    }

    private func all(_ key: String, _ test: (String) -> Bool) -> Bool {
        (values[key] ?? []).allSatisfy(test)
    }

    private static func number(_ port: String) -> String {
        String(port.split(separator: "/").first ?? "")
    }
}

/// `label=KEY` and `label=KEY=VALUE`, of containers, images and volumes.
enum LabelFilter {
    static func matches(_ wanted: String, _ labels: [String: String]) -> Bool {
        let parts = wanted.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let value = labels[parts[0]] else { return false }
        return parts.count == 1 || value == parts[1]
    }
}

extension Timestamp {
    /// `until` of a filter: RFC 3339, seconds since 1970, or a duration back from now such as `24h` or `1h30m`.
    init?(filter text: String) {
        if let time = Timestamp(rfc3339: text.utf8) {
            self = time
        } else if let seconds = Int64(text) {
            self.init(seconds: seconds, nanoseconds: 0)
        } else if let age = Self.duration(text) {
            let now = Timestamp.now()
            self.init(seconds: now.seconds - age, nanoseconds: now.nanoseconds)
        } else {
            return nil
        }
    }

    private static func duration(_ text: String) -> Int64? {
        var total: Int64 = 0
        var digits = ""
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let number = Int64(digits), let unit = ["h": 3600, "m": 60, "s": 1, "d": 86400][character] as Int64? else { return nil }
            let (seconds, isTooLong) = number.multipliedReportingOverflow(by: unit)
            let (sum, overflows) = total.addingReportingOverflow(seconds)
            if isTooLong || overflows { return nil }
            total = sum
            digits = ""
        }
        return digits.isEmpty && !text.isEmpty ? total : nil
    }
}
