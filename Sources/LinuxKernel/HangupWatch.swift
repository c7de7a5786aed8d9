internal import CTimber
internal import Glibc

/// Tells when the peer of a stream socket has closed both directions, and reads nothing: bytes that wait stay for whoever gets the
/// socket.
public final class HangupWatch: Sendable {
    private let source: ReadinessSource

    /// Starts to watch.
    /// - Parameters:
    ///   - socket: a connected stream socket.
    ///   - handler: called once, on a thread of its own; must not block.
    /// - Throws: `SystemError`.
    public init(_ socket: SharedDescriptor, handler: @escaping @Sendable () -> Void) throws {
        let epoll = SharedDescriptor(Descriptor(owning: try retrying("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }))
        // Nothing is asked for: EPOLLHUP always comes. The set itself is readable then.
        var event = epoll_event()
        try retrying("epoll_ctl") { epoll_ctl(epoll.raw, EPOLL_CTL_ADD, socket.raw, &event) }
        source = ReadinessSource(epoll) {
            handler()
            // The socket lives as long as it is watched.
            return withExtendedLifetime(socket) { false }
        }
    }
}
