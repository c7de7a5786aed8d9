internal import CTimber
internal import Glibc

/// A loaded eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE: the device filter of a v2 cgroup.
public struct DeviceProgram: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// `union bpf_attr` grows with every release, and Linux 6.17 to 7.1 write behind a short one on some commands: a zeroed buffer
    /// larger than any of them is right for all (the kernel only asks that what it does not know is zero).
    private static let attributeSize = 512

    /// Loads a program.
    /// - Parameter instructions: `struct bpf_insn` as 64-bit words; leaves 1 (allow) or 0 in r0.
    /// - Throws: `SystemError`; EPERM without CAP_BPF, EINVAL or EACCES when the kernel refuses the program.
    public init(instructions: [UInt64]) throws {
        let number = try instructions.withUnsafeBytes { program in
            try Array("Apache-2.0".utf8CString).withUnsafeBytes { license in
                var attributes = Attributes()
                attributes.set(UInt32(15), at: 0)  // BPF_PROG_TYPE_CGROUP_DEVICE
                attributes.set(UInt32(instructions.count), at: 4)
                attributes.set(UInt64(UInt(bitPattern: program.baseAddress)), at: 8)
                attributes.set(UInt64(UInt(bitPattern: license.baseAddress)), at: 16)
                return try attributes.call("BPF_PROG_LOAD", 5)
            }
        }
        descriptor = Descriptor(owning: Int32(number))
    }

    /// Attaches it to a cgroup; it stays attached until the cgroup is removed.
    /// - Parameter cgroup: a descriptor of the v2 directory.
    /// - Throws: `SystemError`.
    public func attach(to cgroup: Int32) throws {
        var attributes = Attributes()
        attributes.set(UInt32(bitPattern: cgroup), at: 0)
        attributes.set(UInt32(bitPattern: descriptor.raw), at: 4)
        attributes.set(UInt32(6), at: 8)  // BPF_CGROUP_DEVICE
        // BPF_F_ALLOW_MULTI: a filter of a manager above us, or of a container in the container, is asked as well.
        attributes.set(UInt32(2), at: 12)
        _ = try attributes.call("BPF_PROG_ATTACH", 8)
    }

    private struct Attributes {
        private var bytes = [UInt8](repeating: 0, count: attributeSize)

        mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
            withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
        }

        mutating func call(_ name: String, _ command: Int32) throws -> Int {
            try bytes.withUnsafeMutableBytes { buffer in
                try checking("bpf", name) { timber_bpf(command, buffer.baseAddress, UInt32(buffer.count)) }
            }
        }
    }
}
