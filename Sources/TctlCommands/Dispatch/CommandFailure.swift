/// A command that failed: what is printed after `tctl: `, and the exit status.
struct CommandFailure: Error, CustomStringConvertible {
    /// Lower case, names the object, says what to do next; empty when nothing is left to say.
    let message: String
    /// 1 for a failed command, 125 where docker gives 125, or the container's own status.
    let status: Int32
    /// Whether the command's usage line follows: the command line itself was wrong.
    let showsUsage: Bool

    init(_ message: String, status: Int32 = 1, showsUsage: Bool = false) {
        self.message = message
        self.status = status
        self.showsUsage = showsUsage
    }

    /// Ends the process with a status and no message.
    static func exit(_ status: Int32) -> CommandFailure { CommandFailure("", status: status) }

    /// A command line that cannot be understood: exit status 125, as in docker.
    static func usage(_ message: String) -> CommandFailure { CommandFailure(message, status: 125, showsUsage: true) }

    var description: String { message }
}

/// What the daemon answered instead of doing it.
struct APIError: Error, Equatable, CustomStringConvertible {
    /// The HTTP status.
    let status: Int
    /// The daemon's message.
    let message: String

    var description: String { message }
}
