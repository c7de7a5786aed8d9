internal import Glibc

/// Starting, and staying attached until the end.
enum ContainerStart {
    /// Starts a created container.
    /// - Throws: `CommandFailure` with 127 for a command that is not there, 126 for one that cannot run, else 125.
    static func start(_ container: String, session: Session) throws {
        do {
            try session.client.perform(.post(try ContainerPath.make(container, "/start")))
        } catch let error as APIError {
            throw failure(error)
        }
    }

    /// A failed start as docker's exit statuses.
    static func failure(_ error: APIError) -> CommandFailure {
        let text = error.message.lowercased()
        let status: Int32
        if ["executable file not found", "no such file or directory", "command not found"].contains(where: text.contains) {
            status = 127
        } else if [
            "permission denied", "is a directory", "not executable", "exec format error", "too many levels of symbolic links",
        ].contains(where: text.contains) {
            status = 126
        } else {
            status = 125
        }
        return CommandFailure("\(Printable(error.message))", status: status)
    }

    /// Connects the streams, registers for the exit, starts, and carries bytes until the end.
    /// - Parameters:
    ///   - condition: which exit is waited for.
    ///   - start: starts the container, when everything is connected.
    /// - Throws: `CommandFailure` with the container's exit status, when that is not 0.
    static func attach(
        _ attached: Attached, streams: (input: Bool, output: Bool, errors: Bool), detachKeys: String?, condition: String, session: Session,
        start: () throws -> Void
    ) throws {
        guard case .container(let id) = attached.target else { return }
        var request = Request.post(
            try ContainerPath.make(id, "/attach"),
            query: [
                ("stream", "1"), ("stdin", streams.input ? "1" : "0"), ("stdout", streams.output ? "1" : "0"),
                ("stderr", streams.errors ? "1" : "0"),
            ])
        if let detachKeys { request.query.append(("detachKeys", detachKeys)) }
        request.upgrades = true
        let status: Int32
        do {
            let exchange = try session.client.begin(request)
            let exit = try PendingExit(session.client, container: id, condition: condition)
            try session.client.check(exchange)
            try exit.confirm()
            switch try attached.run(exchange, exit: exit, start: start) {
            case .finished: status = try exit.status()
            case .detached: return Console.note("\ntctl: detached; the container goes on running")
            case .signal(let number): SignalQueue.die(of: number)
            }
        } catch let error as APIError {
            throw CommandFailure("\(Printable(error.message))", status: 125)
        } catch let error as LostConnection {
            throw CommandFailure("\(error.description): the container may go on running, see tctl ps", status: 125)
        }
        if status != 0 { throw CommandFailure.exit(status) }
    }
}
