import CTimber

extension Child {
    /// --init: this process stays PID 1, confined like the program, and the program runs as its child. Returns in that child.
    func becomeInit() throws(Failure) {
        // Signals wait for sigwaitinfo; the child gets the empty mask back.
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        try check(TIMBER_STAGE_EXEC, result(sigprocmask(SIG_SETMASK, &all, nil)))
        let child = try check(TIMBER_STAGE_EXEC, result(fork()))
        if child == 0 {
            // A process group of its own, in the foreground of the terminal, so that ^C is for the program.
            setpgid(0, 0)
            if terminal >= 0 { tcsetpgrp(0, getpgrp()) }
            try check(TIMBER_STAGE_EXEC, result(sigprocmask(SIG_SETMASK, &none, nil)))
            return
        }
        // Nothing is executed here, so nothing takes another user's capabilities away, as execve does for the program.
        if process.uid != 0 { try check(TIMBER_STAGE_CAPABILITIES, timber_capset(0, 0, 0)) }
        // By both, since either may come first; one of them fails when the other was faster.
        setpgid(child, child)
        _ = timber_prctl(PR_SET_NAME, UInt(bitPattern: constant("timber-init")), 0, 0, 0)
        _ = timber_close_range(0, UInt32.max, 0)
        superviseAsInit(child)
    }

    /// Reaps whatever ends, forwards every other signal, and ends as its child did (128 + n for a signal, as shells say it).
    private func superviseAsInit(_ child: pid_t) -> Never {
        var all = sigset_t()
        sigfillset(&all)
        while true {
            var information = siginfo_t()
            let signal = sigwaitinfo(&all, &information)
            if signal == SIGCHLD {
                reap(child)
            } else if signal > 0 && signal != SIGTTIN && signal != SIGTTOU {
                kill(terminal >= 0 ? -child : child, signal)
            }
        }
    }

    private func reap(_ child: pid_t) {
        while true {
            var status: Int32 = 0
            let ended = waitpid(-1, &status, WNOHANG)
            if ended <= 0 { return }
            if ended == child { _exit(status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)) }
        }
    }
}
