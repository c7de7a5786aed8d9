internal import ArgumentParser
internal import DockerAPI

/// How to tell whether the container is healthy.
struct HealthOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Shell command that succeeds in a healthy container", valueName: "command"))
    var healthCmd: String?
    @Option(help: ArgumentHelp("Time between checks (30s)", valueName: "duration"))
    var healthInterval: String?
    @Option(help: ArgumentHelp("Failures in a row that make it unhealthy (3)", valueName: "number"))
    var healthRetries: String?
    @Option(help: ArgumentHelp("Time after a start in which failures do not count (0s)", valueName: "duration"))
    var healthStartPeriod: String?
    @Option(help: ArgumentHelp("Time between checks in the start period (5s)", valueName: "duration"))
    var healthStartInterval: String?
    @Option(help: ArgumentHelp("Time after which a check has failed (30s)", valueName: "duration"))
    var healthTimeout: String?
    @Flag(help: "Leave out the image's health check")
    var noHealthcheck = false

    /// - Returns: nil when nothing was said: the image's counts.
    /// - Throws: `CommandFailure` (125) that names the flag.
    func config() throws -> HealthConfig? {
        var config = HealthConfig()
        if let healthCmd, !healthCmd.isEmpty { config.test = ["CMD-SHELL", healthCmd] }
        config.interval = try Self.time("--health-interval", healthInterval)
        config.timeout = try Self.time("--health-timeout", healthTimeout)
        config.startPeriod = try Self.time("--health-start-period", healthStartPeriod)
        config.startInterval = try Self.time("--health-start-interval", healthStartInterval)
        config.retries = try healthRetries.map { try Numbers.whole(flag: "--health-retries", $0) } ?? 0
        if config.retries < 0 { throw CommandFailure("invalid --health-retries \(config.retries): it cannot be negative", status: 125) }
        guard noHealthcheck else { return config == HealthConfig() ? nil : config }
        if config != HealthConfig() {
            throw CommandFailure("--no-healthcheck and --health-... exclude each other", status: 125)
        }
        return HealthConfig(test: ["NONE"])
    }

    private static func time(_ flag: String, _ text: String?) throws -> Int64 {
        guard let text else { return 0 }
        guard let nanoseconds = Numbers.duration(text) else {
            throw CommandFailure("invalid \(flag) \(Printable(text)): give a duration such as 30s or 1m30s", status: 125)
        }
        if nanoseconds < 0 { throw CommandFailure("invalid \(flag) \(Printable(text)): it cannot be negative", status: 125) }
        return nanoseconds
    }
}
