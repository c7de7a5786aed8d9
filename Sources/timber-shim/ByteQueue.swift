import CTimber

/// Bytes waiting to be written, in order. Holds no memory while it is empty.
struct ByteQueue: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    deinit {
        free(base)
    }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    /// The waiting bytes; valid until the queue changes.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base.map { $0 + start }, count: count)
    }

    /// Adds a copy of the bytes at the end.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        let room = reserve(bytes.count)
        memcpy(room, source, bytes.count)
        end += bytes.count
    }

    /// Takes bytes away at the front.
    mutating func remove(_ count: Int) {
        start += count
        if start < end { return }
        clear()
    }

    mutating func clear() {
        free(base)
        base = nil
        capacity = 0
        start = 0
        end = 0
    }

    /// Makes room for `count` bytes at the end and says where.
    private mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        if let base, capacity - end >= count { return base + end }
        let waiting = end - start
        var wanted = max(capacity, 4096)
        while wanted < waiting + count { wanted *= 2 }
        // Out of memory: there is nobody to tell and nothing to give up, so the process ends, and with it its container.
        guard let fresh = malloc(wanted) else { abort() }
        if let base { memcpy(fresh, base + start, waiting) }
        free(base)
        base = fresh
        capacity = wanted
        start = 0
        end = waiting
        return fresh + waiting
    }
}
