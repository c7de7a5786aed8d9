internal import Dispatch

/// Calls a handler whenever a descriptor has something to read; never blocks a thread meanwhile.
///
/// The descriptor stays open until the last handler has run, whoever lets go of it first.
public final class ReadinessSource: @unchecked Sendable {
    // DispatchSource is safe to use from any thread; it only is not declared so on Linux.
    private let source: any DispatchSourceRead

    /// Starts to watch.
    /// - Parameters:
    ///   - descriptor: a descriptor that epoll(7) takes: a socket, pipe, pidfd, inotify or event descriptor.
    ///   - handler: called on a thread of its own, one call at a time; must not block, and must read until there is nothing (EAGAIN) or
    ///     the end: after the peer has hung up there is no further call. Returns false to stop for good.
    public init(_ descriptor: SharedDescriptor, handler: @escaping @Sendable () -> Bool) {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor.raw, queue: DispatchQueue(label: "timber.readiness"))
        self.source = source
        let box = Unchecked(source)
        source.setEventHandler {
            if !handler() { box.source.cancel() }
        }
        source.setCancelHandler { _ = descriptor }
        source.resume()
    }

    deinit {
        source.cancel()
    }

    private final class Unchecked: @unchecked Sendable {
        let source: any DispatchSourceRead
        init(_ source: any DispatchSourceRead) { self.source = source }
    }
}
