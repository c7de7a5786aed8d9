/// The few instructions of eBPF that a device filter needs. Encoded as `struct bpf_insn`: opcode, registers, offset, immediate.
struct EBPF: Sendable, Hashable {
    enum Register: UInt64, Sendable {
        case r0, r1, r2, r3, r4, r5
    }

    /// The instruction; its absence makes room for "jump if no bit is set", which is two of them.
    let words: [UInt64]

    /// How many instructions it takes.
    var width: Int { words.count }

    private init(_ words: [UInt64]) {
        self.words = words
    }

    private static func word(_ opcode: UInt64, _ target: Register, _ source: Register = .r0, offset: Int16 = 0, value: Int32 = 0) -> UInt64
    {
        opcode | target.rawValue << 8 | source.rawValue << 12 | UInt64(UInt16(bitPattern: offset)) << 16
            | UInt64(UInt32(bitPattern: value)) << 32
    }

    /// target = *(u32 *)(source + offset)
    static func load(_ target: Register, from source: Register, offset: Int16) -> EBPF {
        EBPF([word(0x61, target, source, offset: offset)])
    }
    static func and32(_ target: Register, _ value: Int32) -> EBPF { EBPF([word(0x54, target, value: value)]) }
    static func shiftRight32(_ target: Register, _ value: Int32) -> EBPF { EBPF([word(0x74, target, value: value)]) }
    static func move32(_ target: Register, _ value: Int32) -> EBPF { EBPF([word(0xb4, target, value: value)]) }
    static let exit = EBPF([word(0x95, .r0)])

    static func jumpIfNotEqual32(_ register: Register, _ value: Int32, _ skip: Int16) -> EBPF {
        EBPF([word(0x56, register, offset: skip, value: value)])
    }
    /// Jumps when any of the bits is set.
    static func jumpIfBits32(_ register: Register, _ bits: Int32, _ skip: Int16) -> EBPF {
        EBPF([word(0x46, register, offset: skip, value: bits)])
    }
    /// Jumps when none of the bits is set: over the jump that is taken when one is.
    static func jumpIfNoBits32(_ register: Register, _ bits: Int32, _ skip: Int16) -> EBPF {
        EBPF([word(0x46, register, offset: 1, value: bits), word(0x05, .r0, offset: skip)])
    }
}
