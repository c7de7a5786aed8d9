internal import CCap
internal import Errors
internal import Synchronization

/// A set of Linux capabilities; bit n of the raw value is capability number n, as capset(2) and the launch plan have it.
public struct CapabilitySet: Sendable, Hashable {
    /// Bit n is capability n.
    public let rawValue: UInt64

    /// Makes a set from its bits.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Makes a set from names.
    /// - Parameter names: with or without `CAP_`, in any case.
    /// - Throws: `TimberError(.invalidArgument)` for a name that libcap does not know.
    public init(names: [String]) throws {
        rawValue = try names.reduce(into: 0) { bits, name in bits |= 1 << UInt64(try Self.number(of: name)) }
    }

    init(numbers: [Int32]) {
        rawValue = numbers.reduce(into: 0) { bits, number in bits |= 1 << UInt64(number) }
    }

    /// What a container gets unless it asks otherwise: Docker's default less MKNOD (device nodes), NET_RAW (ARP and DNS spoofing
    /// on the bridge) and AUDIT_WRITE (forged audit records).
    public static let timberDefault = CapabilitySet(numbers: [
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_NET_BIND_SERVICE,
        CAP_SYS_CHROOT, CAP_SETFCAP,
    ])

    /// Docker's fourteen.
    public static let dockerDefault = timberDefault.union(CapabilitySet(numbers: [CAP_MKNOD, CAP_NET_RAW, CAP_AUDIT_WRITE]))

    /// Every capability that the running kernel knows.
    public static func kernel() -> CapabilitySet {
        let count = max(0, min(Int(cap_max_bits()), 64))
        return CapabilitySet(rawValue: count == 64 ? .max : (1 << UInt64(count)) - 1)
    }

    private static let own = Mutex<CapabilitySet?>(nil)

    /// What this process can hand on: its bounding set, less what it does not hold itself. Read once.
    /// - Throws: `TimberError(.internal)` when the process's capabilities cannot be read.
    public static func ownBounding() throws -> CapabilitySet {
        try own.withLock { known in
            if let known { return known }
            guard let state = cap_get_proc() else { throw TimberError(.internal, "cannot read the daemon's own capabilities") }
            defer { cap_free(UnsafeMutableRawPointer(state)) }
            var bits: UInt64 = 0
            for number in kernel().numbers {
                var permitted = CAP_CLEAR
                guard cap_get_flag(state, number, CAP_PERMITTED, &permitted) == 0 else { continue }
                if permitted == CAP_SET && cap_get_bound(number) == 1 { bits |= 1 << UInt64(number) }
            }
            let set = CapabilitySet(rawValue: bits)
            known = set
            return set
        }
    }

    /// Names as the runtime specification writes them (`CAP_CHOWN`), in the order of their numbers.
    public var names: [String] { numbers.map(Self.name(of:)) }

    /// Whether nothing is in it.
    public var isEmpty: Bool { rawValue == 0 }
    /// Whether every capability of the other set is in this one.
    public func contains(_ other: CapabilitySet) -> Bool { rawValue & other.rawValue == other.rawValue }
    /// What is in either.
    public func union(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(rawValue: rawValue | other.rawValue) }
    /// What is in both.
    public func intersection(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(rawValue: rawValue & other.rawValue) }
    /// What is in this one and not in the other.
    public func subtracting(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(rawValue: rawValue & ~other.rawValue) }

    private var numbers: [Int32] { (0..<64).filter { rawValue & (1 << UInt64($0)) != 0 } }

    /// libcap would also take numbers ("12", "cap_12"): only letters and underscores are names here.
    static func number(of name: String) throws -> Int32 {
        let folded = name.lowercased()
        var number: cap_value_t = -1
        guard !folded.isEmpty, folded.utf8.allSatisfy({ $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }),
            cap_from_name(folded.hasPrefix("cap_") ? folded : "cap_" + folded, &number) == 0, (0..<64).contains(number)
        else { throw TimberError(.invalidArgument, "unknown capability: \"\(name)\"") }
        return number
    }

    /// Numbers newer than libcap come out as `CAP_42`.
    private static func name(of number: Int32) -> String {
        guard let text = cap_to_name(number) else { return "CAP_\(number)" }
        defer { cap_free(text) }
        let name = String(cString: text).uppercased()
        return name.hasPrefix("CAP_") ? name : "CAP_\(number)"
    }
}
