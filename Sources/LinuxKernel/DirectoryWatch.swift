internal import CTimber
internal import Glibc

/// inotify(7) on one directory, as a stream of "something changed"; changes that nobody has read yet count as one.
public final class DirectoryWatch: Sendable {
    /// One element for any number of changes since the last; finishes when the watch goes.
    public let changes: AsyncStream<Void>

    private let continuation: AsyncStream<Void>.Continuation
    private let source: ReadinessSource

    /// Watches for writes, new and renamed files.
    /// - Throws: `SystemError`.
    public init(path: String) throws {
        let inotify = SharedDescriptor(
            Descriptor(owning: try retrying("inotify_init1") { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) }))
        try retrying("inotify_add_watch", path) {
            inotify_add_watch(inotify.raw, path, UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_MOVED_TO))
        }
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.changes = changes
        self.continuation = continuation
        source = ReadinessSource(inotify) {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while read(inotify.raw, &buffer, buffer.count) > 0 {}
            continuation.yield()
            return true
        }
    }

    deinit {
        continuation.finish()
    }

    /// Wakes the reader without a change on disk.
    public func wake() {
        continuation.yield()
    }
}
