internal import Errors

/// A rule of the device filter: what may be done with some device nodes.
public struct DeviceRule: Sendable, Hashable {
    /// Which kind of node.
    public enum Kind: String, Sendable {
        /// Every device; major, minor and access do not matter then.
        case all = "a"
        /// Character devices.
        case character = "c"
        /// Block devices.
        case block = "b"
    }

    /// What is done with it.
    public struct Access: OptionSet, Sendable, Hashable {
        /// Bits as the kernel's device filter has them (BPF_DEVCG_ACC_*).
        public let rawValue: UInt8
        /// Makes a set from its bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }
        /// mknod(2).
        public static let make = Access(rawValue: 1)
        /// Opening for reading.
        public static let read = Access(rawValue: 2)
        /// Opening for writing.
        public static let write = Access(rawValue: 4)
        /// Everything.
        public static let everything: Access = [.make, .read, .write]

        /// In the order in which it is always written: `rwm`.
        var text: String {
            (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.make) ? "m" : "")
        }
    }

    /// Whether it allows or takes away.
    public var allow: Bool
    /// Which kind of node.
    public var kind: Kind
    /// Major number; nil: any.
    public var major: UInt32?
    /// Minor number; nil: any.
    public var minor: UInt32?
    /// What it is about.
    public var access: Access

    /// Makes a rule.
    public init(allow: Bool = true, kind: Kind, major: UInt32? = nil, minor: UInt32? = nil, access: Access = .everything) {
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    /// Understands `--device-cgroup-rule`: `c 1:3 rwm`, `b *:* m`, `a *:* rwm`.
    /// - Throws: `TimberError(.invalidArgument)` with the form that was expected.
    public init(parsing text: String) throws {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        let numbers = fields.count == 3 ? fields[1].split(separator: ":", omittingEmptySubsequences: false) : []
        guard numbers.count == 2, let kind = Kind(rawValue: String(fields[0])), let major = Self.number(numbers[0]),
            let minor = Self.number(numbers[1]), let access = Self.access(fields[2])
        else {
            throw TimberError(
                .invalidArgument, "invalid device cgroup rule \"\(text.prefix(64))\": expected TYPE MAJOR:MINOR ACCESS, like \"c 1:3 rwm\"")
        }
        self.init(kind: kind, major: major.value, minor: minor.value, access: access)
    }

    /// What every container gets: nothing, then making any node (which still takes CAP_MKNOD), the OCI default devices, and
    /// pseudo terminals. Append the rules of `--device` and `--device-cgroup-rule`.
    public static let defaults: [DeviceRule] =
        [
            DeviceRule(allow: false, kind: .all),
            DeviceRule(kind: .character, access: .make), DeviceRule(kind: .block, access: .make),
        ]
        + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)].map { DeviceRule(kind: .character, major: $0, minor: $1) }
        + [DeviceRule(kind: .character, major: 136)]

    /// `c 1:3 rwm`, as cgroup v1 and `--device-cgroup-rule` write it.
    var text: String {
        if kind == .all { return "a" }
        return "\(kind.rawValue) \(major.map { "\($0)" } ?? "*"):\(minor.map { "\($0)" } ?? "*") \(access.text)"
    }

    /// The type in the runtime specification's `linux.resources.devices`.
    public var ociType: String { kind.rawValue }
    /// The access in the runtime specification.
    public var ociAccess: String { access.text }

    private static func number(_ text: Substring) -> (value: UInt32?, ())? {
        if text == "*" { return (nil, ()) }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = UInt32(text) else { return nil }
        return (number, ())
    }

    private static func access(_ text: Substring) -> Access? {
        guard (1...3).contains(text.utf8.count) else { return nil }
        return text.reduce(Access()) { access, letter in
            switch letter {
            case "r": access?.union(.read)
            case "w": access?.union(.write)
            case "m": access?.union(.make)
            default: nil
            }
        }
    }
}
