internal import Engine
internal import Logging

/// Tells the service manager that the daemon is alive, as often as it wants to know, and only when it is: a request's way was gone first.
/// A daemon that hangs says nothing, is ended and started again; containers do not notice.
struct Heartbeat {
    let engine: Engine
    let interval: Duration
    let socket: String
    let log: Logger

    /// Until the task is cancelled.
    func run() async {
        var said = ""
        while !Task.isCancelled {
            do {
                let containers = try await engine.checkLiveness()
                let status = "STATUS=Serving \(socket); \(containers.running) of \(containers.all) containers run"
                ServiceManager.notify("WATCHDOG=1" + (status == said ? "" : "\n\(status)"))
                said = status
            } catch {
                // Silence is what the service manager acts upon.
                log.error("the daemon is not well", metadata: ["error": "\(error)"])
            }
            do {
                try await Task.sleep(for: interval)
            } catch {
                return
            }
        }
    }
}
