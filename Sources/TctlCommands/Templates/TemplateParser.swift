/// A template of Go's text/template: the part of it that `--format` needs, and clear words about the rest.
struct Template: Sendable {
    /// How deep actions and brackets may nest: parser and evaluator recurse.
    static let depthLimit = 100

    let nodes: [TemplateNode]

    /// Parses a template.
    /// - Throws: `TemplateError`.
    init(parsing text: String) throws {
        var parser = TemplateParser(pieces: try TemplateParser.pieces(text))
        nodes = try parser.document()
    }
}

private struct TemplateParser {
    enum Piece {
        case text(String)
        case action([TemplateToken])
    }

    private enum End {
        case document
        case end
        case otherwise([TemplateToken])
    }

    private var pieces: ArraySlice<Piece>
    private var depth = 0
    private var loops = 0

    init(pieces: [Piece]) {
        self.pieces = pieces[...]
    }

    mutating func document() throws -> [TemplateNode] {
        let (nodes, end) = try list()
        guard case .document = end else { throw TemplateError("an {{end}} or {{else}} without its beginning") }
        return nodes
    }

    /// Cuts a template into text and actions; `{{-` and `-}}` take the white space beside them away.
    static func pieces(_ text: String) throws -> [Piece] {
        var pieces: [Piece] = []
        var rest = Substring(text)
        var trimsStart = false
        while let open = find("{{", in: rest) {
            var before = rest[..<open]
            rest = rest[rest.index(open, offsetBy: 2)...]
            let trimsEnd = rest.first == "-" && (rest.dropFirst().first?.isWhitespace ?? false)
            if trimsEnd { rest.removeFirst() }
            if trimsStart { before = before.drop { $0.isWhitespace } }
            while trimsEnd, before.last?.isWhitespace ?? false { before.removeLast() }
            if !before.isEmpty { pieces.append(.text(String(before))) }

            guard let close = endOfAction(rest) else { throw TemplateError("an action that is not closed by }}") }
            var inside = rest[..<close]
            rest = rest[rest.index(close, offsetBy: 2)...]
            trimsStart = inside.last == "-" && (inside.dropLast().last?.isWhitespace ?? false)
            if trimsStart { inside.removeLast() }
            if inside.drop(while: { $0.isWhitespace }).hasPrefix("/*") { continue }
            let tokens = try TemplateLexer.tokens(inside)
            if tokens.isEmpty { throw TemplateError("an empty action {{}}") }
            pieces.append(.action(tokens))
        }
        if trimsStart { rest = rest.drop { $0.isWhitespace } }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        return pieces
    }

    private static func find(_ mark: String, in text: Substring) -> Substring.Index? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(mark) { return index }
            index = text.index(after: index)
        }
        return nil
    }

    /// Where `}}` closes an action: not inside a string or a comment.
    private static func endOfAction(_ text: Substring) -> Substring.Index? {
        if text.drop(while: { $0.isWhitespace || $0 == "-" }).hasPrefix("/*") {
            return find("*/", in: text).flatMap { find("}}", in: text[$0...]) }
        }
        var quote: Character?
        var index = text.startIndex
        while index < text.endIndex {
            let character = text[index]
            if let open = quote {
                if character == "\\" && open != "`" {
                    index = text.index(after: index)
                    if index == text.endIndex { return nil }
                } else if character == open {
                    quote = nil
                }
            } else if character == "\"" || character == "`" || character == "'" {
                quote = character
            } else if text[index...].hasPrefix("}}") {
                return index
            }
            index = text.index(after: index)
        }
        return nil
    }

    private mutating func list() throws -> (nodes: [TemplateNode], end: End) {
        depth += 1
        defer { depth -= 1 }
        if depth > Template.depthLimit { throw TemplateError("nested too deep") }
        var nodes: [TemplateNode] = []
        while let piece = pieces.popFirst() {
            guard case .action(let tokens) = piece else {
                if case .text(let text) = piece { nodes.append(.text(text)) }
                continue
            }
            let rest = Array(tokens.dropFirst().drop { $0 == .space })
            switch tokens[0] {
            case .word("end") where rest.isEmpty: return (nodes, .end)
            case .word("else"): return (nodes, .otherwise(rest))
            case .word("if"): nodes.append(try block(rest) { .condition($0, then: $1, otherwise: $2) })
            case .word("with"): nodes.append(try block(rest) { .with($0, then: $1, otherwise: $2) })
            case .word("range"):
                loops += 1
                nodes.append(try block(rest, isRange: true) { .range($0, body: $1, otherwise: $2) })
                loops -= 1
            case .word("break") where rest.isEmpty && loops > 0: nodes.append(.leave)
            case .word("continue") where rest.isEmpty && loops > 0: nodes.append(.next)
            case .word("define"), .word("template"), .word("block"):
                throw TemplateError("define, template and block are not supported: write the template in one piece")
            default: nodes.append(.pipeline(try pipeline(tokens)))
            }
        }
        return (nodes, .document)
    }

    private mutating func block(
        _ tokens: [TemplateToken], isRange: Bool = false, make: (TemplatePipeline, [TemplateNode], [TemplateNode]) -> TemplateNode
    ) throws -> TemplateNode {
        // A chain of else-ifs nests without lists between.
        depth += 1
        defer { depth -= 1 }
        if depth > Template.depthLimit { throw TemplateError("nested too deep") }
        let condition = try pipeline(tokens, isRange: isRange)
        let (then, end) = try list()
        switch end {
        case .document: throw TemplateError("an {{end}} is missing")
        case .end: return make(condition, then, [])
        case .otherwise(let rest):
            // {{else if …}} is an if inside the else, closed by the same end.
            if rest.first == .word("if") {
                let inner = try block(Array(rest.dropFirst().drop { $0 == .space })) { .condition($0, then: $1, otherwise: $2) }
                return make(condition, then, [inner])
            }
            if rest.first == .word("with") {
                let inner = try block(Array(rest.dropFirst().drop { $0 == .space })) { .with($0, then: $1, otherwise: $2) }
                return make(condition, then, [inner])
            }
            guard rest.isEmpty else { throw TemplateError("else with something behind it") }
            let (otherwise, last) = try list()
            guard case .end = last else { throw TemplateError("an {{end}} is missing") }
            return make(condition, then, otherwise)
        }
    }

    private mutating func pipeline(_ tokens: [TemplateToken], isRange: Bool = false) throws -> TemplatePipeline {
        var parser = PipelineParser(tokens: tokens)
        let pipeline = try parser.pipeline(declares: true, depth: 0)
        guard parser.isAtEnd else { throw TemplateError("an unexpected )") }
        if pipeline.variables.count > (isRange ? 2 : 1) { throw TemplateError("too many variables before :=") }
        return pipeline
    }
}

