#if arch(x86_64)
    import CTimber
    import Confinement
    import Glibc
    import LinuxKernel
    import TestChildren
    import Testing

    /// The compiled default profile in the real kernel: a child loads it and makes one system call, by either gate.
    @Suite struct SeccompKernelTests {
        enum Gate: String, Sendable {
            /// The syscall instruction.
            case native
            /// int 0x80: the 32-bit ABI, open to every 64-bit program.
            case int80
        }

        struct Call: Sendable, CustomTestStringConvertible {
            let gate: Gate
            let number: Int32
            var arguments: [Int] = []
            let expected: [Int32]
            let what: String
            var testDescription: String { "\(what) by \(gate.rawValue)" }
        }

        private typealias Function = @convention(c) (Int32, Int, Int, Int) -> Int

        /// Two functions of machine code: f(number, a, b, c) makes the system call and returns the kernel's answer. Below 4 GiB, so that
        /// the 32-bit ABI can point into the same page.
        private final class Gates: @unchecked Sendable {
            let page: UnsafeMutableRawPointer
            let native: Function
            let int80: Function
            /// socketcall's arguments: (family, SOCK_SEQPACKET, 0).
            let socketArguments: UnsafeMutablePointer<UInt32>

            init() throws {
                let nativeCode: [UInt8] = [0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x0f, 0x05, 0xc3]
                let int80Code: [UInt8] = [0x53, 0x89, 0xf8, 0x89, 0xf3, 0x87, 0xd1, 0xcd, 0x80, 0x48, 0x98, 0x5b, 0xc3]
                let map32Bit: Int32 = 0x40
                let mapping = mmap(nil, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | map32Bit, -1, 0)
                page = try #require(mapping != MAP_FAILED ? mapping : nil)
                page.copyMemory(from: nativeCode, byteCount: nativeCode.count)
                (page + 64).copyMemory(from: int80Code, byteCount: int80Code.count)
                native = unsafeBitCast(page, to: Function.self)
                int80 = unsafeBitCast(page + 64, to: Function.self)
                socketArguments = (page + 128).bindMemory(to: UInt32.self, capacity: 3)
            }

            deinit { munmap(page, 4096) }
        }

        private static let filter = Result {
            try #require(try SeccompCompiler().filter(.default, capabilities: .timberDefault))
        }

        /// - Returns: 0 or errno, as the child saw it; 128 + n when a signal ended it.
        private func answer(_ call: Call, filtered: Bool = true) throws -> Int32 {
            let gates = try Gates()
            let program = try Self.filter.get().program
            let count = filtered ? UInt16(program.count / 8) : 0
            let function = call.gate == .native ? gates.native : gates.int80
            var arguments = call.arguments + [0, 0, 0]
            if call.number == 102 && call.gate == .int80 {
                gates.socketArguments[0] = UInt32(truncatingIfNeeded: arguments[1])
                gates.socketArguments[1] = UInt32(SOCK_SEQPACKET.rawValue)
                gates.socketArguments[2] = 0
                arguments[1] = Int(bitPattern: gates.socketArguments)
            }
            let pid = program.withUnsafeBytes { bytes in
                test_call_in_child(bytes.assumingMemoryBound(to: sock_filter.self).baseAddress, count, function, call.number, arguments)
            }
            let child = pid_t(try checking("clone3") { Int(pid) })
            var status: Int32 = 0
            try retrying("waitpid") { waitpid(child, &status, 0) }
            withExtendedLifetime(gates) {}
            return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        }

        private static let families: [Call] = [38, 40].flatMap { family in
            [
                Call(gate: .native, number: 41, arguments: [family, 5, 0], expected: [EPERM], what: "socket(\(family))"),
                Call(gate: .native, number: 41 | 0x4000_0000, arguments: [family, 5, 0], expected: [EPERM], what: "x32 socket(\(family))"),
                Call(gate: .int80, number: 359, arguments: [family, 5, 0], expected: [EPERM], what: "socket(\(family))"),
                Call(gate: .int80, number: 102, arguments: [1, family], expected: [ENOSYS], what: "socketcall(SYS_SOCKET, \(family))"),
                Call(gate: .native, number: 53, arguments: [family, 5, 0], expected: [EPERM], what: "socketpair(\(family))"),
            ]
        }

        private static let others: [Call] = [
            Call(gate: .native, number: 41, arguments: [2, 1, 0], expected: [0], what: "socket(AF_INET)"),
            Call(gate: .int80, number: 359, arguments: [2, 1, 0], expected: [0], what: "socket(AF_INET)"),
            Call(gate: .native, number: 272, arguments: [0x1000_0000], expected: [EPERM], what: "unshare(CLONE_NEWUSER)"),
            Call(gate: .int80, number: 310, arguments: [0x1000_0000], expected: [EPERM], what: "unshare(CLONE_NEWUSER)"),
            Call(gate: .native, number: 56, arguments: [0x1000_0011], expected: [EPERM], what: "clone(CLONE_NEWUSER)"),
            Call(gate: .native, number: 435, expected: [ENOSYS], what: "clone3"),
            Call(gate: .native, number: 425, arguments: [1], expected: [EPERM], what: "io_uring_setup"),
            Call(gate: .int80, number: 425, arguments: [1], expected: [EPERM], what: "io_uring_setup"),
            Call(gate: .native, number: 323, expected: [EPERM], what: "userfaultfd"),
            Call(gate: .native, number: 321, expected: [EPERM], what: "bpf"),
            Call(gate: .int80, number: 357, expected: [EPERM], what: "bpf"),
            Call(gate: .native, number: 250, expected: [EPERM], what: "keyctl"),
            Call(gate: .native, number: 298, expected: [EPERM], what: "perf_event_open"),
            Call(gate: .native, number: 431, expected: [EPERM], what: "fsconfig"),
            Call(gate: .native, number: 135, arguments: [0x0040_0000], expected: [EPERM], what: "personality(READ_IMPLIES_EXEC)"),
            Call(gate: .native, number: 135, arguments: [8], expected: [0], what: "personality(PER_LINUX32)"),
            Call(gate: .native, number: 511, expected: [ENOSYS], what: "a call of the future"),
            Call(gate: .native, number: 39, expected: [0], what: "getpid"),
        ]

        @Test(arguments: families + others)
        func kernelAgrees(call: Call) throws {
            let answer = try answer(call)
            // A kernel without the 32-bit ABI answers int 0x80 with a signal before any filter: no way in is also no way in.
            let accepted = call.gate == .int80 && call.expected != [0] ? call.expected + [128 + SIGSEGV] : call.expected
            #expect(accepted.contains(answer))
        }

        /// That the forbidden calls are stopped by the filter, and not by something else on this machine.
        @Test func withoutTheFilterTheyPass() throws {
            #expect(try answer(Call(gate: .native, number: 272, arguments: [0x0800_0000], expected: [], what: ""), filtered: false) == 0)
            #expect(try answer(Call(gate: .native, number: 272, arguments: [0x0800_0000], expected: [], what: "")) == EPERM)
            let direct = try answer(Call(gate: .native, number: 41, arguments: [38, 5, 0], expected: [], what: ""), filtered: false)
            let old = try answer(Call(gate: .int80, number: 102, arguments: [1, 38], expected: [], what: ""), filtered: false)
            #expect(direct != EPERM)
            #expect([direct, 128 + SIGSEGV].contains(old), "int 0x80 reaches the same function")
        }
    }
#endif
