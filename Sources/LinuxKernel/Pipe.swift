internal import CTimber
internal import Glibc

/// A pipe: what is written to one end is read from the other.
@frozen public struct Pipe: ~Copyable, Sendable {
    /// The end to read from; blocking.
    public var readEnd: Descriptor
    /// The end to write to; blocking.
    public var writeEnd: Descriptor

    /// Makes a pipe, close-on-exec.
    /// - Parameter capacity: bytes that it holds, up to 1 MiB for any user; a wish, as the kernel refuses it to users who hold
    ///   too much pipe memory already, and its default works too. nil: 64 KiB.
    /// - Throws: `SystemError`.
    public init(capacity: Int32? = nil) throws {
        var ends: [Int32] = [-1, -1]
        try checking("pipe2") { timber_pipe2(&ends, O_CLOEXEC) }
        readEnd = Descriptor(owning: ends[0])
        writeEnd = Descriptor(owning: ends[1])
        if let capacity { _ = timber_fcntl(writeEnd.raw, 1031 /* F_SETPIPE_SZ */, Int(capacity)) }
    }
}
