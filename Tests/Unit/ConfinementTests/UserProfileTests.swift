import Errors
import Foundation
import Testing

@testable import Confinement

@Suite struct UserProfileTests {
    private let compiler = SeccompCompiler()

    private func profile(_ json: String) throws -> SeccompProfile { try SeccompProfile(json: Array(json.utf8)) }

    private func machine(_ json: String, capabilities: CapabilitySet = .timberDefault) throws -> FilterMachine {
        try FilterMachine(try #require(try compiler.filter(.profile(profile(json)), capabilities: capabilities)))
    }

    /// What config.json says means what the launch plan does.
    @Test(arguments: [[], ["SYS_ADMIN"], ["SYS_PTRACE", "SYS_TIME"]])
    func theRuntimeSpecificationsFormIsTheSameFilter(adding: [String]) throws {
        let capabilities = CapabilitySet.timberDefault.union(try CapabilitySet(names: adding))
        let resolved = try SeccompProfile.default.resolved(capabilities: capabilities)
        let again = try SeccompProfile(json: resolved.ociJSON()).resolved(capabilities: capabilities)
        #expect(again == resolved)
        #expect(try again.compiled() == resolved.compiled())
        #expect(try JSONSerialization.jsonObject(with: Data(resolved.ociJSON())) is [String: Any])
    }

    #if arch(x86_64)
        @Test func allowsAllButSome() throws {
            let machine = try machine(
                #"""
                {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
                  {"names": ["chmod", "fchmod", "no_such_call"], "action": "SCMP_ACT_ERRNO"},
                  {"name": "mkdir", "action": "SCMP_ACT_ERRNO", "errnoRet": 2, "args": null},
                  {"names": ["kill"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]},
                  {"names": ["getpid"], "action": "SCMP_ACT_TRAP"}, {"names": ["getppid"], "action": "SCMP_ACT_LOG"}]}
                """#)
            #expect(try Verdict(machine.run(.x86_64, 90)) == .eperm)
            #expect(try Verdict(machine.run(.x86, 15)) == .eperm)
            #expect(try Verdict(machine.run(.x86_64, 83)) == .errno(2))
            #expect(try Verdict(machine.run(.x86_64, 62, [1, 9])) == .killProcess)
            #expect(try Verdict(machine.run(.x86_64, 62, [1, 15])) == .allow)
            #expect(try Verdict(machine.run(.x86_64, 39)) == .trap)
            #expect(try Verdict(machine.run(.x86_64, 110)) == .log)
            // Nothing is too new for a profile that allows by default.
            #expect(try Verdict(machine.run(.x86_64, 5000)) == .allow)
        }

        @Test func takesAProfileWithoutRules() throws {
            for (action, verdict) in [("ALLOW", .allow), ("ERRNO", .eperm), ("KILL", .killThread), ("KILL_PROCESS", .killProcess)]
                as [(String, Verdict)]
            {
                let machine = try machine(#"{"defaultAction": "SCMP_ACT_\#(action)"}"#)
                for number in [0, 500, .max] as [UInt32] { #expect(try Verdict(machine.run(.x86_64, number & 0x3fff_ffff)) == verdict) }
                #expect(try Verdict(machine.run(.x86_64, 0x4000_0000)) == .killProcess)
            }
        }

        @Test func decidesConditions() throws {
            let json = #"""
                {"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": null}], "syscalls": [
                  {"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}},
                  {"names": ["write"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
                  {"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}},
                  {"names": ["close"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_NEVER", "CAP_SYS_ADMIN"]}},
                  {"names": ["stat"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "3.0"}},
                  {"names": ["fstat"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "3.0"}}]}
                """#
            let plain = try machine(json)
            #expect(try (0...5).map { try Verdict(plain.run(.x86_64, $0)) } == [.allow, .eperm, .eperm, .allow, .allow, .enosys])
            let admin = try machine(json, capabilities: CapabilitySet.timberDefault.union(CapabilitySet(names: ["SYS_ADMIN"])))
            #expect(try (0...5).map { try Verdict(admin.run(.x86_64, $0)) } == [.allow, .eperm, .allow, .eperm, .allow, .enosys])
            // An ABI that the profile does not cover.
            #expect(try Verdict(plain.run(.x86, 3)) == .killProcess)
        }

        @Test func comparesArguments() throws {
            let values: [UInt64] = [0, 4, 5, 6, 1 << 40, .max]
            for (operation, holds) in [
                ("NE", { $0 != 5 }), ("LT", { $0 < 5 }), ("LE", { $0 <= 5 }), ("EQ", { $0 == 5 }), ("GE", { $0 >= 5 }), ("GT", { $0 > 5 }),
                ("MASKED_EQ", { $0 & 5 == 4 }),
            ] as [(String, (UInt64) -> Bool)] {
                let machine = try machine(
                    """
                    {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                     "args": [{"index": 2, "value": 5, "valueTwo": 4, "op": "SCMP_CMP_\(operation)"}]}]}
                    """)
                for value in values {
                    #expect(
                        try Verdict(machine.run(.x86_64, 135, [0, 0, value])) == (holds(value) ? .allow : .eperm), "\(operation) \(value)")
                }
            }
        }

        /// x86 packs sockets into socketcall(2), whose arguments no filter can see: a rule that looks at them does not open it.
        @Test func socketsBehindAPointerStayShut() throws {
            let machine = try machine(
                #"""
                {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "syscalls": [
                  {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
                  {"names": ["connect", "msgget"], "action": "SCMP_ACT_ALLOW"}]}
                """#)
            #expect(try Verdict(machine.run(.x86, 359, [2])) == .allow)
            #expect(try Verdict(machine.run(.x86, 359, [38])) == .eperm)
            #expect(try Verdict(machine.run(.x86, 102, [1])) == .eperm)
            #expect(try Verdict(machine.run(.x86, 362)) == .allow)
            #expect(try Verdict(machine.run(.x86, 102, [3])) == .allow)
            #expect(try Verdict(machine.run(.x86, 117, [13])) == .allow)
            #expect(try Verdict(machine.run(.x86, 117, [14])) == .eperm)
        }

        /// As runc: conditions on one argument are alternatives, on different arguments all must hold.
        @Test func combinesArguments() throws {
            let machine = try machine(
                #"""
                {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                  {"names": ["read"], "action": "SCMP_ACT_ALLOW",
                   "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
                  {"names": ["write"], "action": "SCMP_ACT_ALLOW",
                   "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]}]}
                """#)
            #expect(try [1, 2, 3].map { try Verdict(machine.run(.x86_64, 0, [$0])) } == [.allow, .allow, .eperm])
            #expect(try [[1, 2], [1, 1], [2, 2]].map { try Verdict(machine.run(.x86_64, 1, $0)) } == [.allow, .eperm, .eperm])
        }
    #endif

    @Test(arguments: [
        ("", "not valid JSON"), ("[]", "expected"), ("{}", "\"defaultAction\" is missing"),
        (#"{"defaultAction": 1}"#, "defaultAction: expected"),
        (#"{"defaultAction": "ALLOW"}"#, #"unknown action "ALLOW""#), (#"{"defaultAction": "SCMP_ACT_NOTIFY"}"#, "needs an agent"),
        (#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}"#, "errno 4096"),
        (#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}"#, "number out of range"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["amd64"]}"#, #"architectures[0]: unknown architecture "amd64""#),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86"}]}"#,
            "both given"
        ),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}"#, "not supported"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"]}]}"#, #"syscalls[0]: "action" is missing"#),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}"#, "syscalls[0]: no system call is named"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}]}"#, "both given"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a\"b\n"], "action": "SCMP_ACT_ALLOW"}]}"#, #""a"b?" is not"#),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}"#,
            "syscalls[0].args[0]: index 6"
        ),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "=="}]}]}"#,
            #"unknown comparison "==""#
        ),
        (
            #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "new"}}]}"#,
            "syscalls[0].includes.minKernel"
        ),
        (String(repeating: "[", count: 100_000), "not valid JSON"),
        (#"{"defaultAction": "SCMP_ACT_ALLOW", "x": "# + "\"" + String(repeating: "x", count: 1 << 20) + "\"}", "larger than 1 MiB"),
    ])
    func saysWhatIsWrongWhere(json: String, expected: String) {
        #expect { try profile(json) } throws: { error in
            (error as? TimberError)?.code == .invalidArgument && "\(error)".hasPrefix("invalid seccomp profile: ")
                && "\(error)".contains(expected)
        }
    }

    /// A client may send profile after profile; what the daemon remembers of them has an end.
    @Test func forgetsOldProfiles() throws {
        for errno in 1...70 {
            _ = try machine(
                #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": \#(errno)}]}"#
            )
        }
        #expect(compiler.remembered <= 64)
    }

    @Test func refusesWhatDoesNotFitIntoAFilter() throws {
        let arguments = (0..<5000).map {
            #"{"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": \#($0 * 2), "op": "SCMP_CMP_EQ"}]}"#
        }
        let json = #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [\#(arguments.joined(separator: ","))]}"#
        #expect { try machine(json) } throws: { ($0 as? TimberError)?.code == .invalidArgument }
    }
}