private struct PipelineParser {
    private var tokens: ArraySlice<TemplateToken>

    init(tokens: [TemplateToken]) {
        self.tokens = tokens[...]
    }

    var isAtEnd: Bool { tokens.isEmpty }

    mutating func pipeline(declares: Bool, depth: Int) throws -> TemplatePipeline {
        if depth > Template.depthLimit { throw TemplateError("brackets nested too deep") }
        var pipeline = TemplatePipeline()
        if declares { readVariables(into: &pipeline) }
        while true {
            let command = try self.command(depth: depth)
            if command.isEmpty { throw TemplateError("a value is missing") }
            pipeline.commands.append(command)
            guard tokens.first == .pipe else { return pipeline }
            tokens.removeFirst()
        }
    }

    /// `$a :=`, `$a, $b :=`, `$a =`.
    private mutating func readVariables(into pipeline: inout TemplatePipeline) {
        var names: [String] = []
        var rest = tokens
        while case .variable(let name)? = rest.first, !name.isEmpty {
            names.append(name)
            rest.removeFirst()
            if rest.first == .space { rest.removeFirst() }
            switch rest.first {
            case .comma:
                rest.removeFirst()
                if rest.first == .space { rest.removeFirst() }
            case .declare, .assign:
                pipeline.isAssignment = rest.first == .assign
                pipeline.variables = names
                tokens = rest.dropFirst()
                return
            default: return
            }
        }
    }

    private mutating func command(depth: Int) throws -> [TemplateOperand] {
        var operands: [TemplateOperand] = []
        var needsSpace = false
        while let token = tokens.first, token != .pipe, token != .close {
            tokens.removeFirst()
            if token == .space {
                needsSpace = false
                continue
            }
            if needsSpace { throw TemplateError("a space is missing between two values") }
            operands.append(try operand(token, depth: depth))
            needsSpace = true
        }
        return operands
    }

    private mutating func operand(_ token: TemplateToken, depth: Int) throws -> TemplateOperand {
        switch token {
        case .dot: return .dot
        case .string(let text): return .literal(.string(text))
        case .number(let text): return .literal(.number(text))
        case .word("true"): return .literal(.bool(true))
        case .word("false"): return .literal(.bool(false))
        case .word("nil"): return .literal(.null)
        case .word(let name): return .function(name)
        case .field(let name): return .field([name] + fields())
        case .variable(let name): return .variable(name, fields())
        case .open:
            let inner = try pipeline(declares: false, depth: depth + 1)
            guard tokens.popFirst() == .close else { throw TemplateError("a ) is missing") }
            return .group(inner, fields())
        default: throw TemplateError("an unexpected symbol where a value should be")
        }
    }

    /// `.A.B` directly behind something.
    private mutating func fields() -> [String] {
        var names: [String] = []
        while case .field(let name)? = tokens.first {
            names.append(name)
            tokens.removeFirst()
        }
        return names
    }
}
