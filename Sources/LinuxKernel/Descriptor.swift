internal import CTimber
internal import Glibc

/// A file descriptor with exactly one owner; closed when the owner lets go.
///
/// Every descriptor is made close-on-exec at birth. Hand `raw` only to a call that does not keep it.
public struct Descriptor: ~Copyable, Sendable {
    /// The number; valid as long as this value lives.
    public let raw: Int32

    /// Takes ownership of an open descriptor.
    public init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        // close(2): after EINTR the descriptor is gone on Linux, so it is never retried.
        Glibc.close(raw)
    }

    /// Gives up ownership; the caller closes the number.
    public consuming func release() -> Int32 {
        let number = raw
        discard self
        return number
    }

    /// A second descriptor of the same open file description (fcntl F_DUPFD_CLOEXEC).
    /// - Throws: `SystemError`.
    public func duplicate() throws -> Descriptor {
        Descriptor(owning: Int32(try checking("fcntl", "F_DUPFD_CLOEXEC") { timber_fcntl(raw, F_DUPFD_CLOEXEC, 3) }))
    }
}

/// A descriptor shared by several owners; closed when the last one lets go.
public final class SharedDescriptor: Sendable {
    private let descriptor: Descriptor

    /// Takes ownership of a descriptor.
    public init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// The number; valid as long as this object lives.
    public var raw: Int32 { descriptor.raw }

    /// A second descriptor of the same open file description, with an owner of its own.
    /// - Throws: `SystemError`.
    public func duplicate() throws -> Descriptor {
        try descriptor.duplicate()
    }
}
