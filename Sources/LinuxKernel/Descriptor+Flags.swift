internal import CTimber
internal import Glibc

extension Descriptor {
    /// A descriptor of an open file that somebody else owns (fcntl F_DUPFD_CLOEXEC).
    /// - Parameter number: theirs; it stays theirs.
    /// - Throws: `SystemError`.
    public static func duplicating(_ number: Int32) throws -> Descriptor {
        Descriptor(owning: Int32(try checking("fcntl", "F_DUPFD_CLOEXEC") { timber_fcntl(number, F_DUPFD_CLOEXEC, 3) }))
    }

    /// Makes reads and writes return EAGAIN instead of waiting; holds for every descriptor of the same open file.
    /// - Throws: `SystemError`.
    public func setNonBlocking() throws {
        let flags = try checking("fcntl", "F_GETFL") { timber_fcntl(raw, F_GETFL, 0) }
        try checking("fcntl", "F_SETFL") { timber_fcntl(raw, F_SETFL, flags | Int(O_NONBLOCK)) }
    }
}
