#if arch(x86_64)
    import CSeccomp
    import Foundation
    import Glibc
    import Testing

    @testable import Confinement

    /// Our code generator against libseccomp's, which runc uses: the same profile must come to the same answers.
    @Suite struct LibseccompComparisonTests {
        /// The profile as runc hands it to libseccomp.
        private func reference(_ profile: ResolvedSeccomp) throws -> FilterMachine {
            let context = try #require(seccomp_init(profile.defaultAction.returnValue))
            defer { seccomp_release(context) }
            for token in [0x4000_0003, 0x4000_003e] as [UInt32] { #expect(seccomp_arch_add(context, token) == 0) }
            #expect(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0)
            for rule in profile.rules where rule.action != profile.defaultAction {
                let conditions = rule.arguments.map { argument in
                    scmp_arg_cmp(
                        arg: argument.index,
                        op: scmp_compare(UInt32(1 + (SeccompArgument.Comparison.allCases.firstIndex(of: argument.comparison) ?? 0))),
                        datum_a: argument.value, datum_b: argument.valueTwo)
                }
                for name in rule.names {
                    let number = seccomp_syscall_resolve_name(name)
                    if number == -1 { continue }
                    let result = seccomp_rule_add_array(context, rule.action.returnValue, number, UInt32(conditions.count), conditions)
                    #expect(result == 0, "\(name)")
                }
            }
            let file = try #require(tmpfile())
            defer { fclose(file) }
            #expect(seccomp_export_bpf(context, fileno(file)) == 0)
            rewind(file)
            var program = [UInt8](repeating: 0, count: 1 << 16)
            program.removeLast(program.count - fread(&program, 1, program.count, file))
            return try FilterMachine(SeccompFilter(program: program))
        }

        /// Arguments that some rule of the profiles looks at, and their neighbours.
        private static let arguments: [[UInt64]] =
            [
                [0, 0, 0], [2, 1, 0], [16, 3, 9], [16, 3, 8], [8, 8, 8], [0x1000_0011, 0, 0], [0x7e02_0000, 1, 0], [0x0002_0000, 0, 0],
                [0x2_0008, 0, 0], [0xffff_ffff, 0, 0], [.max, .max, .max], [1 << 32, 1 << 32, 9], [0x2_0000_0002, 0, 0],
            ] + (1...50).map { [$0, $0, 0] }

        private enum Source: CaseIterable {
            case ours, oursForAdministrators, podman

            func profile() throws -> ResolvedSeccomp {
                switch self {
                case .ours: return try SeccompProfile.default.resolved(capabilities: .timberDefault)
                case .oursForAdministrators:
                    let more = try CapabilitySet(names: ["SYS_ADMIN", "SYS_PTRACE", "SYS_TIME", "SYS_MODULE", "AUDIT_WRITE"])
                    return try SeccompProfile.default.resolved(capabilities: CapabilitySet.timberDefault.union(more))
                case .podman:
                    let json = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/containers/seccomp.json"))
                    return try SeccompProfile(json: Array(json)).resolved(capabilities: .timberDefault)
                }
            }
        }

        @Test(arguments: Source.allCases)
        private func answersTheSame(source: Source) throws {
            let profile = try source.profile()
            let ours = try FilterMachine(profile.compiled())
            let theirs = try reference(profile)
            let otherwise = Verdict(profile.defaultAction.returnValue)
            let looked = Set(profile.rules.filter { !$0.arguments.isEmpty }.flatMap(\.names) + ["socketcall", "ipc"])
            for (abi, token, base) in [(.x86_64, 0xc000_003e, 0), (.x86_64, 0x4000_003e, 0x4000_0000), (.x86, 0x4000_0003, 0)]
                as [(FilterMachine.ABI, UInt32, UInt32)]
            {
                for number in 0...600 as ClosedRange<UInt32> {
                    let name = seccomp_syscall_resolve_num_arch(token, Int32(bitPattern: number | base)).map { pointer in
                        defer { free(pointer) }
                        return String(cString: pointer)
                    }
                    let vectors = looked.contains(name ?? "") ? Self.arguments : Array(Self.arguments.prefix(3))
                    // An ABI of 32 bits has no upper halves, and libseccomp does not look at them.
                    for arguments in token == 0xc000_003e ? vectors : vectors.map({ $0.map { $0 & 0xffff_ffff } }) {
                        let mine = try Verdict(ours.run(abi, number | base, arguments))
                        let other = try Verdict(theirs.run(abi, number | base, arguments))
                        if mine == other { continue }
                        // No such call, or one that libseccomp does not know and we decide by number.
                        if name == nil { continue }
                        // Where a rule looks at a socket's arguments, libseccomp opens socketcall to every socket, and we do not.
                        if abi == .x86 && number == 102 && other == .allow && mine == otherwise { continue }
                        Issue.record("\(name ?? "?") \(number) of \(abi) \(arguments): \(mine), libseccomp \(other)")
                    }
                }
            }
        }
    }
#endif
