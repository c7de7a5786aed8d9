internal import CTimber
internal import Glibc
internal import LinuxKernel

/// A terminal in raw mode until `leave`; also put back when a bug's signal kills the process.
enum RawMode {
    /// What the crash handler restores: it can only reach globals, and there is one terminal.
    private struct Saved {
        var descriptor: Int32 = -1
        var settings = termios()
    }

    nonisolated(unsafe) private static var saved = Saved()

    /// Signals that end the process at once, from a bug or from outside; everything else goes through `SignalQueue`.
    private static let deadly = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]

    /// Switches a terminal to raw mode.
    /// - Throws: `SystemError`.
    static func enter(terminal: Int32) throws {
        var settings = termios()
        try retrying("tcgetattr") { tcgetattr(terminal, &settings) }
        RawMode.saved = Saved(descriptor: terminal, settings: settings)
        for signal in RawMode.deadly {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                RawMode.restore()
                // SA_RESETHAND has put the default action back.
                raise(number)
            }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_NODEFER)
            try retrying("sigaction") { sigaction(signal, &action, nil) }
        }
        cfmakeraw(&settings)
        try retrying("tcsetattr") { tcsetattr(terminal, TCSANOW, &settings) }
    }

    /// Puts the terminal back as it was; does nothing when it is.
    static func leave() {
        restore()
        for number in deadly { signal(number, SIG_DFL) }
    }

    /// Async-signal-safe: one system call.
    private static func restore() {
        if saved.descriptor >= 0 {
            tcsetattr(saved.descriptor, TCSANOW, &saved.settings)
            saved.descriptor = -1
        }
    }
}

/// Questions to a terminal.
enum Terminal {
    /// Rows and columns.
    struct Size: Equatable {
        var height: Int
        var width: Int
    }

    /// Reads something that nobody shall see while it is typed.
    static func withoutEcho<Value>(_ body: () throws -> Value) throws -> Value {
        var before = termios()
        try retrying("tcgetattr") { tcgetattr(STDIN_FILENO, &before) }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        try retrying("tcsetattr") { tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) }
        defer { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) }
        return try body()
    }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The window's size; nil when there is no terminal or it does not know.
    static func size(of descriptor: Int32) -> Size? {
        var size = winsize()
        guard timber_ioctl_pointer(descriptor, UInt(TIOCGWINSZ), &size) >= 0, size.ws_row > 0 || size.ws_col > 0 else { return nil }
        return Size(height: Int(size.ws_row), width: Int(size.ws_col))
    }
}
