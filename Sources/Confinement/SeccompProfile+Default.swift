internal import Glibc

extension SeccompProfile {
    /// What a container may call unless it says otherwise: the same calls as Docker's default profile of 2026, grouped here by what
    /// they are for. Everything that is not listed fails with EPERM; a call newer than any listed one with ENOSYS, so that a C
    /// library falls back to what it used before (see `SystemCallTable.ranges`).
    ///
    /// Two differences, both stricter: no `socketcall`, because its arguments are behind a pointer that a filter cannot follow and it
    /// would get round the list of address families; `socketpair` obeys the same list. docs/security.md has what that costs.
    /// `ConfinementTests` compare the list with Debian's copy of the profile that Podman uses.
    public static let `default` = SeccompProfile(
        defaultAction: .errno(UInt16(EPERM)),
        architectures: .map([
            .init(architecture: .x86_64, sub: [.x86, .x32]),
            .init(architecture: .aarch64, sub: [.arm]),
        ]),
        rules: everybody + byArchitecture + byCapability)

    private static func allow(_ names: String, caps: [String] = [], arches: [String] = [], since: KernelVersion? = nil) -> Rule {
        Rule(
            names: names.split { $0 == " " || $0 == "\n" }.map(String.init), action: .allow,
            includes: Condition(architectures: arches, capabilities: caps, minimumKernel: since))
    }

    private static func allow(
        _ name: String, _ index: UInt32, _ comparison: SeccompArgument.Comparison, _ value: UInt64, unless cap: String? = nil
    ) -> Rule {
        Rule(
            names: [name], action: .allow, arguments: [SeccompArgument(index: index, comparison: comparison, value: value)],
            excludes: Condition(capabilities: cap.map { [$0] } ?? []))
    }

    // MARK: - What everybody may call

    private static let everybody: [Rule] =
        [
            allow(files), allow(fileAttributes), allow(inputAndOutput), allow(polling), allow(networking), allow(processes),
            allow(identity), allow(scheduling), allow(signals), allow(memory), allow(timeAndTimers), allow(systemVIPC),
            allow(selfRestriction),
            // Before Linux 4.8 a tracer could change a system call after the filter had passed it.
            allow("ptrace process_vm_readv process_vm_writev", since: KernelVersion(kernel: 4, major: 8)),
        ] + personalities + sockets

    private static let files = """
        access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fchdir fchmod
        fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 flock getcwd getdents getdents64 lchown lchown32 link linkat mkdir
        mkdirat mknod mknodat name_to_handle_at open openat openat2 readlink readlinkat rename renameat renameat2 rmdir symlink
        symlinkat umask unlink unlinkat fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
        """
    private static let fileAttributes = """
        fstat fstat64 fstatat64 fstatfs fstatfs64 futimesat listmount lstat lstat64 newfstatat stat stat64 statfs statfs64 statmount
        statx utime utimensat utimensat_time64 utimes fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr
        listxattr listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
        """
    private static let inputAndOutput = """
        _llseek cachestat fadvise64 fadvise64_64 fallocate fdatasync fsync ftruncate ftruncate64 io_cancel io_destroy io_getevents
        io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set lseek pipe pipe2 pread64 preadv preadv2
        pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync sync_file_range syncfs tee truncate truncate64
        vmsplice write writev
        """
    private static let polling = """
        _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
        eventfd2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime
        timerfd_gettime64 timerfd_settime timerfd_settime64
        """
    /// Everything about a socket but making one: see `sockets`.
    private static let networking = """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send
        sendmmsg sendmsg sendto setsockopt shutdown
        """
    private static let processes = """
        execve execveat exit exit_group fork vfork wait4 waitid waitpid pidfd_open pidfd_send_signal process_mrelease prctl
        get_robust_list set_robust_list get_thread_area set_thread_area set_tid_address rseq futex futex_requeue futex_time64
        futex_wait futex_waitv futex_wake restart_syscall riscv_hwprobe uretprobe sysinfo uname getcpu
        """
    private static let identity = """
        capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid
        getresgid getresgid32 getresuid getresuid32 getsid gettid getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid
        setgid32 setgroups setgroups32 setpgid setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
        setsid setuid setuid32
        """
    private static let scheduling = """
        getpriority setpriority getrlimit ugetrlimit setrlimit prlimit64 getrusage sched_get_priority_max sched_get_priority_min
        sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
        sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        """
    private static let signals = """
        alarm kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn tgkill tkill
        """
    private static let memory = """
        brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap
        mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages
        """
    /// `adjtimex` and `clock_adjtime` only read without CAP_SYS_TIME.
    private static let timeAndTimers = """
        adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
        clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun
        timer_gettime timer_gettime64 timer_settime timer_settime64 times getrandom
        """
    private static let systemVIPC = """
        ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget mq_getsetattr
        mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
        """
    private static let selfRestriction = "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp"

