internal import Errors

/// Reads regular expressions and path patterns.
struct PatternParser {
    private let text: [UInt32]
    private var place = 0
    /// `(?i)`: case does not matter from here to the end of the group.
    private var foldsCase = false

    /// Groups in groups are as deep as the stack.
    private static let deepest = 100
    private static let mostRepetitions = 1_000
    private static let classes: [Unicode.Scalar: Pattern.CharacterSet] = [
        "d": set("0"..."9"), "w": set("0"..."9", "A"..."Z", "_"..."_", "a"..."z"), "s": set("\t"..."\n", "\u{C}"..."\r", " "..." "),
    ]
    private static let names: [String: Pattern.CharacterSet] = [
        "alnum": set("0"..."9", "A"..."Z", "a"..."z"), "alpha": set("A"..."Z", "a"..."z"), "digit": set("0"..."9"),
        "lower": set("a"..."z"), "upper": set("A"..."Z"), "punct": set("!"..."/", ":"..."@", "["..."`", "{"..."~"),
        "space": set("\t"..."\r", " "..." "), "xdigit": set("0"..."9", "A"..."F", "a"..."f"),
    ]

    init(_ text: String) {
        self.text = text.unicodeScalars.map(\.value)
    }

    private static func set(_ ranges: ClosedRange<Unicode.Scalar>...) -> Pattern.CharacterSet {
        Pattern.CharacterSet(ranges: ranges.map { $0.lowerBound.value...$0.upperBound.value })
    }

    private func failure(_ reason: String) -> TimberError {
        TimberError(.invalidArgument, reason)
    }

    private var next: UInt32? { place < text.count ? text[place] : nil }

