internal import LinuxKernel
internal import Tar

/// Hands chunks from one producing to one consuming thread; the few buffers go round, so memory is bounded.
final class ChunkChannel: Sendable {
    /// A buffer is touched only by the side that has taken it out.
    private struct State {
        var free: [Buffer]
        var filled: [(buffer: Buffer, count: Int)] = []
        var ending: Result<Void, any Error>?
        var isCancelled = false
    }

    private let state: Monitor<State>

    init(buffers: Int = 4, chunkSize: Int = Tar.chunkSize) {
        state = Monitor(State(free: (0..<buffers).map { _ in Buffer(size: chunkSize) }))
    }

    /// Producer: an empty buffer, waiting for one if need be.
    /// - Returns: nil when the consumer has gone.
    func takeEmpty() -> Buffer? {
        state.wait { state -> Buffer?? in
            if state.isCancelled { return .some(nil) }
            return state.free.popLast().map { .some($0) }
        }
    }

    /// Producer: passes a buffer on.
    func put(_ buffer: Buffer, count: Int) {
        state.withLock { $0.filled.append((buffer, count)) }
    }

    /// Producer: no more chunks, for good or because of an error.
    func end(_ result: Result<Void, any Error>) {
        state.withLock { $0.ending = result }
    }

    /// Consumer: the next filled buffer, waiting for one if need be.
    /// - Returns: nil at the end.
    /// - Throws: what the producer ended with.
    func takeFilled() throws -> (buffer: Buffer, count: Int)? {
        try state.wait { state -> (buffer: Buffer, count: Int)?? in
            if !state.filled.isEmpty { return .some(state.filled.removeFirst()) }
            guard let ending = state.ending else { return nil }
            try ending.get()
            return .some(nil)
        }
    }

    /// Consumer: gives a buffer back.
    func recycle(_ buffer: Buffer) {
        state.withLock { $0.free.append(buffer) }
    }

    /// Consumer: wants no more; the producer stops at its next chunk.
    func cancel() {
        state.withLock { $0.isCancelled = true }
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
