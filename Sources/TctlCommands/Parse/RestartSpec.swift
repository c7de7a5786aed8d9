internal import DockerAPI

/// `--restart POLICY[:RETRIES]`.
enum RestartSpec {
    static let words = ["no", "on-failure", "always", "unless-stopped"]

    static func parse(_ text: String) throws -> RestartPolicy {
        func fail(_ reason: String) -> CommandFailure { CommandFailure("invalid --restart \(Printable(text)): \(reason)", status: 125) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard words.contains(parts[0]), parts.count <= 2 else { throw fail("give no, on-failure[:retries], always or unless-stopped") }
        guard parts.count == 2 else { return RestartPolicy(name: parts[0]) }
        guard parts[0] == "on-failure" else { throw fail("only on-failure takes a number of retries") }
        guard let retries = Int(parts[1]), retries >= 0 else { throw fail("the number of retries must be a whole number") }
        return RestartPolicy(name: parts[0], maximumRetryCount: retries)
    }
}
