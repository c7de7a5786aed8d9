extension Template {
    /// Fills the template in.
    /// - Throws: `TemplateError`.
    func render(_ value: TemplateValue) throws -> String {
        var evaluator = TemplateEvaluator(root: value)
        try evaluator.run(nodes, dot: value)
        return evaluator.output
    }
}

private struct TemplateEvaluator {
    /// A template that loops over loops must end, and one that doubles a text must not fill the memory: so many steps, so many bytes.
    private static let stepLimit = 500_000
    private static let byteLimit = 64 << 20

    private enum Flow {
        case on
        case leave
        case next
    }

    private(set) var output = ""
    private let root: TemplateValue
    private var variables: [(name: String, value: TemplateValue)] = []
    private var steps = 0
    private var bytes = 0

    init(root: TemplateValue) {
        self.root = root
    }

    mutating func run(_ nodes: [TemplateNode], dot: TemplateValue) throws {
        _ = try list(nodes, dot: dot)
    }

    private mutating func count() throws {
        steps += 1
        if steps > TemplateEvaluator.stepLimit || output.utf8.count > TemplateEvaluator.byteLimit {
            throw TemplateError("the template does too much")
        }
    }

    /// Counts what a function made.
    private mutating func count(_ value: TemplateValue) throws {
        guard case .json(let json) = value else { return }
        switch json {
        case .string(let text): bytes += text.utf8.count
        // An element is an enum of this size, whatever it holds.
        case .array(let elements): bytes += elements.count * MemoryLayout<JSONValue>.stride
        default: return
        }
        if bytes > TemplateEvaluator.byteLimit { throw TemplateError("the template does too much") }
    }

    /// Variables that a block declares end with it.
    private mutating func list(_ nodes: [TemplateNode], dot: TemplateValue) throws -> Flow {
        let scope = variables.count
        defer { variables.removeLast(variables.count - scope) }
        for node in nodes {
            let flow = try step(node, dot: dot)
            guard case .on = flow else { return flow }
        }
        return .on
    }

    private mutating func step(_ node: TemplateNode, dot: TemplateValue) throws -> Flow {
        try count()
        switch node {
        case .text(let text): output += text
        case .pipeline(let pipeline):
            let value = try evaluate(pipeline, dot: dot)
            if pipeline.variables.isEmpty { output += try value.printed() }
        case .condition(let pipeline, let then, let otherwise):
            let scope = variables.count
            defer { variables.removeLast(variables.count - scope) }
            return try list(try evaluate(pipeline, dot: dot).isTrue ? then : otherwise, dot: dot)
        case .with(let pipeline, let then, let otherwise):
            let scope = variables.count
            defer { variables.removeLast(variables.count - scope) }
            let value = try evaluate(pipeline, dot: dot)
            return value.isTrue ? try list(then, dot: value) : try list(otherwise, dot: dot)
        case .range(let pipeline, let body, let otherwise): return try range(pipeline, body, otherwise, dot: dot)
        case .leave: return .leave
        case .next: return .next
        }
        return .on
    }

    private mutating func range(
        _ pipeline: TemplatePipeline, _ body: [TemplateNode], _ otherwise: [TemplateNode], dot: TemplateValue
    ) throws -> Flow {
        var plain = pipeline
        plain.variables = []
        let items = try TemplateEvaluator.items(of: try evaluate(plain, dot: dot))
        if items.isEmpty { return try list(otherwise, dot: dot) }
        let scope = variables.count
        defer { variables.removeLast(variables.count - scope) }
        for (key, item) in items {
            try count()
            variables.removeLast(variables.count - scope)
            let values = pipeline.variables.count == 2 ? [key, item] : [item]
            for (name, value) in zip(pipeline.variables, values) {
                if pipeline.isAssignment { try assign(name, value) } else { variables.append((name, value)) }
            }
            let flow = try list(body, dot: item)
            if case .leave = flow { break }
        }
        return .on
    }

    /// Keys and values in order; a map's in the order of its keys, as Go does.
    private static func items(of value: TemplateValue) throws -> [(key: TemplateValue, item: TemplateValue)] {
        if case .missing = value { return [] }
        switch try value.json() {
        case .null: return []
        case .array(let elements): return elements.enumerated().map { (.integer($0.offset), .json($0.element)) }
        case .object(let members): return members.sorted { $0.key < $1.key }.map { (.string($0.key), .json($0.value)) }
        case .number(let text):
            guard let count = Int(text), count <= 1_000_000 else { throw TemplateError("range over \(text) is too long") }
            return (0..<max(0, count)).map { (.integer($0), .integer($0)) }
        case .string, .bool: throw TemplateError("range cannot go over \(GoFormat.kind(try value.json()))")
        }
    }

