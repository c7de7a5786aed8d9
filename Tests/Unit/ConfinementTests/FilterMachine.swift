import Confinement

/// Runs a seccomp filter the way the kernel does: classic BPF over one `struct seccomp_data`.
struct FilterMachine {
    enum Fault: Error {
        case ranOffTheEnd, unknownInstruction(UInt16), misalignedLoad(UInt32), malformed
    }

    /// An ABI as the kernel names it to a filter.
    enum ABI: UInt32, CaseIterable {
        case x86_64 = 0xc000_003e
        case x86 = 0x4000_0003
        case aarch64 = 0xc000_00b7
        case arm = 0x4000_0028
        case ppc64 = 0x8000_0015
    }

    private let instructions: [(code: UInt16, jumpTrue: Int, jumpFalse: Int, k: UInt32)]

    init(_ filter: SeccompFilter) throws {
        guard filter.program.count.isMultiple(of: 8), !filter.program.isEmpty else { throw Fault.malformed }
        instructions = stride(from: 0, to: filter.program.count, by: 8).map { start in
            let bytes = filter.program[start..<start + 8].map { UInt32($0) }
            return (
                UInt16(bytes[0] | bytes[1] << 8), Int(bytes[2]), Int(bytes[3]),
                bytes[4] | bytes[5] << 8 | bytes[6] << 16 | bytes[7] << 24
            )
        }
    }

    /// - Returns: SECCOMP_RET_*.
    func run(_ abi: ABI, _ number: UInt32, _ arguments: [UInt64] = []) throws -> UInt32 {
        var words = [number, abi.rawValue, 0, 0]
        for index in 0..<6 {
            let argument = index < arguments.count ? arguments[index] : 0
            words += [UInt32(truncatingIfNeeded: argument), UInt32(truncatingIfNeeded: argument >> 32)]
        }
        var accumulator: UInt32 = 0
        var at = 0
        while at < instructions.count {
            let (code, jumpTrue, jumpFalse, k) = instructions[at]
            at += 1
            switch code {
            case 0x20:  // ld [k]
                guard k.isMultiple(of: 4), Int(k / 4) < words.count else { throw Fault.misalignedLoad(k) }
                accumulator = words[Int(k / 4)]
            case 0x54: accumulator &= k  // and #k
            case 0x05: at += Int(k)  // ja
            case 0x15: at += accumulator == k ? jumpTrue : jumpFalse
            case 0x25: at += accumulator > k ? jumpTrue : jumpFalse
            case 0x35: at += accumulator >= k ? jumpTrue : jumpFalse
            case 0x45: at += accumulator & k != 0 ? jumpTrue : jumpFalse
            case 0x06: return k
            default: throw Fault.unknownInstruction(code)
            }
        }
        throw Fault.ranOffTheEnd
    }
}

/// What a filter returned, in words.
enum Verdict: Equatable, CustomStringConvertible {
    case allow, killProcess, killThread, log, trap
    case errno(UInt32)
    case other(UInt32)

    init(_ value: UInt32) {
        switch value {
        case 0x7fff_0000: self = .allow
        case 0x7ffc_0000: self = .log
        case 0x8000_0000: self = .killProcess
        case 0: self = .killThread
        case 0x0003_0000: self = .trap
        case 0x0005_0000...0x0005_ffff: self = .errno(value & 0xffff)
        default: self = .other(value)
        }
    }

    static let eperm = Verdict.errno(1)
    static let enosys = Verdict.errno(38)

    var description: String {
        switch self {
        case .allow: "allow"
        case .killProcess: "kill process"
        case .killThread: "kill thread"
        case .log: "log"
        case .trap: "trap"
        case .errno(1): "EPERM"
        case .errno(38): "ENOSYS"
        case .errno(let number): "errno \(number)"
        case .other(let value): "0x" + String(value, radix: 16)
        }
    }
}
