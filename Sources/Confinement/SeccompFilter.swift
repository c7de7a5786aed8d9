internal import Errors

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

    /// Compiles to BPF: a binary search over ranges of numbers for each ABI. docs/adr/0006-seccomp-code.md has why not by libseccomp.
    /// - Throws: `TimberError(.invalidArgument)` for a profile that is too large.
    func compiled() throws -> SeccompFilter {
        var code = SeccompCode(defaultAction: defaultAction)
        let program = code.program(for: self)
        guard program.count <= Self.maximumInstructions else {
            throw TimberError(.invalidArgument, "the seccomp profile is too large: \(program.count) instructions, 4096 at the most")
        }
        return SeccompFilter(program: program.flatMap(\.bytes))
    }
}

/// Writes the filter's program.
struct SeccompCode {
    private var builder = BPFBuilder()
    private let defaultAction: SeccompAction
    private var known: [SystemCallTable.Decision: BPFBuilder.Label] = [:]

    /// Offsets in struct seccomp_data.
    private static let number: UInt32 = 0
    private static let architecture: UInt32 = 4

    init(defaultAction: SeccompAction) {
        self.defaultAction = defaultAction
    }

    mutating func program(for profile: ResolvedSeccomp) -> [BPFInstruction] {
        let covered = Set(profile.architectures + [.native])
        // An ABI that the profile does not speak of.
        var entry = builder.answer(SeccompAction.killProcess.returnValue)
        // The machine's own is asked first, so it is written last.
        for main in [SeccompArchitecture.arm, .x86, .aarch64, .x86_64]
        where covered.contains(main) || main == .x86_64 && covered.contains(.x32) {
            guard let token = main.auditToken else { continue }
            let section = main == .x86_64 ? sharedSection(profile, covered) : search(SystemCallTable(profile, on: main).ranges())
            let start = builder.step(.load, Self.number, then: section)
            entry = builder.branch(.ifEqual, token, yes: start, no: entry)
        }
        _ = builder.step(.load, Self.architecture, then: entry)
        return builder.program
    }

    /// x86-64 and x32. Below 512 both have the same calls by the same numbers, but for x32's bit, so they share the search.
    private mutating func sharedSection(_ profile: ResolvedSeccomp, _ covered: Set<SeccompArchitecture>) -> BPFBuilder.Label {
        let firstOfItsOwn: UInt32 = 512
        let kill = builder.answer(SeccompAction.killProcess.returnValue)
        let main = covered.contains(.x86_64) ? search(SystemCallTable(profile, on: .x86_64).ranges()) : kill
        guard covered.contains(.x32) else { return builder.branch(.ifAtLeast, SeccompArchitecture.x32Bit, yes: kill, no: main) }
        let table = SystemCallTable(profile, on: .x32)
        let low = covered.contains(.x86_64) ? main : search(table.ranges())
        let high = search(table.ranges(from: firstOfItsOwn))
        let split = builder.branch(.ifAtLeast, firstOfItsOwn, yes: high, no: low)
        let masked = builder.step(.and, ~SeccompArchitecture.x32Bit, then: split)
        return builder.branch(.ifAtLeast, SeccompArchitecture.x32Bit, yes: masked, no: main)
    }

    /// A binary search for the number in A.
    private mutating func search(_ ranges: [SystemCallTable.Range]) -> BPFBuilder.Label {
        search(ranges[...])
    }

    private mutating func search(_ ranges: ArraySlice<SystemCallTable.Range>) -> BPFBuilder.Label {
        let middle = ranges.startIndex + ranges.count / 2
        guard ranges.count > 1 else {
            return ranges.first.map { answer($0.decision) } ?? builder.answer(defaultAction.returnValue)
        }
        let right = search(ranges[middle...])
        let left = search(ranges[..<middle])
        return builder.branch(.ifAtLeast, ranges[middle].start, yes: right, no: left)
    }

    private mutating func answer(_ decision: SystemCallTable.Decision) -> BPFBuilder.Label {
        switch decision {
        case .always(let action): return builder.answer(action.returnValue)
        case .first(let alternatives):
            if let label = known[decision] { return label }
            let label = arguments(alternatives)
            known[decision] = label
            return label
        }
    }

    // MARK: - Arguments

    private mutating func arguments(_ alternatives: [SystemCallTable.Alternative]) -> BPFBuilder.Label {
        if let label = intervals(alternatives) { return label }
        var otherwise = builder.answer(defaultAction.returnValue)
        for alternative in alternatives.reversed() {
            var match = builder.answer(alternative.action.returnValue)
            for condition in alternative.conditions.reversed() { match = compare(condition, yes: match, no: otherwise) }
            otherwise = match
        }
        return otherwise
    }