    /// Takes a character when it is the next one.
    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar.value else { return false }
        place += 1
        return true
    }

    private mutating func takeAny() -> UInt32? {
        guard let next else { return nil }
        place += 1
        return next
    }

    // MARK: Expressions

    /// All of the text.
    mutating func expression() throws -> PatternNode {
        let node = try choice(depth: 0)
        guard next == nil else { throw failure("there is a ) without a (") }
        return node
    }

    private mutating func choice(depth: Int) throws -> PatternNode {
        guard depth < Self.deepest else { throw failure("groups are nested too deep") }
        let folds = foldsCase
        defer { foldsCase = folds }
        var choices = [PatternNode]()
        repeat {
            var nodes: [PatternNode] = []
            while let next, next != ("|" as Unicode.Scalar).value, next != (")" as Unicode.Scalar).value {
                nodes.append(try repetition(depth: depth))
            }
            choices.append(.sequence(nodes))
        } while take("|")
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func repetition(depth: Int) throws -> PatternNode {
        let node = try atom(depth: depth)
        guard let (least, most) = try count() else { return node }
        // Which of several matches it is does not matter here.
        _ = take("?")
        let again = place
        guard try count() == nil else {
            place = again
            throw failure("a repetition is repeated")
        }
        return .repetition(node, least: least, most: most)
    }

    /// `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`; a brace that is none of these stands for itself.
    private mutating func count() throws -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = place
        guard take("{"), let least = try number() else {
            place = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = try number() }
        guard take("}") else {
            place = start
            return nil
        }
        if let most, most < least { throw failure("a repetition has more at least than at most") }
        return (least, most)
    }

    private mutating func number() throws -> Int? {
        var value: Int?
        while let digit = next, (0x30...0x39).contains(digit) {
            place += 1
            value = (value ?? 0) * 10 + Int(digit - 0x30)
            if let value, value > Self.mostRepetitions { throw failure("a repetition is more than \(Self.mostRepetitions)") }
        }
        return value
    }

    private mutating func atom(depth: Int) throws -> PatternNode {
        guard let scalar = takeAny() else { return .sequence([]) }
        switch Unicode.Scalar(scalar) {
        case "^": return .start
        case "$": return .end
        case ".": return .character(Pattern.CharacterSet(ranges: [10...10], isNegated: true))
        case "[": return .character(try bracket())
        case "(": return try group(depth: depth)
        case "\\": return try escaped()
        case "*", "+", "?": throw failure("there is nothing to repeat")
        default: return .character(one(scalar))
        }
    }

    private mutating func group(depth: Int) throws -> PatternNode {
        if take("?") {
            if take("i") {
                if take(")") {
                    foldsCase = true
                    return .sequence([])
                }
                guard take(":") else { throw failure("of the groups with (? only (?:…), (?i) and (?i:…) are known") }
                let folds = foldsCase
                foldsCase = true
                defer { foldsCase = folds }
                return try closed(try choice(depth: depth + 1))
            }
            guard take(":") else { throw failure("of the groups with (? only (?:…), (?i) and (?i:…) are known") }
        }
        return try closed(try choice(depth: depth + 1))
    }

    private mutating func closed(_ node: PatternNode) throws -> PatternNode {
        guard take(")") else { throw failure("a ( is not closed") }
        return node
    }

    private mutating func escaped() throws -> PatternNode {
        guard let scalar = takeAny() else { throw failure("it ends with a \\") }
        if scalar == ("A" as Unicode.Scalar).value { return .start }
        if scalar == ("z" as Unicode.Scalar).value { return .end }
        return .character(try escape(scalar))
    }

    /// What stands behind a backslash: a class, a control character, or what is no letter and no digit as it is.
    private func escape(_ scalar: UInt32) throws -> Pattern.CharacterSet {
        if let set = Unicode.Scalar(scalar).flatMap({ Self.classes[$0] }) { return set }
        if (0x41...0x5A).contains(scalar), let set = Unicode.Scalar(scalar | 0x20).flatMap({ Self.classes[$0] }) {
            return Pattern.CharacterSet(ranges: set.ranges, isNegated: true)
        }
        switch Unicode.Scalar(scalar) {
        case "n": return one(10)
        case "r": return one(13)
        case "t": return one(9)
        default: break
        }
        guard scalar < 0x80, !Self.names["alnum", default: one(0)].contains(scalar) else {
            throw failure("\\\(Unicode.Scalar(scalar).map(String.init) ?? "") means nothing here")
        }
        return one(scalar)
    }

    private func one(_ scalar: UInt32) -> Pattern.CharacterSet {
        folded(Pattern.CharacterSet(ranges: [scalar...scalar]))
    }

    /// With the other case of ASCII letters, when case does not matter.
    private func folded(_ set: Pattern.CharacterSet) -> Pattern.CharacterSet {
        guard foldsCase else { return set }
        var ranges = set.ranges
        for (letters, other) in [(UInt32(0x41)...0x5A, Int64(0x20)), (UInt32(0x61)...0x7A, Int64(-0x20))] {
            for range in set.ranges where range.overlaps(letters) {
                let common = range.clamped(to: letters)
                ranges.append(UInt32(Int64(common.lowerBound) + other)...UInt32(Int64(common.upperBound) + other))
            }
        }
        return Pattern.CharacterSet(ranges: ranges, isNegated: set.isNegated)
    }

    /// Behind `[`: characters, ranges and classes up to `]`.
    private mutating func bracket() throws -> Pattern.CharacterSet {
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while true {
            guard let scalar = takeAny() else { throw failure("a [ is not closed") }
            if scalar == ("]" as Unicode.Scalar).value, !isFirst {
                return folded(Pattern.CharacterSet(ranges: ranges, isNegated: isNegated))
            }
            isFirst = false
            if scalar == ("[" as Unicode.Scalar).value, let named = try namedClass() {
                ranges += named.ranges
                continue
            }
            var low = scalar
            if scalar == ("\\" as Unicode.Scalar).value {
                let escaped = try escape(try afterBackslash())
                guard !escaped.isNegated else { throw failure("a class that is negated stands in a class") }
                guard let only = escaped.ranges.first, escaped.ranges.count == 1, only.count == 1 else {
                    ranges += escaped.ranges
                    continue
                }
                low = only.lowerBound
            }
            ranges.append(try low...rangeEnd(from: low))
        }
    }

    /// What follows `low-`; `low` itself without it.
    private mutating func rangeEnd(from low: UInt32) throws -> UInt32 {
        let start = place
        guard take("-"), let end = takeAny(), end != ("]" as Unicode.Scalar).value else {
            place = start
            return low
        }
        let high = end == ("\\" as Unicode.Scalar).value ? try afterBackslash() : end
        guard high >= low else { throw failure("a range of characters ends before it begins") }
        return high
    }

    private mutating func afterBackslash() throws -> UInt32 {
        guard let scalar = takeAny() else { throw failure("it ends with a \\") }
        return scalar
    }

    /// `[:alpha:]`, of which the first bracket is taken; nil when it is none.
    private mutating func namedClass() throws -> Pattern.CharacterSet? {
        guard next == (":" as Unicode.Scalar).value else { return nil }
        let rest = text[(place + 1)...]
        guard let end = rest.firstIndex(of: (":" as Unicode.Scalar).value), end + 1 < text.count,
            text[end + 1] == ("]" as Unicode.Scalar).value
        else { return nil }
        let name = String(String.UnicodeScalarView(rest[..<end].compactMap(Unicode.Scalar.init)))
        guard let set = Self.names[name] else { throw failure("there is no class of characters [:\(name):]") }
        place = end + 2
        return set
    }

    // MARK: Path patterns

    /// All of the text as path.Match reads it.
    mutating func glob() throws -> PatternNode {
        let slash = ("/" as Unicode.Scalar).value
        let anything = PatternNode.character(Pattern.CharacterSet(ranges: [slash...slash], isNegated: true))
        var nodes: [PatternNode] = []
        while let scalar = takeAny() {
            switch Unicode.Scalar(scalar) {
            case "*": nodes.append(.repetition(anything, least: 0, most: nil))
            case "?": nodes.append(anything)
            case "[": nodes.append(.character(try bracket()))
            case "\\": nodes.append(.character(one(try afterBackslash())))
            default: nodes.append(.character(one(scalar)))
            }
        }
        return .sequence(nodes)
    }
}
