internal import CSeccomp
internal import Errors
internal import Glibc
internal import LinuxKernel

/// A compiled filter, ready for seccomp(2).
public struct SeccompFilter: Sendable, Hashable {
    /// An array of `struct sock_filter` as bytes.
    public let program: [UInt8]

    /// How many instructions it has.
    public var instructions: Int { program.count / 8 }
}

extension ResolvedSeccomp {
    /// BPF_MAXINSNS: the kernel refuses longer programs.
    private static let maximumInstructions = 4096
    /// libseccomp up to 2.5.4 goes wrong with its binary tree when there are no rules; few rules need none anyway.
    private static let treeThreshold = 32

    /// Compiles to BPF with libseccomp, and puts our prologue before it.
    /// - Throws: `TimberError(.invalidArgument)` for a rule that cannot be expressed, `.unavailable` when libseccomp fails.
    func compiled() throws -> SeccompFilter {
        guard let context = seccomp_init(defaultAction.returnValue) else {
            throw TimberError(.unavailable, "libseccomp cannot start a filter")
        }
        defer { seccomp_release(context) }
        for architecture in architectures where architecture != .native {
            let result = seccomp_arch_add(context, try architecture.token())
            // The runtime specification lists the machine's own too, and a list may name one twice.
            guard result == 0 || result == -EEXIST else {
                throw TimberError(.invalidArgument, "seccomp: cannot cover \(architecture.rawValue)", cause: Self.error(result))
            }
        }
        if rules.count > Self.treeThreshold || rules.contains(where: { $0.names.count > Self.treeThreshold }) {
            try Self.check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "the binary tree")
        }
        try Self.check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SeccompAction.killProcess.returnValue), "foreign ABIs")
        for rule in rules where rule.action != defaultAction { try Self.add(rule, to: context) }

        let file = try MemoryFile(name: "seccomp")
        try Self.check(seccomp_export_bpf(context, file.raw), "the export")
        let program = try file.contents(limit: 1 << 24)
        let whole = SeccompPrologue.program(try prologue()).flatMap(\.bytes) + program
        guard whole.count <= Self.maximumInstructions * 8 else {
            throw TimberError(.invalidArgument, "the seccomp profile is too large: \(whole.count / 8) instructions, 4096 at the most")
        }
        return SeccompFilter(program: whole)
    }

    private static func error(_ result: Int32) -> SystemError { SystemError(call: "libseccomp", errno: -result) }

    private static func check(_ result: Int32, _ what: String) throws {
        guard result == 0 else { throw TimberError(.unavailable, "libseccomp failed at \(what)", cause: error(result)) }
    }

    private static func add(_ rule: Rule, to context: scmp_filter_ctx) throws {
        let comparisons = rule.arguments.map(\.condition)
        // runc: two conditions on one argument are alternatives, conditions on different arguments must hold together.
        let alternatives =
            Set(rule.arguments.map(\.index)).count == comparisons.count ? [comparisons] : comparisons.map { [$0] }
        for name in rule.names {
            let number = seccomp_syscall_resolve_name(name)
            if number == -1 { continue }
            for conditions in alternatives {
                let result = seccomp_rule_add_array(context, rule.action.returnValue, number, UInt32(conditions.count), conditions)
                guard result == 0 else {
                    throw TimberError(.invalidArgument, "seccomp: libseccomp does not take the rule for \(name)", cause: error(result))
                }
            }
        }
    }

    // MARK: - The prologue

    private func prologue() throws -> [SeccompPrologue.ABI] {
        var covered = architectures
        if !covered.contains(.native) { covered.append(.native) }
        return try covered.filter { $0.auditToken != nil }.map { architecture in
            let token = try architecture.token()
            var last: UInt32?
            var decided: [String: SeccompPrologue.Decision] = [:]
            for rule in rules {
                for name in rule.names {
                    let known = seccomp_syscall_resolve_name_arch(token, name)
                    let newer = known == -1 ? SeccompPrologue.number(of: name, on: architecture) : nil
                    guard let number = newer ?? UInt32(exactly: known) else { continue }
                    if SeccompPrologue.isOrdinary(number, on: architecture) { last = max(last ?? 0, number) }
                    // A condition on the arguments of a call that libseccomp cannot express: the default action stays.
                    guard newer != nil, rule.arguments.isEmpty, decided[name] == nil else { continue }
                    decided[name] = SeccompPrologue.Decision(number: number, result: rule.action.returnValue)
                }
            }
            let answersENOSYS = !defaultAction.isPermissive && defaultAction != .errno(UInt16(ENOSYS))
            return SeccompPrologue.ABI(
                architecture: architecture, last: answersENOSYS ? last : nil, decided: decided.values.sorted { $0.number < $1.number })
        }
    }
}

extension SeccompArchitecture {
    /// libseccomp's own number for it.
    fileprivate func token() throws -> UInt32 {
        let token = seccomp_arch_resolve_name(String(rawValue.dropFirst("SCMP_ARCH_".count)).lowercased())
        guard token != 0 else { throw TimberError(.invalidArgument, "seccomp: \(rawValue) is not known to the installed libseccomp") }
        return token
    }
}

extension SeccompArgument {
    fileprivate var condition: scmp_arg_cmp {
        let operation: scmp_compare =
            switch comparison {
            case .notEqual: SCMP_CMP_NE
            case .less: SCMP_CMP_LT
            case .lessOrEqual: SCMP_CMP_LE
            case .equal: SCMP_CMP_EQ
            case .greaterOrEqual: SCMP_CMP_GE
            case .greater: SCMP_CMP_GT
            case .maskedEqual: SCMP_CMP_MASKED_EQ
            }
        return scmp_arg_cmp(arg: index, op: operation, datum_a: value, datum_b: valueTwo)
    }
}