    /// PER_LINUX and PER_LINUX32, each also with UNAME26, and the query 0xffffffff. Not ADDR_NO_RANDOMIZE or READ_IMPLIES_EXEC.
    private static let personalities = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff].map { allow("personality", 0, .equal, $0) }

    /// Families that a socket may be of. Left out on purpose: AF_ALG (38: kernel cryptography, CVE-2026-31431) and AF_VSOCK
    /// (40: host and guests, not separated by network namespaces); the others that are missing no longer exist in Linux.
    static let addressFamilies: [UInt64] =
        Array(1...11) + [13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45]

    /// The rule for `socketcall` stands first and is not EPERM: with each rule for `socket` libseccomp adds, by itself, one that allows
    /// the sub-call of `socketcall`, and runc leaves out a rule that equals the default action.
    private static let sockets: [Rule] =
        [Rule(names: ["socketcall"], action: .errno(UInt16(ENOSYS)))]
        + ["socket", "socketpair"].flatMap { name in
            [allow(name, 0, .less, 12)] + addressFamilies.filter { $0 > 12 }.map { allow(name, 0, .equal, $0) }
        }

    // MARK: - What depends on the machine

    private static let byArchitecture: [Rule] = [
        allow("arch_prctl", arches: ["amd64", "x32"]),
        allow("modify_ldt", arches: ["amd64", "x32", "x86"]),
        allow("arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2", arches: ["arm", "arm64"]),
    ]

    // MARK: - What a capability brings with it

    /// CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWNS.
    private static let namespaceFlags: UInt64 = 0x7e02_0000

    private static let byCapability: [Rule] = [
        allow(
            """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
            lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname
            setns syslog umount umount2 unshare
            """, caps: ["CAP_SYS_ADMIN"]),
        allow("clone", 0, .maskedEqual, namespaceFlags, unless: "CAP_SYS_ADMIN"),
        // Its flags are behind a pointer. ENOSYS makes a C library use clone.
        Rule(names: ["clone3"], action: .errno(UInt16(ENOSYS)), excludes: Condition(capabilities: ["CAP_SYS_ADMIN"])),
        allow("open_by_handle_at", caps: ["CAP_DAC_READ_SEARCH"]),
        allow("reboot", caps: ["CAP_SYS_BOOT"]),
        allow("chroot", caps: ["CAP_SYS_CHROOT"]),
        allow("delete_module finit_module init_module", caps: ["CAP_SYS_MODULE"]),
        allow("acct", caps: ["CAP_SYS_PACCT"]),
        allow("kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace", caps: ["CAP_SYS_PTRACE"]),
        allow("ioperm iopl", caps: ["CAP_SYS_RAWIO"]),
        allow("clock_settime clock_settime64 settimeofday stime", caps: ["CAP_SYS_TIME"]),
        allow("vhangup", caps: ["CAP_SYS_TTY_CONFIG"]),
        allow("get_mempolicy mbind set_mempolicy set_mempolicy_home_node", caps: ["CAP_SYS_NICE"]),
        allow("syslog", caps: ["CAP_SYSLOG"]),
        allow("bpf", caps: ["CAP_BPF"]),
        allow("perf_event_open", caps: ["CAP_PERFMON"]),
    ]
}
