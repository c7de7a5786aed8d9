internal import Glibc

/// Asks before something is lost.
enum Question {
    /// Asks on the terminal.
    /// - Throws: `CommandFailure` when the answer is not yes.
    static func confirm(_ warning: String, isForced: Bool) throws {
        if isForced { return }
        try Console.write(Array("WARNING! \(warning)\nAre you sure you want to continue? [y/N] ".utf8), to: STDERR_FILENO)
        let answer = readLine()?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else { throw CommandFailure("nothing was removed: the answer was not y; -f does not ask") }
    }
}
