internal import Errors

/// The values of `--security-opt`, understood.
public struct SecurityOptions: Sendable, Hashable {
    /// Which seccomp filter.
    public var seccomp = SeccompChoice.default
    /// PR_SET_NO_NEW_PRIVS: setuid programs and file capabilities give nothing.
    public var noNewPrivileges = false
    /// Whether paths of /proc and /sys are masked and read-only; not with `systempaths=unconfined`.
    public var maskPaths = true

    /// The defaults.
    public init() {}

    /// Understands a list as the API carries it (`HostConfig.SecurityOpt`): `KEY=VALUE`, of old also `KEY:VALUE`.
    /// - Parameter options: a seccomp profile's value is the JSON text itself; the command line reads the file.
    /// - Throws: `TimberError(.invalidArgument)` that names the option, `.unsupported` for security modules that Timber does not drive.
    public init(parsing options: [String]) throws {
        for option in options {
            let separator = option.firstIndex(of: "=") ?? option.firstIndex(of: ":")
            let key = separator.map { String(option[..<$0]) } ?? option
            let value = separator.map { String(option[option.index(after: $0)...]) }
            switch key {
            case "no-new-privileges": noNewPrivileges = try Self.flag(value, of: key)
            case "seccomp": seccomp = try Self.seccomp(value)
            case "systempaths":
                guard value == "unconfined" else { throw Self.invalid(option, "systempaths takes unconfined only") }
                maskPaths = false
            case "apparmor":
                guard value == "unconfined" else { throw Self.unsupported(option, "apparmor profiles; use apparmor=unconfined") }
            case "label":
                guard value == "disable" else { throw Self.unsupported(option, "selinux labels; use label=disable") }
            default: throw Self.invalid(option, "known are seccomp, no-new-privileges, systempaths, apparmor and label")
            }
        }
    }

    private static func seccomp(_ value: String?) throws -> SeccompChoice {
        switch value {
        case "unconfined": .unconfined
        case "builtin", "default": .default
        case let text? where !text.isEmpty: .profile(try SeccompProfile(json: Array(text.utf8)))
        default: throw invalid("seccomp", "it takes unconfined, builtin, or a profile in JSON")
        }
    }

    private static func flag(_ value: String?, of key: String) throws -> Bool {
        switch value?.lowercased() {
        case nil, "true", "1", "t": true
        case "false", "0", "f": false
        default: throw invalid("\(key)=\(value ?? "")", "it takes true or false")
        }
    }

    private static func invalid(_ option: String, _ hint: String) -> TimberError {
        TimberError(.invalidArgument, "invalid --security-opt \"\(option.prefix(80))\": \(hint)")
    }

    private static func unsupported(_ option: String, _ what: String) -> TimberError {
        TimberError(.unsupported, "--security-opt \"\(option.prefix(80))\": timber does not set \(what)")
    }
}
