internal import DockerAPI
internal import Errors
internal import Images

/// A health check with everything filled in; times are nanoseconds.
struct HealthCheck: Sendable, Equatable {
    /// What runs in the container.
    var command: [String]
    var interval: Int64 = 30_000_000_000
    var timeout: Int64 = 30_000_000_000
    /// How long failures do not count after a start.
    var startPeriod: Int64 = 0
    /// Between probes within the start period, until the first that succeeds.
    var startInterval: Int64 = 5_000_000_000
    /// How many failures in a row make it unhealthy.
    var retries = 3

    private static let shortest: Int64 = 1_000_000
    /// Three years: what is longer does not come to pass.
    private static let longest: Int64 = 100_000_000_000_000_000

    /// The check of a container; nil when it has none.
    /// - Parameter config: the container's, merged with its image's and validated.
    init?(_ config: DockerAPI.ContainerConfig) {
        guard let check = config.healthcheck, let kind = check.test.first, check.test.count > 1 else { return nil }
        switch kind {
        case "CMD": command = Array(check.test.dropFirst())
        case "CMD-SHELL": command = (config.shell.flatMap { $0.isEmpty ? nil : $0 } ?? ["/bin/sh", "-c"]) + check.test.dropFirst()
        default: return nil
        }
        func take(_ value: Int64, _ field: WritableKeyPath<HealthCheck, Int64>) {
            if value > 0 { self[keyPath: field] = min(value, Self.longest) }
        }
        take(check.interval, \.interval)
        take(check.timeout, \.timeout)
        take(check.startPeriod, \.startPeriod)
        take(check.startInterval, \.startInterval)
        if check.retries > 0 { retries = check.retries }
    }

    /// What a request asks for, with what it leaves out taken from the image.
    static func merged(_ request: HealthConfig?, image: Images.Healthcheck?) -> HealthConfig? {
        guard let image else { return request }
        let other = HealthConfig(
            test: image.test, interval: image.interval, timeout: image.timeout, startPeriod: image.startPeriod,
            startInterval: image.startInterval, retries: image.retries)
        guard var check = request else { return other }
        if check.test.isEmpty { check.test = other.test }
        for field in [\HealthConfig.interval, \.timeout, \.startPeriod, \.startInterval] where check[keyPath: field] == 0 {
            check[keyPath: field] = other[keyPath: field]
        }
        if check.retries == 0 { check.retries = other.retries }
        return check
    }

    /// - Throws: `TimberError.invalidArgument` that names what is wrong.
    static func validate(_ check: HealthConfig) throws {
        if let kind = check.test.first {
            guard ["NONE", "CMD", "CMD-SHELL"].contains(kind) else {
                throw TimberError(
                    .invalidArgument,
                    "unknown type '\(kind.prefix(64))' of Healthcheck: Test begins with NONE, CMD or CMD-SHELL; --no-healthcheck leaves it out"
                )
            }
            guard kind == "NONE" || check.test.count > 1, check.test.dropFirst().first != "" else {
                throw TimberError(.invalidArgument, "Healthcheck has no command behind \(kind)")
            }
        }
        let times = [
            ("Interval", check.interval), ("Timeout", check.timeout), ("StartPeriod", check.startPeriod),
            ("StartInterval", check.startInterval),
        ]
        for (name, value) in times where value != 0 && value < shortest {
            throw TimberError(.invalidArgument, "\(name) in Healthcheck cannot be less than 1ms")
        }
        guard check.retries >= 0 else { throw TimberError(.invalidArgument, "Retries in Healthcheck cannot be negative") }
    }
}
