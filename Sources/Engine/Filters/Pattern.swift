internal import Errors

/// A regular expression of a filter, as `name=^/web` has one: RE2's syntax without captures and boundaries of words. Matching takes time
/// in proportion to the text, whatever the expression: it comes from a client, and is tried on every container.
struct Pattern: Sendable {
    /// One step of the program that an expression becomes.
    enum Step: Sendable {
        case character(CharacterSet)
        case start, end
        case fork(Int, Int)
        case jump(Int)
        case found
    }

    /// A class of characters as ranges of scalars.
    struct CharacterSet: Sendable {
        /// In order, none touching another, however a client wrote them.
        let ranges: [ClosedRange<UInt32>]
        let isNegated: Bool

        init(ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
            var merged: [ClosedRange<UInt32>] = []
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if let last = merged.last, range.lowerBound <= last.upperBound || range.lowerBound - last.upperBound == 1 {
                    merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
                } else {
                    merged.append(range)
                }
            }
            self.ranges = merged
            self.isNegated = isNegated
        }

        /// Halves the ranges until one is left: an expression may have thousands, and try them at every step.
        func contains(_ scalar: UInt32) -> Bool {
            var candidates = ranges[...]
            while candidates.count > 1 {
                let middle = candidates.startIndex + candidates.count / 2
                candidates = scalar < candidates[middle].lowerBound ? candidates[..<middle] : candidates[middle...]
            }
            return (candidates.first?.contains(scalar) ?? false) != isNegated
        }
    }

    private let steps: [Step]

    /// - Throws: `TimberError.invalidArgument` for what is no expression, or one that is too large.
    init(_ text: String) throws {
        var parser = PatternParser(text)
        steps = try PatternCompiler.program(try parser.expression())
    }

    /// A pattern of Go's path.Match for the whole text: `*` and `?`, neither of which means a slash, and `[classes]`.
    /// - Throws: `TimberError.invalidArgument`.
    init(glob text: String) throws {
        var parser = PatternParser(text)
        steps = try PatternCompiler.program(.sequence([.start, try parser.glob(), .end]))
    }

    /// Whether it is found anywhere in a text.
    func matches(_ text: String) -> Bool {
        let scalars = text.unicodeScalars.map(\.value)
        var states = States(count: steps.count)
        var next = States(count: steps.count)
        for position in 0...scalars.count {
            // It may begin everywhere.
            if add(0, at: position, of: scalars.count, to: &states) { return true }
            guard position < scalars.count else { return false }
            next.removeAll()
            for state in states.list {
                if case .character(let set) = steps[state], set.contains(scalars[position]),
                    add(state + 1, at: position + 1, of: scalars.count, to: &next)
                {
                    return true
                }
            }
            swap(&states, &next)
        }
        return false
    }

    /// Follows all that takes no character.
    /// - Returns: whether that is the end of the expression.
    private func add(_ first: Int, at position: Int, of count: Int, to states: inout States) -> Bool {
        var open = [first]
        while let state = open.popLast() {
            guard states.insert(state) else { continue }
            switch steps[state] {
            case .found: return true
            case .jump(let target): open.append(target)
            case .fork(let one, let other): open += [other, one]
            case .start: if position == 0 { open.append(state + 1) }
            case .end: if position == count { open.append(state + 1) }
            case .character: break
            }
        }
        return false
    }

    /// Which steps are tried at one character, each once.
    private struct States {
        private(set) var list: [Int] = []
        private var known: [Bool]

        init(count: Int) {
            known = Array(repeating: false, count: count)
        }

        mutating func insert(_ state: Int) -> Bool {
            if known[state] { return false }
            known[state] = true
            list.append(state)
            return true
        }

        mutating func removeAll() {
            for state in list { known[state] = false }
            list.removeAll(keepingCapacity: true)
        }
    }
}

/// What an expression says, before it is a program.
indirect enum PatternNode {
    case character(Pattern.CharacterSet)
    case start, end
    case sequence([PatternNode])
    case choice([PatternNode])
    /// nil: any number of times.
    case repetition(PatternNode, least: Int, most: Int?)
}

/// Makes the program of an expression.
private struct PatternCompiler {
    /// Repetitions multiply: `(a{1000}){1000}` is short.
    private static let largest = 4_000
    private var steps: [Pattern.Step] = []
    /// Of nothing, too: `(((){1000}){1000}){1000}` has no steps.
    private var visits = 0

    static func program(_ node: PatternNode) throws -> [Pattern.Step] {
        var compiler = PatternCompiler()
        try compiler.write(node)
        try compiler.append(.found)
        return compiler.steps
    }

    private mutating func append(_ step: Pattern.Step) throws {
        guard steps.count < Self.largest else { throw TimberError(.invalidArgument, "the expression is too large") }
        steps.append(step)
    }

    private mutating func write(_ node: PatternNode) throws {
        visits += 1
        guard visits < Self.largest * 4 else { throw TimberError(.invalidArgument, "the expression is too large") }
        switch node {
        case .character(let set): try append(.character(set))
        case .start: try append(.start)
        case .end: try append(.end)
        case .sequence(let nodes): for node in nodes { try write(node) }
        case .choice(let nodes):
            var exits: [Int] = []
            for node in nodes.dropLast() {
                let fork = steps.count
                try append(.jump(0))
                try write(node)
                exits.append(steps.count)
                try append(.jump(0))
                steps[fork] = .fork(fork + 1, steps.count)
            }
            if let last = nodes.last { try write(last) }
            for exit in exits { steps[exit] = .jump(steps.count) }
        case .repetition(let node, let least, let most):
            for _ in 0..<least { try write(node) }
            if let most {
                var forks: [Int] = []
                for _ in least..<most {
                    forks.append(steps.count)
                    try append(.jump(0))
                    try write(node)
                }
                for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
            } else {
                let fork = steps.count
                try append(.jump(0))
                try write(node)
                try append(.jump(fork))
                steps[fork] = .fork(fork + 1, steps.count)
            }
        }
    }
}
