internal import Errors
internal import Glibc
internal import LinuxKernel
internal import Synchronization
internal import Tar

/// Tells a thread that waits for a client, or has much to do, to give up.
final class Interrupt: Sendable {
    private let error: TimberError
    /// The other end is `watched`, which hangs up when this one is closed.
    private let held: Mutex<SharedDescriptor?>
    fileprivate let watched: SharedDescriptor

    /// - Parameter error: what the thread throws.
    init(_ error: TimberError) throws {
        self.error = error
        let ends = try UnixSocket.pair()
        held = Mutex(ends.0)
        watched = ends.1
    }

    /// Any number of times.
    func raise() {
        held.withLock { $0 = nil }
    }

    /// - Throws: the error, once it was raised.
    func check() throws {
        if held.withLock({ $0 == nil }) { throw error }
    }
}

/// Reads a pipe or a socket until it is interrupted.
final class InterruptibleReader: ByteReader {
    private let descriptor: SharedDescriptor
    private let interrupt: Interrupt

    init(_ descriptor: SharedDescriptor, _ interrupt: Interrupt) {
        self.descriptor = descriptor
        self.interrupt = interrupt
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var waits = [descriptor.raw, interrupt.watched.raw].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        try retrying("poll") { poll(&waits, 2, -1) }
        try interrupt.check()
        return try Transfer.readSome(descriptor.raw, into: buffer)
    }
}
