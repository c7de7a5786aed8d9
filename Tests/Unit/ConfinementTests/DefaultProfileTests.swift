import Confinement
import Testing

/// The default profile as the kernel would decide it, system call by system call.
@Suite struct DefaultProfileTests {
    private static let compiler = SeccompCompiler()

    private func machine(adding names: [String] = []) throws -> FilterMachine {
        let capabilities = CapabilitySet.timberDefault.union(try CapabilitySet(names: names))
        return try FilterMachine(try #require(try Self.compiler.filter(.default, capabilities: capabilities)))
    }

    #if arch(x86_64)
        /// CVE-2026-31431 (AF_ALG) and host-wide AF_VSOCK, by every way in.
        @Test(arguments: [38, 40] as [UInt64])
        func refusesForbiddenFamiliesByEveryABI(family: UInt64) throws {
            let machine = try machine()
            for maker in [41, 53] as [UInt32] {  // socket, socketpair
                #expect(try Verdict(machine.run(.x86_64, maker, [family])) == .eperm)
                #expect(try Verdict(machine.run(.x86_64, maker | 0x4000_0000, [family])) == .eperm)
            }
            for maker in [359, 360] as [UInt32] { #expect(try Verdict(machine.run(.x86, maker, [family])) == .eperm) }
            // socketcall(2): the family is behind a pointer, so no sub-call makes a socket.
            for call in 0...21 as ClosedRange<UInt64> { #expect(try Verdict(machine.run(.x86, 102, [call])) == .enosys) }
        }

        @Test func allowsTheFamiliesThatProgramsUse() throws {
            let machine = try machine()
            for family in [1, 2, 10, 16, 17] as [UInt64] {
                #expect(try Verdict(machine.run(.x86_64, 41, [family, 1, 0])) == .allow)
                #expect(try Verdict(machine.run(.x86_64, 41 | 0x4000_0000, [family, 1, 0])) == .allow)
                #expect(try Verdict(machine.run(.x86, 359, [family, 1, 0])) == .allow)
            }
            // The kernel looks at the low 32 bits only; a filter that compared all 64 differently would be a way round.
            #expect(try Verdict(machine.run(.x86_64, 41, [0x1_0000_0026])) == .eperm)
            #expect(try Verdict(machine.run(.x86_64, 41, [46])) == .eperm)
        }

        @Test func refusesNewNamespaces() throws {
            let machine = try machine()
            for flag in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] as [UInt64] {
                #expect(try Verdict(machine.run(.x86_64, 56, [flag | 17])) == .eperm)
                #expect(try Verdict(machine.run(.x86, 120, [flag | 17])) == .eperm)
            }
            #expect(try Verdict(machine.run(.x86_64, 56, [0x003d_0f00])) == .allow)  // pthread_create
            #expect(try Verdict(machine.run(.x86_64, 435)) == .enosys)  // clone3
            #expect(try Verdict(machine.run(.x86_64, 272, [0x1000_0000])) == .eperm)  // unshare
        }

        @Test func killsForeignABIs() throws {
            let machine = try machine()
            for abi in [FilterMachine.ABI.aarch64, .arm, .ppc64] { #expect(try Verdict(machine.run(abi, 1)) == .killProcess) }
        }
    #endif
}
