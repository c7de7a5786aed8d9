internal import Errors
internal import Foundation

extension SeccompProfile {
    /// Profiles are far smaller; a larger one is a mistake or an attack on the daemon's memory.
    private static let maximumBytes = 1 << 20

    /// Reads a profile in Docker's format (`--security-opt seccomp=FILE`).
    /// - Parameter json: at most 1 MiB of JSON. System calls that this machine does not know are passed over when it is compiled, as
    ///   Docker does.
    /// - Throws: `TimberError(.invalidArgument)` that says what is wrong where.
    public init(json: [UInt8]) throws {
        guard json.count <= Self.maximumBytes else { throw Self.invalid("larger than 1 MiB") }
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(json))
        } catch let error as DecodingError {
            throw Self.invalid(Self.explain(error))
        }
        guard let action = document.defaultAction else { throw Self.invalid("\"defaultAction\" is missing") }
        defaultAction = try Self.action(action, errno: document.defaultErrnoRet, at: "defaultAction")
        architectures = try document.choice()
        flags = try (document.flags ?? []).map(Self.flag)
        rules = try (document.syscalls ?? []).enumerated().map { try $1.rule(at: "syscalls[\($0)]") }
    }

    fileprivate static func invalid(_ what: String) -> TimberError {
        TimberError(.invalidArgument, "invalid seccomp profile: \(what)")
    }

    private static func flag(_ name: String) throws -> String {
        // The launch installs the filter without flags; saying yes here would be a lie.
        guard name == "SECCOMP_FILTER_FLAG_TSYNC" else { throw invalid("flags: \"\(printable(name))\" is not supported; leave it out") }
        return name
    }

    fileprivate static func action(_ name: String, errno: UInt32?, at place: String) throws -> SeccompAction {
        let code = errno ?? UInt32(EPERM)
        guard let short = UInt16(exactly: code), short <= 4095 else { throw invalid("\(place): errno \(code) is not from 0 to 4095") }
        switch name {
        case "SCMP_ACT_ALLOW": return .allow
        case "SCMP_ACT_LOG": return .log
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
        case "SCMP_ACT_KILL_PROCESS": return .killProcess
        case "SCMP_ACT_TRAP": return .trap
        case "SCMP_ACT_ERRNO": return .errno(short)
        case "SCMP_ACT_TRACE": return .trace(short)
        case "SCMP_ACT_NOTIFY":
            throw invalid("\(place): SCMP_ACT_NOTIFY needs an agent that answers, which timber does not run; use SCMP_ACT_ERRNO")
        default: throw invalid("\(place): unknown action \"\(printable(name))\"")
        }
    }

    /// Text of an attacker's choice on its way into a message.
    fileprivate static func printable(_ text: String) -> String {
        String(text.unicodeScalars.prefix(64).map { $0.isASCII && $0.value >= 0x20 && $0.value < 0x7f ? Character($0) : "?" })
    }

    private static func explain(_ error: DecodingError) -> String {
        let (context, what): (DecodingError.Context, String) =
            switch error {
            case .typeMismatch(let type, let context): (context, "expected \(type)")
            case .valueNotFound(let type, let context): (context, "expected \(type), found null")
            case .keyNotFound(let key, let context): (context, "\"\(key.stringValue)\" is missing")
            case .dataCorrupted(let context): (context, "not valid JSON, or a number out of range")
            @unknown default: (DecodingError.Context(codingPath: [], debugDescription: ""), "cannot be read")
            }
        let path = context.codingPath.reduce(into: "") { path, key in
            path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? key.stringValue : "." + key.stringValue)
        }
        return path.isEmpty ? what : "\(path): \(what)"
    }
}

/// The file as it is written; every field may be null or missing.
private struct Document: Decodable {
    var defaultAction: String?
    var defaultErrnoRet: UInt32?
    var architectures: [String]?
    var archMap: [Entry]?
    var flags: [String]?
    var syscalls: [Call]?

    struct Entry: Decodable {
        var architecture: String
        var subArchitectures: [String]?
    }

    struct Call: Decodable {
        var name: String?
        var names: [String]?
        var action: String
        var errnoRet: UInt32?
        var args: [Argument]?
        var includes: Filter?
        var excludes: Filter?
    }

    struct Argument: Decodable {
        var index: UInt32
        var value: UInt64
        var valueTwo: UInt64?
        var op: String
    }

    struct Filter: Decodable {
        var arches: [String]?
        var caps: [String]?
        var minKernel: String?
    }

    func choice() throws -> SeccompProfile.ArchitectureChoice {
        let list = architectures ?? []
        let map = archMap ?? []
        guard list.isEmpty || map.isEmpty else {
            throw SeccompProfile.invalid("\"architectures\" and \"archMap\" are both given; use one of them")
        }
        if map.isEmpty { return .list(try list.enumerated().map { try Self.architecture($1, at: "architectures[\($0)]") }) }
        return .map(
            try map.enumerated().map { index, entry in
                SeccompProfile.ArchitectureChoice.Entry(
                    architecture: try Self.architecture(entry.architecture, at: "archMap[\(index)].architecture"),
                    sub: try (entry.subArchitectures ?? []).map { try Self.architecture($0, at: "archMap[\(index)].subArchitectures") })
            })
    }

    private static func architecture(_ name: String, at place: String) throws -> SeccompArchitecture {
        guard let architecture = SeccompArchitecture(rawValue: name) else {
            throw SeccompProfile.invalid("\(place): unknown architecture \"\(SeccompProfile.printable(name))\"")
        }
        return architecture
    }
}

extension Document.Call {
    func rule(at place: String) throws -> SeccompProfile.Rule {
        guard name == nil || name == "" || names == nil || names == [] else {
            throw SeccompProfile.invalid("\(place): \"name\" and \"names\" are both given; use one of them")
        }
        let all = name.flatMap { $0.isEmpty ? nil : [$0] } ?? names ?? []
        guard !all.isEmpty else { throw SeccompProfile.invalid("\(place): no system call is named") }
        for name in all where name.isEmpty || name.utf8.count > 64 || !name.utf8.allSatisfy(Self.isNameByte) {
            throw SeccompProfile.invalid("\(place): \"\(SeccompProfile.printable(name))\" is not the name of a system call")
        }
        return SeccompProfile.Rule(
            names: all, action: try SeccompProfile.action(action, errno: errnoRet, at: "\(place).action"),
            arguments: try (args ?? []).enumerated().map { try $1.argument(at: "\(place).args[\($0)]") },
            includes: try includes?.condition(at: "\(place).includes") ?? .init(),
            excludes: try excludes?.condition(at: "\(place).excludes") ?? .init())
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}

extension Document.Argument {
    func argument(at place: String) throws -> SeccompArgument {
        guard index < 6 else { throw SeccompProfile.invalid("\(place): index \(index) is not from 0 to 5") }
        guard let comparison = SeccompArgument.Comparison(rawValue: op) else {
            throw SeccompProfile.invalid("\(place): unknown comparison \"\(SeccompProfile.printable(op))\"")
        }
        return SeccompArgument(index: index, comparison: comparison, value: value, valueTwo: valueTwo ?? 0)
    }
}

extension Document.Filter {
    func condition(at place: String) throws -> SeccompProfile.Condition {
        var version: KernelVersion?
        if let text = minKernel {
            version = KernelVersion(parsing: text)
            if version == nil { throw SeccompProfile.invalid("\(place).minKernel: \"\(SeccompProfile.printable(text))\" is not a version") }
        }
        return SeccompProfile.Condition(architectures: arches ?? [], capabilities: caps ?? [], minimumKernel: version)
    }
}