    /// One argument against a list of values, as in the families of socket: a binary search again, over 32 bits.
    /// - Returns: nil when the alternatives are of another kind.
    private mutating func intervals(_ alternatives: [SystemCallTable.Alternative]) -> BPFBuilder.Label? {
        guard alternatives.count > 2, let first = alternatives.first, let argument = first.conditions.first else { return nil }
        var allowed: [ClosedRange<UInt32>] = []
        for alternative in alternatives {
            guard alternative.action == first.action, alternative.conditions.count == 1, alternative.conditions[0].index == argument.index,
                let interval = alternative.conditions[0].interval
            else { return nil }
            allowed.append(interval)
        }
        var ranges: [SystemCallTable.Range] = []
        func add(_ start: UInt32, _ action: SeccompAction) {
            if ranges.last?.decision == .always(action) { return }
            if ranges.last?.start == start { ranges.removeLast() }
            ranges.append(SystemCallTable.Range(start: start, decision: .always(action)))
        }
        var next: UInt32? = 0
        for interval in allowed.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let at = next else { break }
            if interval.lowerBound > at { add(at, defaultAction) }
            if interval.upperBound >= at { add(max(at, interval.lowerBound), first.action) }
            next = interval.upperBound == .max ? nil : max(at, interval.upperBound + 1)
        }
        if let next { add(next, defaultAction) }
        let low = builder.step(.load, argument.offset, then: search(ranges))
        let high = builder.branch(.ifEqual, 0, yes: low, no: builder.answer(defaultAction.returnValue))
        return builder.step(.load, argument.offset + 4, then: high)
    }

    /// A 64-bit comparison in halves of 32, the upper one first.
    private mutating func compare(_ argument: SeccompArgument, yes: BPFBuilder.Label, no: BPFBuilder.Label) -> BPFBuilder.Label {
        switch argument.comparison {
        case .equal: equal(argument, argument.value, mask: .max, yes: yes, no: no)
        case .notEqual: equal(argument, argument.value, mask: .max, yes: no, no: yes)
        case .maskedEqual: equal(argument, argument.valueTwo, mask: argument.value, yes: yes, no: no)
        case .greater: above(argument, .ifGreater, yes: yes, no: no)
        case .greaterOrEqual: above(argument, .ifAtLeast, yes: yes, no: no)
        case .less: above(argument, .ifAtLeast, yes: no, no: yes)
        case .lessOrEqual: above(argument, .ifGreater, yes: no, no: yes)
        }
    }

    private mutating func equal(
        _ argument: SeccompArgument, _ value: UInt64, mask: UInt64, yes: BPFBuilder.Label, no: BPFBuilder.Label
    ) -> BPFBuilder.Label {
        // A bit that the mask takes away can never be there.
        if value & ~mask != 0 { return no }
        var label = yes
        for (offset, shift) in [(argument.offset, 0), (argument.offset + 4, 32)] as [(UInt32, UInt64)] {
            let half = UInt32(truncatingIfNeeded: mask >> shift)
            if half == 0 { continue }
            label = builder.branch(.ifEqual, UInt32(truncatingIfNeeded: value >> shift), yes: label, no: no)
            if half != .max { label = builder.step(.and, half, then: label) }
            label = builder.step(.load, offset, then: label)
        }
        return label
    }

    private mutating func above(
        _ argument: SeccompArgument, _ comparison: BPFInstruction.Code, yes: BPFBuilder.Label, no: BPFBuilder.Label
    ) -> BPFBuilder.Label {
        let (upper, lower) = (UInt32(truncatingIfNeeded: argument.value >> 32), UInt32(truncatingIfNeeded: argument.value))
        let low = builder.step(.load, argument.offset, then: builder.branch(comparison, lower, yes: yes, no: no))
        let equal = builder.branch(.ifEqual, upper, yes: low, no: no)
        let high = builder.branch(.ifGreater, upper, yes: yes, no: equal)
        return builder.step(.load, argument.offset + 4, then: high)
    }
}

extension SeccompArgument {
    /// Where the lower half lies in struct seccomp_data; the upper one follows.
    fileprivate var offset: UInt32 { 16 + 8 * index }

    /// The values for which it holds, when all of them fit 32 bits.
    fileprivate var interval: ClosedRange<UInt32>? {
        guard let small = UInt32(exactly: value) else { return nil }
        switch comparison {
        case .equal: return small...small
        case .lessOrEqual: return 0...small
        case .less: return small > 0 ? 0...(small - 1) : nil
        default: return nil
        }
    }
}
