internal import CTimber
internal import Glibc

/// A process by pidfd: a signal through it never reaches another process that was given the same number meanwhile.
public struct ProcessHandle: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Opens a process.
    /// - Parameter pid: as this process's pid namespace numbers it.
    /// - Throws: `SystemError`; ESRCH when there is none.
    public init(pid: Int32) throws {
        descriptor = Descriptor(owning: Int32(try checking("pidfd_open", "\(pid)") { timber_pidfd_open(pid, 0) }))
    }

    /// Sends a signal.
    /// - Throws: `SystemError`; ESRCH when the process has ended.
    public func signal(_ number: Int32) throws {
        try checking("pidfd_send_signal", "\(number)") { timber_pidfd_send_signal(descriptor.raw, number) }
    }
}
