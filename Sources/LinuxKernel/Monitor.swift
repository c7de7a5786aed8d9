internal import Glibc

/// A value that one thread at a time sees, and whose changes threads can wait for.
public final class Monitor<Value>: @unchecked Sendable {
    // The lock protects it.
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// Makes a monitor of an initial value.
    public init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Reads or changes the value, and wakes who waits for a change.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws.
    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Blocks the thread until the body finds what it looks for.
    /// - Parameter body: asked at once and after every change.
    /// - Returns: its first answer that is not nil.
    /// - Throws: what the body throws.
    public func wait<Result>(for body: (inout Value) throws -> Result?) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        while true {
            if let found = try body(&value) { return found }
            pthread_cond_wait(changed, mutex)
        }
    }
}
