import CSeccomp
import Foundation
import Testing

@testable import Confinement

/// The default profile against the one that Debian ships for Podman (package golang-github-containers-common, made from moby's), and
/// against a list that a person can read. A change of either side shows here.
@Suite struct ProfileComparisonTests {
    private static let podman = "/usr/share/containers/seccomp.json"
    private let compiler = SeccompCompiler()

    private func machine(_ choice: SeccompChoice) throws -> FilterMachine {
        try FilterMachine(try #require(try compiler.filter(choice, capabilities: .timberDefault)))
    }

    #if arch(x86_64)
        /// Every system call of an ABI by name, as libseccomp numbers it.
        private func systemCalls(_ token: UInt32, upTo last: Int32) -> [(name: String, number: UInt32)] {
            (0...last).compactMap { number in
                guard let name = seccomp_syscall_resolve_num_arch(token, number) else { return nil }
                defer { free(name) }
                return (String(cString: name), UInt32(number))
            }
        }

        /// What we allow and Podman's profile of 2022 does not, and the other way round; each with its reason.
        @Test func differsFromPodmansOnlyWhereItIsExplained() throws {
            let ours = try machine(.default)
            let theirs = try machine(.profile(SeccompProfile(json: Array(Data(contentsOf: URL(fileURLWithPath: Self.podman))))))
            var more: Set<String> = []
            var less: Set<String> = []
            for (abi, token) in [(FilterMachine.ABI.x86_64, 0xc000_003e), (.x86, 0x4000_0003)] as [(FilterMachine.ABI, UInt32)] {
                for call in systemCalls(token, upTo: 460) where !["personality", "clone"].contains(call.name) {
                    // An IPv4 stream socket, where it is a socket.
                    let arguments: [UInt64] = [2, 1, 0]
                    let mine = try Verdict(ours.run(abi, call.number, arguments)) == .allow
                    let other = try Verdict(theirs.run(abi, call.number, arguments)) == .allow
                    if mine && !other { more.insert(call.name) }
                    if !mine && other { less.insert(call.name) }
                }
            }
            #expect(
                more == [
                    // Newer than their profile.
                    "cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "map_shadow_stack",
                    // Refused there as rarely used; Docker allows them.
                    "io_pgetevents", "io_pgetevents_time64", "vmsplice",
                ])
            #expect(
                less == [
                    // Namespaces and mounts: Podman lets a container make them in a user namespace.
                    "clone3", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root",
                    "setns", "umount", "umount2", "unshare",
                    // The kernel's log and keys, which are the host's.
                    "keyctl", "syslog",
                    // Other processes' memory and descriptors: ours comes with CAP_SYS_PTRACE.
                    "pidfd_getfd",
                    // Placement of memory: ours comes with CAP_SYS_NICE.
                    "get_mempolicy", "mbind", "set_mempolicy",
                    // Ours comes with CAP_SYS_BOOT.
                    "reboot",
                    // Address families could not be told apart.
                    "socketcall",
                    // 32-bit calls that have had successors since Linux 2.2.
                    "readdir", "sigaction", "signal", "sigpending", "sigsuspend",
                ])
        }

        /// What a container may not call, on x86-64. Reading this list is reviewing the profile.
        @Test func forbidsTheseAndNoOthers() throws {
            let machine = try machine(.default)
            let denied = try systemCalls(0xc000_003e, upTo: 460).filter { try Verdict(machine.run(.x86_64, $0.number)) != .allow }
            #expect(
                denied.map(\.name).sorted() == [
                    "_sysctl", "acct", "add_key", "afs_syscall", "bpf", "clock_settime", "clone3", "create_module", "delete_module",
                    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "get_mempolicy",
                    "getpmsg", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
                    "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "migrate_pages", "mount", "mount_setattr",
                    "move_mount", "move_pages", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd",
                    "pivot_root", "process_madvise", "putpmsg", "query_module", "quotactl", "quotactl_fd", "reboot", "request_key",
                    "security", "set_mempolicy", "set_mempolicy_home_node", "setdomainname", "sethostname", "setns", "settimeofday",
                    "swapoff", "swapon", "sysfs", "syslog", "tuxcall", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup",
                    "vserver",
                ])
        }
    #endif
}
