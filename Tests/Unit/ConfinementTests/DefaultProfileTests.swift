import Testing

@testable import Confinement

/// The default profile as the kernel would decide it, system call by system call.
@Suite struct DefaultProfileTests {
    private static let compiler = SeccompCompiler()

    private func machine(adding names: [String] = []) throws -> FilterMachine {
        let capabilities = CapabilitySet.timberDefault.union(try CapabilitySet(names: names))
        return try FilterMachine(try #require(try Self.compiler.filter(.default, capabilities: capabilities)))
    }

    #if arch(x86_64)
        private static let x32: UInt32 = 0x4000_0000

        /// CVE-2026-31431 (AF_ALG) and host-wide AF_VSOCK, by every way in.
        @Test(arguments: [38, 40] as [UInt64])
        func refusesForbiddenFamiliesByEveryABI(family: UInt64) throws {
            let machine = try machine()
            for maker in [41, 53] as [UInt32] {  // socket, socketpair
                #expect(try Verdict(machine.run(.x86_64, maker, [family])) == .eperm)
                #expect(try Verdict(machine.run(.x86_64, maker | Self.x32, [family])) == .eperm)
            }
            for maker in [359, 360] as [UInt32] { #expect(try Verdict(machine.run(.x86, maker, [family])) == .eperm) }
            // socketcall(2): the family is behind a pointer, so no sub-call makes a socket.
            for call in 0...21 as ClosedRange<UInt64> { #expect(try Verdict(machine.run(.x86, 102, [call])) == .enosys) }
        }

        /// Every family from 0 to beyond the last one, by every direct way.
        @Test func allowsTheListedFamiliesOnly() throws {
            let machine = try machine()
            for family in 0...64 as ClosedRange<UInt64> {
                // 0 makes no socket; the range that compares cheapest includes it.
                let expected = family == 0 || SeccompProfile.addressFamilies.contains(family) ? Verdict.allow : .eperm
                for (abi, number) in [(.x86_64, 41), (.x86_64, 41 | Self.x32), (.x86_64, 53), (.x86, 359), (.x86, 360)]
                    as [(FilterMachine.ABI, UInt32)]
                {
                    #expect(try Verdict(machine.run(abi, number, [family, 1, 0])) == expected, "\(family) by \(number)")
                }
                // The kernel looks at 32 bits; more of them must not lead elsewhere.
                #expect(try Verdict(machine.run(.x86_64, 41, [family | 1 << 32])) == .eperm)
            }
        }

        @Test func refusesNewNamespaces() throws {
            let machine = try machine()
            for flag in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] as [UInt64] {
                #expect(try Verdict(machine.run(.x86_64, 56, [flag | 17])) == .eperm)
                #expect(try Verdict(machine.run(.x86_64, 56 | Self.x32, [flag | 17])) == .eperm)
                #expect(try Verdict(machine.run(.x86, 120, [flag | 17])) == .eperm)
            }
            #expect(try Verdict(machine.run(.x86_64, 56, [0x003d_0f00])) == .allow)  // pthread_create
            #expect(try Verdict(machine.run(.x86_64, 435)) == .enosys)  // clone3
            #expect(try Verdict(machine.run(.x86, 435)) == .enosys)
            for number in [272, 308, 165, 430, 431] as [UInt32] {  // unshare, setns, mount, fsopen, fsconfig
                #expect(try Verdict(machine.run(.x86_64, number, [0x1000_0000])) == .eperm)
                #expect(try Verdict(machine.run(.x86_64, number | Self.x32, [0x1000_0000])) == .eperm)
            }
        }

        @Test func allowsFivePersonalities() throws {
            let machine = try machine()
            for (value, expected) in [
                (0, .allow), (8, .allow), (0x20000, .allow), (0x20008, .allow), (0xffff_ffff, .allow), (0x0040_0000, .eperm),
                (0x0004_0000, .eperm),
                (1, .eperm), (9, .eperm),
            ] as [(UInt64, Verdict)] {
                #expect(try Verdict(machine.run(.x86_64, 135, [value])) == expected)
                #expect(try Verdict(machine.run(.x86, 136, [value])) == expected)
            }
        }

        /// io_uring, userfaultfd, bpf, keyrings, perf: attack surface that a container does not need.
        @Test func refusesWhatKernelsAreAttackedThrough() throws {
            let machine = try machine()
            for number in [425, 426, 427, 323, 321, 248, 249, 250, 298, 246, 313, 175, 304] as [UInt32] {
                #expect(try Verdict(machine.run(.x86_64, number)) == .eperm, "\(number)")
                #expect(try Verdict(machine.run(.x86_64, number | Self.x32)) != .allow, "\(number)")
            }
            for number in [425, 426, 427, 374, 357, 286, 287, 288, 336] as [UInt32] {
                #expect(try Verdict(machine.run(.x86, number)) == .eperm, "\(number)")
            }
        }

        /// A C library tries a new system call first and falls back on ENOSYS only.
        @Test func doesNotKnowWhatIsNewerThanTheProfile() throws {
            let machine = try machine()
            for number in [467, 468, 470, 500, 511, 1000, 0x3fff_ffff] as [UInt32] {
                #expect(try Verdict(machine.run(.x86_64, number)) == .enosys, "\(number)")
                #expect(try Verdict(machine.run(.x86, number)) == .enosys, "\(number)")
            }
            #expect(try Verdict(machine.run(.x86_64, 0xffff_ffff)) == .enosys)
            #expect(try Verdict(machine.run(.x86_64, 1000 | Self.x32)) == .enosys)
            // Listed, and unknown to libseccomp 2.5.4.
            for number in [451, 452, 457, 458, 462, 463, 464, 465, 466] as [UInt32] {
                #expect(try Verdict(machine.run(.x86_64, number)) == .allow, "\(number)")
                #expect(try Verdict(machine.run(.x86_64, number | Self.x32)) == .allow, "\(number)")
                #expect(try Verdict(machine.run(.x86, number)) == .allow, "\(number)")
            }
            #expect(try Verdict(machine.run(.x86_64, 335)) == .allow)  // uretprobe
            // lsm_get_self_attr comes with CAP_SYS_ADMIN, and is no newer than the rest.
            #expect(try Verdict(machine.run(.x86_64, 459)) == .eperm)
        }

        @Test func killsForeignABIs() throws {
            let machine = try machine()
            for abi in [FilterMachine.ABI.aarch64, .arm, .ppc64] { #expect(try Verdict(machine.run(abi, 1)) == .killProcess) }
        }

        @Test(
            arguments: [
                ("SYS_ADMIN", [165, 272, 308, 321, 430, 435, 459]), ("SYS_PTRACE", [312, 438, 440]), ("SYS_TIME", [164, 227]),
                ("SYS_NICE", [237, 238, 450]),
                ("SYS_MODULE", [175, 313, 176]), ("SYS_BOOT", [169]), ("DAC_READ_SEARCH", [304]), ("SYS_RAWIO", [172, 173]),
                ("SYSLOG", [103]),
                ("BPF", [321]), ("PERFMON", [298]), ("SYS_PACCT", [163]), ("SYS_TTY_CONFIG", [153]),
            ] as [(String, [UInt32])])
        func capabilitiesBringTheirCalls(name: String, numbers: [UInt32]) throws {
            let without = try machine()
            let with = try machine(adding: [name])
            for number in numbers {
                #expect(try Verdict(without.run(.x86_64, number)) != .allow, "\(number)")
                #expect(try Verdict(with.run(.x86_64, number)) == .allow, "\(number)")
            }
            // What no capability brings.
            for number in [425, 323, 248] as [UInt32] { #expect(try Verdict(with.run(.x86_64, number)) == .eperm) }
        }

        @Test func namespacesComeWithSysAdmin() throws {
            #expect(try Verdict(machine(adding: ["SYS_ADMIN"]).run(.x86_64, 56, [0x1000_0011])) == .allow)
        }
    #endif

    @Test func tracingNeedsAKernelThatFiltersAfterIt() throws {
        let names: (KernelVersion) -> [String] = { kernel in
            SeccompProfile.default.resolved(capabilities: .timberDefault, kernel: kernel).rules.flatMap(\.names)
        }
        #expect(names(KernelVersion(kernel: 4, major: 8)).contains("ptrace"))
        #expect(!names(KernelVersion(kernel: 4, major: 7)).contains("ptrace"))
        #expect(!names(KernelVersion(kernel: 3, major: 19)).contains("ptrace"))
    }

    @Test func versionsAreRead() {
        #expect(KernelVersion(parsing: "6.18.44-fc-v445") == KernelVersion(kernel: 6, major: 18))
        #expect(KernelVersion(parsing: "4.8") == KernelVersion(kernel: 4, major: 8))
        #expect(KernelVersion(parsing: "5.10-rc1") == KernelVersion(kernel: 5, major: 10))
        for text in ["", "4", "4.", "x.y", "-1.2", "4.-8"] { #expect(KernelVersion(parsing: text) == nil, "\(text)") }
    }

    @Test func isCompiledOnce() throws {
        let compiler = SeccompCompiler()
        try compiler.prepare()
        let first = try #require(try compiler.filter(.default, capabilities: .timberDefault))
        #expect(try compiler.filter(.default, capabilities: .timberDefault) == first)
        #expect(try compiler.filter(.unconfined, capabilities: .timberDefault) == nil)
        #expect(first.instructions <= 4096)
    }
}
