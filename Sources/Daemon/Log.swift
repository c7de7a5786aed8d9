internal import Logging
internal import Synchronization

/// The daemon's log: one line an event on standard error, a constant text with metadata.
enum Log {
    static func make(level: Logger.Level) -> Logger {
        setLevel(level)
        LoggingSystem.bootstrap { label in AdjustableHandler(StreamLogHandler.standardError(label: label)) }
        return Logger(label: "timberd")
    }

    /// Changes the level of every logger that there is.
    static func setLevel(_ level: Logger.Level) {
        AdjustableHandler.level.withLock { $0 = level }
    }
}

/// Loggers are values that each module has copies of: their level is kept in one place, so that it can change.
private struct AdjustableHandler: LogHandler {
    static let level = Mutex(Logger.Level.info)

    private var stream: StreamLogHandler

    init(_ stream: StreamLogHandler) {
        self.stream = stream
    }

    var logLevel: Logger.Level {
        get { Self.level.withLock { $0 } }
        set { Self.level.withLock { $0 = newValue } }
    }

    var metadata: Logger.Metadata {
        get { stream.metadata }
        set { stream.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { stream[metadataKey: key] }
        set { stream[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        stream.log(event: event)
    }
}
