/// One instruction of classic BPF, `struct sock_filter`.
struct BPFInstruction: Sendable, Hashable {
    /// The opcodes that seccomp takes and we need (linux/bpf_common.h).
    enum Code: UInt16, Sendable {
        /// A = the 32-bit word at k of struct seccomp_data.
        case load = 0x20
        /// A = A & k.
        case and = 0x54
        case jump = 0x05
        case ifEqual = 0x15
        case ifGreater = 0x25
        case ifAtLeast = 0x35
        case answer = 0x06
    }

    let code: Code
    var jumpTrue: UInt8 = 0
    var jumpFalse: UInt8 = 0
    let k: UInt32

    /// As the kernel reads it; both architectures that Timber runs on are little-endian.
    var bytes: [UInt8] {
        [
            UInt8(truncatingIfNeeded: code.rawValue), 0, jumpTrue, jumpFalse, UInt8(truncatingIfNeeded: k),
            UInt8(truncatingIfNeeded: k >> 8),
            UInt8(truncatingIfNeeded: k >> 16), UInt8(truncatingIfNeeded: k >> 24),
        ]
    }
}

/// Writes a program from its end to its beginning: jumps in BPF only go forward, so every target is there before the jump to it,
/// and equal code is found and used again.
struct BPFBuilder {
    /// An instruction that is there already.
    struct Label: Hashable {
        /// Counted from the program's end.
        fileprivate let index: Int
    }

    private var reversed: [BPFInstruction] = []
    private var answers: [UInt32: Label] = [:]

    /// The finished program.
    var program: [BPFInstruction] { reversed.reversed() }

    /// Ends with a value.
    mutating func answer(_ value: UInt32) -> Label {
        if let known = answers[value], distance(to: known) < 192 { return known }
        let label = append(BPFInstruction(code: .answer, k: value))
        answers[value] = label
        return label
    }

    /// Loads a word, or masks it, and goes on.
    mutating func step(_ code: BPFInstruction.Code, _ k: UInt32, then next: Label) -> Label {
        if distance(to: next) > 0 { _ = append(BPFInstruction(code: .jump, k: UInt32(distance(to: next)))) }
        return append(BPFInstruction(code: code, k: k))
    }

    /// Compares A with k.
    mutating func branch(_ code: BPFInstruction.Code, _ k: UInt32, yes: Label, no: Label) -> Label {
        if yes == no { return yes }
        // The second detour makes the way to the first target one longer.
        let yes = within(reach: 254, yes)
        let no = within(reach: 255, no)
        return append(
            BPFInstruction(
                code: code, jumpTrue: UInt8(truncatingIfNeeded: distance(to: yes)), jumpFalse: UInt8(truncatingIfNeeded: distance(to: no)),
                k: k))
    }

    /// How many instructions lie between the next one to be written and a label.
    private func distance(to label: Label) -> Int { reversed.count - 1 - label.index }

    /// A conditional jump reaches 255 instructions: farther away, an answer is repeated and anything else gets a long jump.
    private mutating func within(reach: Int, _ label: Label) -> Label {
        guard distance(to: label) > reach else { return label }
        let target = reversed[label.index]
        return target.code == .answer ? answer(target.k) : append(BPFInstruction(code: .jump, k: UInt32(distance(to: label))))
    }

    private mutating func append(_ instruction: BPFInstruction) -> Label {
        reversed.append(instruction)
        return Label(index: reversed.count - 1)
    }
}
