internal import Errors
internal import Logging

/// Reads the configuration again while the daemon runs. What can change does; the rest is named, and waits for the next start.
struct Reload {
    /// Settings that change without a restart.
    private static let live: Set = ["log-level"]

    let file: String?
    let flags: SettingsFile
    let log: Logger
    /// What the daemon runs with.
    private(set) var running: SettingsFile

    init(file: String?, flags: SettingsFile, running: SettingsFile, log: Logger) {
        self.file = file
        self.flags = flags
        self.running = running
        self.log = log
    }

    /// - Returns: one line for the service manager.
    mutating func perform() -> String {
        let settings: Settings
        do {
            settings = try Settings.resolve(file: file, flags: flags)
        } catch {
            log.error("the configuration is wrong; nothing changes", metadata: ["error": "\(error)"])
            return "the configuration is wrong, nothing has changed"
        }
        let changed = SettingsFile.keys.filter { running[keyPath: $0.path] != settings.said[keyPath: $0.path] }
        let waiting = changed.map(\.name).filter { !Self.live.contains($0) }
        for key in changed where Self.live.contains(key.name) { running[keyPath: key.path] = settings.said[keyPath: key.path] }
        Log.setLevel(settings.logLevel)
        log.notice("the configuration was read again", metadata: ["log-level": "\(settings.logLevel)"])
        guard !waiting.isEmpty else { return "the configuration was read again" }
        let names = waiting.joined(separator: ", ")
        log.warning("a changed setting waits for the next start", metadata: ["settings": "\(names)"])
        return "waiting for a restart: \(names)"
    }
}
