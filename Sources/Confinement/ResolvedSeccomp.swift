internal import Errors

/// A profile after its conditions were decided for one machine and one set of capabilities: what the runtime specification calls
/// `linux.seccomp`.
public struct ResolvedSeccomp: Sendable, Hashable {
    let defaultAction: SeccompAction
    let architectures: [SeccompArchitecture]
    let rules: [Rule]
    let flags: [String]

    struct Rule: Sendable, Hashable {
        let names: [String]
        let action: SeccompAction
        let arguments: [SeccompArgument]
    }
}

extension SeccompProfile {
    /// Decides the profile's conditions for this machine.
    /// - Parameter capabilities: the container's bounding set.
    /// - Throws: `TimberError(.internal)` when the kernel's version cannot be read.
    public func resolved(capabilities: CapabilitySet) throws -> ResolvedSeccomp {
        resolved(capabilities: capabilities, kernel: try .running())
    }

    func resolved(capabilities: CapabilitySet, kernel: KernelVersion) -> ResolvedSeccomp {
        let held = Set(capabilities.names)
        let applying = rules.filter { rule in
            rule.includes.allHold(held: held, kernel: kernel) && !rule.excludes.anyHolds(held: held, kernel: kernel)
        }
        return ResolvedSeccomp(
            defaultAction: defaultAction, architectures: architectures.resolved(),
            rules: applying.map { ResolvedSeccomp.Rule(names: $0.names, action: $0.action, arguments: $0.arguments) }, flags: flags)
    }
}

extension SeccompProfile.Condition {
    func allHold(held: Set<String>, kernel: KernelVersion) -> Bool {
        (architectures.isEmpty || architectures.contains(SeccompArchitecture.nativeWord))
            && capabilities.allSatisfy(held.contains)
            && minimumKernel.map { kernel >= $0 } ?? true
    }

    func anyHolds(held: Set<String>, kernel: KernelVersion) -> Bool {
        architectures.contains(SeccompArchitecture.nativeWord)
            || capabilities.contains(where: held.contains)
            || minimumKernel.map { kernel >= $0 } ?? false
    }
}

extension SeccompProfile.ArchitectureChoice {
    /// Without an entry for this machine only its own ABI is covered; every other one is then killed.
    fileprivate func resolved() -> [SeccompArchitecture] {
        switch self {
        case .list(let list): list
        case .map(let entries):
            entries.first { $0.architecture == .native }.map { [$0.architecture] + $0.sub } ?? []
        }
    }
}
