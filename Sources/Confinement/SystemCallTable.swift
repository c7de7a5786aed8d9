internal import Glibc

/// What a profile comes to for one ABI: an answer for every number.
struct SystemCallTable {
    /// What happens to one system call.
    enum Decision: Hashable {
        case always(SeccompAction)
        /// The first alternative that holds; the default action when none does.
        case first([Alternative])
    }

    /// An action under conditions that must all hold.
    struct Alternative: Hashable {
        let conditions: [SeccompArgument]
        let action: SeccompAction
    }

    /// A stretch of numbers with the same answer, up to where the next one begins.
    struct Range: Hashable {
        let start: UInt32
        let decision: Decision
    }

    private var decisions: [UInt32: Decision] = [:]
    /// The largest number that the profile names.
    private var last: UInt32?
    private let defaultAction: SeccompAction
    private let architecture: SeccompArchitecture

    /// Where rules meet: a rule without conditions wins over all that have some, the first of them over later ones; conditions are
    /// tried in the profile's order. Rules with the default action say nothing (as in runc).
    init(_ profile: ResolvedSeccomp, on architecture: SeccompArchitecture) {
        defaultAction = profile.defaultAction
        self.architecture = architecture
        for rule in profile.rules {
            for name in rule.names {
                let number = architecture.number(of: name)
                if let number, architecture != .arm || number < SeccompArchitecture.armPrivate { last = max(last ?? 0, number) }
                guard rule.action != profile.defaultAction else { continue }
                if let number { add(rule, to: number) }
                // The packed arguments are behind a pointer: a rule that looks at them cannot be kept there, so the way stays shut.
                if rule.arguments.isEmpty, let packed = architecture.multiplexer(of: name) {
                    let condition = SeccompArgument(index: 0, comparison: .equal, value: packed.call)
                    add([Alternative(conditions: [condition], action: rule.action)], to: packed.number)
                }
            }
        }
    }

    private mutating func add(_ rule: ResolvedSeccomp.Rule, to number: UInt32) {
        let arguments = rule.arguments
        if arguments.isEmpty {
            if case .always = decisions[number] { return }
            decisions[number] = .always(rule.action)
        } else if Set(arguments.map(\.index)).count == arguments.count {
            add([Alternative(conditions: arguments, action: rule.action)], to: number)
        } else {
            // runc: two conditions on one argument are alternatives.
            add(arguments.map { Alternative(conditions: [$0], action: rule.action) }, to: number)
        }
    }

    private mutating func add(_ alternatives: [Alternative], to number: UInt32) {
        switch decisions[number] {
        case .always: return
        case .first(let earlier): decisions[number] = .first(earlier + alternatives)
        case nil: decisions[number] = .first(alternatives)
        }
    }

    /// Every number from `first` on, in order; neighbours differ.
    ///
    /// A number above the last named one gets ENOSYS instead of the default: a C library tries new calls first and falls back on
    /// ENOSYS only, so with EPERM images break that are newer than the profile. runc does the same.
    func ranges(from first: UInt32 = 0) -> [Range] {
        let otherwise = Decision.always(defaultAction)
        var ranges: [Range] = []
        func add(_ start: UInt32, _ decision: Decision) {
            if ranges.last?.decision != decision { ranges.append(Range(start: start, decision: decision)) }
        }
        var next = first
        for number in decisions.keys.sorted() where number >= first {
            if number > next { addGap(next, upTo: number, otherwise, add) }
            if let decision = decisions[number] { add(number, decision) }
            next = number + 1
        }
        addGap(next, upTo: .max, otherwise, add)
        return ranges
    }

    private func addGap(_ start: UInt32, upTo end: UInt32, _ otherwise: Decision, _ add: (UInt32, Decision) -> Void) {
        guard !defaultAction.isPermissive, let last else { return add(start, otherwise) }
        // Between the private calls of ARM nothing is new.
        let limit = architecture == .arm ? SeccompArchitecture.armPrivate : .max
        if start <= last { add(start, otherwise) }
        if max(start, last + 1) < min(end, limit) { add(max(start, last + 1), .always(.errno(UInt16(ENOSYS)))) }
        if limit < end { add(max(start, limit), otherwise) }
    }
}
