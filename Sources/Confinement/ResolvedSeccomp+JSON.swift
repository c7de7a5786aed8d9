/// The `linux.seccomp` object of the runtime specification (config-linux.md, "Seccomp"), written by hand: few shapes, no surprises
/// in number formats.
extension ResolvedSeccomp {
    /// The object as JSON text in UTF-8.
    public func ociJSON() -> [UInt8] {
        var json = #"{"defaultAction":"\#(defaultAction.name)""#
        if let code = defaultAction.code { json += #","defaultErrnoRet":\#(code)"# }
        if !architectures.isEmpty { json += #","architectures":\#(Self.strings(architectures.map(\.rawValue)))"# }
        if !flags.isEmpty { json += #","flags":\#(Self.strings(flags))"# }
        json += #","syscalls":[\#(rules.map(Self.text).joined(separator: ","))]}"#
        return Array(json.utf8)
    }

    private static func text(_ rule: Rule) -> String {
        var json = #"{"names":\#(strings(rule.names)),"action":"\#(rule.action.name)""#
        if let code = rule.action.code { json += #","errnoRet":\#(code)"# }
        if !rule.arguments.isEmpty {
            let arguments = rule.arguments.map {
                #"{"index":\#($0.index),"value":\#($0.value),"valueTwo":\#($0.valueTwo),"op":"\#($0.comparison.rawValue)"}"#
            }
            json += #","args":[\#(arguments.joined(separator: ","))]"#
        }
        return json + "}"
    }

    /// Names were checked to be letters, digits and underscores, so nothing needs an escape.
    private static func strings(_ values: [String]) -> String {
        "[" + values.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
}

extension SeccompAction {
    /// The action's name in profiles.
    var name: String {
        switch self {
        case .allow: "SCMP_ACT_ALLOW"
        case .log: "SCMP_ACT_LOG"
        case .killThread: "SCMP_ACT_KILL_THREAD"
        case .killProcess: "SCMP_ACT_KILL_PROCESS"
        case .trap: "SCMP_ACT_TRAP"
        case .errno: "SCMP_ACT_ERRNO"
        case .trace: "SCMP_ACT_TRACE"
        }
    }

    /// The number that goes with it.
    var code: UInt16? {
        switch self {
        case .errno(let code), .trace(let code): code
        default: nil
        }
    }

    /// What a filter returns for it (SECCOMP_RET_*).
    var returnValue: UInt32 {
        switch self {
        case .allow: 0x7fff_0000
        case .log: 0x7ffc_0000
        case .trace(let code): 0x7ff0_0000 | UInt32(code)
        case .errno(let code): 0x0005_0000 | UInt32(code)
        case .trap: 0x0003_0000
        case .killThread: 0
        case .killProcess: 0x8000_0000
        }
    }
}