    private mutating func evaluate(_ pipeline: TemplatePipeline, dot: TemplateValue) throws -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands { value = try evaluate(command, piped: value, dot: dot) }
        guard let value else { throw TemplateError("a value is missing") }
        for name in pipeline.variables {
            if pipeline.isAssignment { try assign(name, value) } else { variables.append((name, value)) }
        }
        return value
    }

    private mutating func assign(_ name: String, _ value: TemplateValue) throws {
        guard let index = variables.lastIndex(where: { $0.name == name }) else { throw TemplateError("there is no variable $\(name)") }
        variables[index].value = value
    }

    private mutating func evaluate(_ command: [TemplateOperand], piped: TemplateValue?, dot: TemplateValue) throws -> TemplateValue {
        try count()
        let first = command[0]
        if case .function(let name) = first {
            return try call(name, Array(command.dropFirst()), piped: piped, dot: dot)
        }
        // `.Label "name"` is the one method with an argument that rows have.
        if case .field(let path) = first, path == ["Label"], case .row(let row) = dot {
            var arguments = try command.dropFirst().map { try operand($0, dot: dot) }
            if let piped { arguments.append(piped) }
            guard arguments.count == 1, let name = try arguments[0].json().text else {
                throw TemplateError(".Label takes the name of a label")
            }
            return .string(row.label(name))
        }
        guard command.count == 1, piped == nil else { throw TemplateError("only functions take arguments; is a function's name missing?") }
        return try operand(first, dot: dot)
    }

    private mutating func call(
        _ name: String, _ operands: [TemplateOperand], piped: TemplateValue?, dot: TemplateValue
    ) throws -> TemplateValue {
        // and, or: the rest is not evaluated once the answer is known.
        if name == "and" || name == "or" {
            var last: TemplateValue?
            for word in operands {
                let value = try operand(word, dot: dot)
                if value.isTrue == (name == "or") { return value }
                last = value
            }
            guard let result = piped ?? last else { throw TemplateError("\(name) needs a value") }
            return result
        }
        var arguments = try operands.map { try operand($0, dot: dot) }
        if let piped { arguments.append(piped) }
        let result = try TemplateFunctions.call(name, arguments)
        try count(result)
        return result
    }

    private mutating func operand(_ operand: TemplateOperand, dot: TemplateValue) throws -> TemplateValue {
        switch operand {
        case .dot: return dot
        case .literal(let value): return .json(value)
        case .function(let name): return try call(name, [], piped: nil, dot: dot)
        case .field(let path): return try TemplateEvaluator.member(path, of: dot)
        case .variable(let name, let path):
            if name.isEmpty { return try TemplateEvaluator.member(path, of: root) }
            guard let variable = variables.last(where: { $0.name == name }) else { throw TemplateError("there is no variable $\(name)") }
            return try TemplateEvaluator.member(path, of: variable.value)
        case .group(let pipeline, let path): return try TemplateEvaluator.member(path, of: try evaluate(pipeline, dot: dot))
        }
    }

    private static func member(_ path: [String], of value: TemplateValue) throws -> TemplateValue {
        var value = value
        for name in path {
            switch value {
            case .missing: return value
            case .zero: return .missing("." + path.joined(separator: "."))
            case .row(let row):
                guard let text = row.fields[name] else {
                    throw TemplateError(
                        "there is no field .\(name); there are \(row.fields.keys.sorted().map { "." + $0 }.joined(separator: ", "))")
                }
                value = .string(text)
            case .json(let json):
                switch json {
                case .object:
                    if let member = json[name], member != .null {
                        value = .json(member)
                    } else {
                        let null = json[name] == nil ? TemplateValue.missing("." + path.joined(separator: ".")) : .json(.null)
                        value = GoZero.value(of: name) ?? null
                    }
                case .null: value = .missing("." + path.joined(separator: "."))
                default: throw TemplateError("\(GoFormat.kind(json)) has no field .\(name)")
                }
            }
        }
        return value
    }
}
