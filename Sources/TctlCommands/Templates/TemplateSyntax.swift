/// A part of a parsed template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case pipeline(TemplatePipeline)
    case condition(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case with(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case range(TemplatePipeline, body: [TemplateNode], otherwise: [TemplateNode])
    case leave
    case next
}

/// `$a, $b := command | command`.
struct TemplatePipeline: Sendable {
    /// Variables without their `$`.
    var variables: [String] = []
    /// `=` instead of `:=`.
    var isAssignment = false
    /// Never empty.
    var commands: [[TemplateOperand]] = []
}

/// A word of a command.
indirect enum TemplateOperand: Sendable {
    case dot
    case literal(JSONValue)
    case function(String)
    /// `.A.B`.
    case field([String])
    /// `$x.A.B`; the empty name is `$`, the whole value.
    case variable(String, [String])
    /// `(…).A.B`.
    case group(TemplatePipeline, [String])
}
