internal import Logging

/// The daemon's log: one line an event on standard error, a constant text with metadata.
enum Log {
    static func make(level: Logger.Level) -> Logger {
        LoggingSystem.bootstrap { label in StreamLogHandler.standardError(label: label) }
        var log = Logger(label: "timberd")
        log.logLevel = level
        return log
    }
}
