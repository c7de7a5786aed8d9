internal import DockerAPI
internal import Errors

/// How much log a container keeps: `--log-opt max-size=10m --log-opt max-file=5`, which are the defaults too.
struct LogLimits: Sendable, Equatable {
    var bytes: UInt64 = 10 << 20
    var files: UInt32 = 5

    /// - Throws: `TimberError.invalidArgument` for a size or count that is none.
    static func parse(_ config: LogConfig) throws -> LogLimits {
        var limits = LogLimits()
        if let size = config.config["max-size"] {
            guard let bytes = parseSize(size), bytes >= 4096 else {
                throw TimberError(.invalidArgument, "invalid max-size \"\(size)\" of the log: expected a size of at least 4k, such as 10m")
            }
            limits.bytes = bytes
        }
        if let count = config.config["max-file"] {
            guard let files = UInt32(count), (1...1000).contains(files) else {
                throw TimberError(.invalidArgument, "invalid max-file \"\(count)\" of the log: expected 1 to 1000")
            }
            limits.files = files
        }
        return limits
    }

    private static func parseSize(_ text: String) -> UInt64? {
        let units: [(String, UInt64)] = [
            ("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("b", 1),
        ]
        let lower = text.lowercased()
        for (suffix, factor) in units where lower.hasSuffix(suffix) {
            guard let number = UInt64(lower.dropLast(suffix.count)) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        return UInt64(lower)
    }
}
