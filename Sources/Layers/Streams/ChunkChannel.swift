internal import Glibc
internal import Tar

/// Hands chunks from one producing to one consuming thread; the few buffers go round, so memory is bounded.
///
/// The lock protects every variable; a buffer is touched only by the side that has taken it out.
final class ChunkChannel: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var free: [Buffer]
    private var filled: [(buffer: Buffer, count: Int)] = []
    private var ending: Result<Void, any Error>?
    private var isCancelled = false

    init(buffers: Int = 4, chunkSize: Int = Tar.chunkSize) {
        free = (0..<buffers).map { _ in Buffer(size: chunkSize) }
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Producer: an empty buffer, waiting for one if need be.
    /// - Returns: nil when the consumer has gone.
    func takeEmpty() -> Buffer? {
        locked {
            while free.isEmpty && !isCancelled { pthread_cond_wait(changed, mutex) }
            return isCancelled ? nil : free.removeLast()
        }
    }

    /// Producer: passes a buffer on.
    func put(_ buffer: Buffer, count: Int) {
        locked {
            filled.append((buffer, count))
            pthread_cond_signal(changed)
        }
    }

    /// Producer: no more chunks, for good or because of an error.
    func end(_ result: Result<Void, any Error>) {
        locked {
            ending = result
            pthread_cond_signal(changed)
        }
    }

    /// Consumer: the next filled buffer, waiting for one if need be.
    /// - Returns: nil at the end.
    /// - Throws: what the producer ended with.
    func takeFilled() throws -> (buffer: Buffer, count: Int)? {
        try locked {
            while filled.isEmpty && ending == nil { pthread_cond_wait(changed, mutex) }
            if !filled.isEmpty { return filled.removeFirst() }
            try ending?.get()
            return nil
        }
    }

    /// Consumer: gives a buffer back.
    func recycle(_ buffer: Buffer) {
        locked {
            free.append(buffer)
            pthread_cond_signal(changed)
        }
    }

    /// Consumer: wants no more; the producer stops at its next chunk.
    func cancel() {
        locked {
            isCancelled = true
            pthread_cond_signal(changed)
        }
    }

    private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}

/// The consuming end of a channel.
final class ChannelChunks: ChunkSource {
    private let channel: ChunkChannel
    private var current: Buffer?

    init(_ channel: ChunkChannel) {
        self.channel = channel
    }

    func next() throws -> UnsafeRawBufferPointer? {
        if let current { channel.recycle(current) }
        current = nil
        guard let chunk = try channel.takeFilled() else { return nil }
        current = chunk.buffer
        return UnsafeRawBufferPointer(rebasing: chunk.buffer.bytes[..<chunk.count])
    }
}
