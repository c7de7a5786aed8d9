internal import CSeccomp

/// Numbers of system calls by name, for each ABI of the machines that Timber runs on.
extension SeccompArchitecture {
    /// AUDIT_ARCH_* as the kernel puts it into struct seccomp_data; nil: cannot occur on a machine that Timber runs on.
    var auditToken: UInt32? {
        switch self {
        case .x86_64, .x32: 0xc000_003e
        case .x86: 0x4000_0003
        case .aarch64: 0xc000_00b7
        case .arm: 0x4000_0028
        default: nil
        }
    }

    /// Set in the numbers of x32, which shares its token with x86-64.
    static let x32Bit: UInt32 = 0x4000_0000
    /// Where the private calls of ARM begin (cacheflush, set_tls), far above all others.
    static let armPrivate: UInt32 = 0xf_0000

    /// A system call's number, without x32's bit.
    /// - Returns: nil when this ABI has no such call.
    func number(of name: String) -> UInt32? {
        guard let libseccompToken else { return nil }
        if let known = UInt32(exactly: seccomp_syscall_resolve_name_arch(libseccompToken, name)) {
            return self == .x32 ? known & ~Self.x32Bit : known
        }
        if self == .x86, let direct = Self.multiplexed[name]?.direct { return direct }
        if name == "uretprobe" { return self == .x86_64 ? 335 : nil }
        return Self.newer[name]
    }

    /// Where else the ABI offers a system call: x86 of old packs sockets and System V IPC into one call each.
    /// - Returns: the packing call's number and the value of its first argument.
    func multiplexer(of name: String) -> (number: UInt32, call: UInt64)? {
        guard self == .x86, let entry = Self.multiplexed[name] else { return nil }
        return (entry.multiplexer, entry.call)
    }

    private var libseccompToken: UInt32? {
        switch self {
        case .x86_64: 0xc000_003e
        case .x32: 0x4000_003e
        case .x86: 0x4000_0003
        case .aarch64: 0xc000_00b7
        case .arm: 0x4000_0028
        default: nil
        }
    }

    /// System calls that were added to Linux after libseccomp 2.5.4. From 424 on, a call has the same number on every architecture.
    private static let newer: [String: UInt32] = [
        "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455, "futex_requeue": 456,
        "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462,
        "setxattrat": 463, "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468,
        "file_setattr": 469, "listns": 470,
    ]

    private static let socketcall: UInt32 = 102
    private static let ipc: UInt32 = 117

    /// linux/net.h, linux/ipc.h, and the direct calls that Linux 4.3 and 5.1 gave x86 for them. libseccomp knows both by one name.
    private static let multiplexed: [String: (direct: UInt32?, multiplexer: UInt32, call: UInt64)] = [
        "socket": (359, socketcall, 1), "bind": (361, socketcall, 2), "connect": (362, socketcall, 3), "listen": (363, socketcall, 4),
        "accept": (nil, socketcall, 5), "getsockname": (367, socketcall, 6), "getpeername": (368, socketcall, 7),
        "socketpair": (360, socketcall, 8), "send": (nil, socketcall, 9), "recv": (nil, socketcall, 10), "sendto": (369, socketcall, 11),
        "recvfrom": (371, socketcall, 12), "shutdown": (373, socketcall, 13), "setsockopt": (366, socketcall, 14),
        "getsockopt": (365, socketcall, 15), "sendmsg": (370, socketcall, 16), "recvmsg": (372, socketcall, 17),
        "accept4": (364, socketcall, 18), "recvmmsg": (337, socketcall, 19), "sendmmsg": (345, socketcall, 20),
        "semop": (nil, ipc, 1), "semget": (393, ipc, 2), "semctl": (394, ipc, 3), "semtimedop": (nil, ipc, 4), "msgsnd": (400, ipc, 11),
        "msgrcv": (401, ipc, 12), "msgget": (399, ipc, 13), "msgctl": (402, ipc, 14), "shmat": (397, ipc, 21), "shmdt": (398, ipc, 22),
        "shmget": (395, ipc, 23), "shmctl": (396, ipc, 24),
    ]
}
