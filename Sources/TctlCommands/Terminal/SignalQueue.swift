internal import CTimber
internal import Glibc
internal import LinuxKernel

/// Signals as bytes to poll: blocked while this value lives, and read from a signalfd.
struct SignalQueue: ~Copyable {
    private let descriptor: Descriptor
    private let previous: sigset_t

    /// The number to poll.
    var raw: Int32 { descriptor.raw }

    /// Signals that a person or a script sends to a program in the foreground.
    static let ending = [SIGINT, SIGTERM, SIGQUIT, SIGHUP]

    /// Everything that can be caught, except what reports a bug, what job control and the window send, and SIGCHLD, SIGPIPE and SIGURG:
    /// those are about this process, not about the container.
    static let forwarded: [Int32] = {
        let own = [
            SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG, SIGWINCH, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGTTIN,
            SIGTTOU,
        ]
        return (1..<32).filter { !own.contains($0) } + (34...64)
    }()

    /// Blocks signals and opens the queue.
    /// - Throws: `SystemError`.
    init(_ signals: [Int32]) throws {
        var mask = sigset_t()
        sigemptyset(&mask)
        for signal in signals { sigaddset(&mask, signal) }
        var before = sigset_t()
        let number = try retrying("signalfd") { signalfd(-1, &mask, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)) }
        let descriptor = Descriptor(owning: number)
        try retrying("sigprocmask") { sigprocmask(SIG_BLOCK, &mask, &before) }
        self.descriptor = descriptor
        previous = before
    }

    deinit {
        _ = withUnsafePointer(to: previous) { sigprocmask(SIG_SETMASK, $0, nil) }
    }

    /// The next signal; nil when none is waiting.
    func next() -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        return read(descriptor.raw, &info, size) == size ? Int32(truncatingIfNeeded: info.ssi_signo) : nil
    }

    /// Ends the process as the signal would have.
    static func die(of number: Int32) -> Never {
        Glibc.signal(number, SIG_DFL)
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, number)
        sigprocmask(SIG_UNBLOCK, &mask, nil)
        raise(number)
        exit(128 + number)
    }

    /// The name the API takes; numbers for real-time signals.
    static func name(of number: Int32) -> String {
        let names: [Int32: String] = [
            SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGUSR1: "USR1", SIGUSR2: "USR2", SIGALRM: "ALRM", SIGTERM: "TERM",
            SIGCONT: "CONT", SIGTSTP: "TSTP",
        ]
        return names[number].map { "SIG" + $0 } ?? "\(number)"
    }
}
