internal import Glibc

/// One instruction of classic BPF, `struct sock_filter`.
struct BPFInstruction: Sendable, Hashable {
    var code: UInt16
    var jumpTrue: UInt8 = 0
    var jumpFalse: UInt8 = 0
    var k: UInt32

    /// ld [k]: a 32-bit word of struct seccomp_data.
    static func load(_ offset: UInt32) -> BPFInstruction { BPFInstruction(code: 0x20, k: offset) }
    static func ret(_ value: UInt32) -> BPFInstruction { BPFInstruction(code: 0x06, k: value) }
    static func jump(_ skip: UInt32) -> BPFInstruction { BPFInstruction(code: 0x05, k: skip) }
    /// if A == k skip `then`, else skip `otherwise`.
    static func ifEqual(_ k: UInt32, then: UInt8, otherwise: UInt8) -> BPFInstruction {
        BPFInstruction(code: 0x15, jumpTrue: then, jumpFalse: otherwise, k: k)
    }
    static func ifGreater(_ k: UInt32, then: UInt8, otherwise: UInt8) -> BPFInstruction {
        BPFInstruction(code: 0x25, jumpTrue: then, jumpFalse: otherwise, k: k)
    }
    static func ifAtLeast(_ k: UInt32, then: UInt8, otherwise: UInt8) -> BPFInstruction {
        BPFInstruction(code: 0x35, jumpTrue: then, jumpFalse: otherwise, k: k)
    }

    /// As the kernel reads it; both architectures that Timber runs on are little-endian.
    var bytes: [UInt8] {
        [
            UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8), jumpTrue, jumpFalse, UInt8(truncatingIfNeeded: k),
            UInt8(truncatingIfNeeded: k >> 8), UInt8(truncatingIfNeeded: k >> 16), UInt8(truncatingIfNeeded: k >> 24),
        ]
    }
}

/// What stands before libseccomp's program and mends two things in it.
///
/// - A system call that is newer than everything the profile knows gets ENOSYS instead of EPERM. A C library tries new calls first
///   and falls back on ENOSYS only; with EPERM, images break that are newer than the daemon. runc does the same.
/// - A call that the profile names and the installed libseccomp does not know yet is decided here by its number.
enum SeccompPrologue {
    /// What the program has to know about one ABI.
    struct ABI: Sendable, Hashable {
        let architecture: SeccompArchitecture
        /// The largest number that the profile names; nil: no ENOSYS.
        let last: UInt32?
        /// Numbers that are decided here, and what the filter returns for them.
        let decided: [Decision]
    }

    struct Decision: Sendable, Hashable {
        let number: UInt32
        let result: UInt32
    }

    /// Set in the numbers of x32, which shares its architecture token with x86-64.
    static let x32Bit: UInt32 = 0x4000_0000
    /// Where the private calls of ARM begin (cacheflush, set_tls).
    private static let armPrivate: UInt32 = 0xf_0000

    /// The program; falls through to whatever is put behind it.
    static func program(_ abis: [ABI]) -> [BPFInstruction] {
        let bodies: [(token: UInt32, body: [BPFInstruction])] = [
            (SeccompArchitecture.x86_64, SeccompArchitecture.x32), (.x86, nil), (.aarch64, nil), (.arm, nil),
        ].compactMap { main, second in
            guard let token = main.auditToken else { return nil }
            let first = abis.first { $0.architecture == main }.map(checks) ?? []
            let other = second.flatMap { second in abis.first { $0.architecture == second } }.map(checks) ?? []
            if first.isEmpty && other.isEmpty { return nil }
            guard main == .x86_64 else { return (token, [.load(0)] + first) }
            // Numbers of x32 jump over the checks of x86-64, whose numbers jump over those of x32.
            let over = first + [.jump(UInt32(other.count))]
            return (token, [.load(0), .ifAtLeast(x32Bit, then: 0, otherwise: 1), .jump(UInt32(over.count))] + over + other)
        }
        // A section is longer than a conditional jump reaches, so both ways out of it are unconditional ones.
        var program: [BPFInstruction] = []
        for (token, body) in bodies.reversed() {
            let section = body + [.jump(UInt32(program.count))]
            program = [.ifEqual(token, then: 1, otherwise: 0), .jump(UInt32(section.count))] + section + program
        }
        return program.isEmpty ? [] : [.load(4)] + program
    }

    private static func checks(_ abi: ABI) -> [BPFInstruction] {
        var body = abi.decided.flatMap { [BPFInstruction.ifEqual($0.number, then: 0, otherwise: 1), .ret($0.result)] }
        if let last = abi.last {
            if abi.architecture == .arm { body.append(.ifAtLeast(armPrivate, then: 2, otherwise: 0)) }
            body += [.ifGreater(last, then: 0, otherwise: 1), .ret(SeccompAction.errno(UInt16(ENOSYS)).returnValue)]
        }
        return body
    }

    /// System calls that were added to Linux after libseccomp 2.5.4. From 424 on, a call has the same number on every architecture.
    private static let newer: [String: UInt32] = [
        "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455, "futex_requeue": 456,
        "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462,
        "setxattrat": 463, "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468,
        "file_setattr": 469, "listns": 470,
    ]

    /// The number of a system call that libseccomp does not know; nil when it is not known here either, or not to this ABI.
    static func number(of name: String, on architecture: SeccompArchitecture) -> UInt32? {
        if name == "uretprobe" { return architecture == .x86_64 ? 335 : nil }
        guard architecture.auditToken != nil, let number = newer[name] else { return nil }
        return architecture == .x32 ? number | x32Bit : number
    }

    /// Whether a number counts for "newer than everything": the private calls of ARM lie far above all others.
    static func isOrdinary(_ number: UInt32, on architecture: SeccompArchitecture) -> Bool {
        architecture != .arm || number < armPrivate
    }
}

extension SeccompArchitecture {
    /// AUDIT_ARCH_* as the kernel puts it into struct seccomp_data, for the ABIs of the machines that Timber runs on.
    var auditToken: UInt32? {
        switch self {
        case .x86_64, .x32: 0xc000_003e
        case .x86: 0x4000_0003
        case .aarch64: 0xc000_00b7
        case .arm: 0x4000_0028
        default: nil
        }
    }
}
