internal import CTimber
internal import Glibc

/// A file without a name, in memory: for libraries that write to a descriptor only.
public struct MemoryFile: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Makes an empty file (memfd_create, close-on-exec).
    /// - Parameter name: shown in /proc/self/fd.
    /// - Throws: `SystemError`.
    public init(name: String) throws {
        descriptor = Descriptor(owning: Int32(try checking("memfd_create", name) { timber_memfd_create(name, 1 /* MFD_CLOEXEC */) }))
    }

    /// The number; valid as long as this value lives.
    public var raw: Int32 { descriptor.raw }

    /// The whole contents.
    /// - Parameter limit: more bytes than this are an error.
    /// - Throws: `SystemError`; EFBIG beyond the limit.
    public func contents(limit: Int) throws -> [UInt8] {
        var status = stat()
        try retrying("fstat") { fstat(raw, &status) }
        guard status.st_size <= limit else { throw SystemError(call: "fstat", errno: EFBIG, what: "memory file") }
        let size = Int(status.st_size)
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let read = try retrying("pread") { pread(raw, buffer.baseAddress.map { $0 + count }, size - count, off_t(count)) }
                if read == 0 { break }
                count += read
            }
        }
    }
}
