/// Lets a limited number through at a time; the others wait in the order of their coming.
public actor Gate {
    private var free: Int
    private var waiting: [(number: UInt64?, continuation: CheckedContinuation<Void, Never>)] = []
    private var last: UInt64 = 0

    /// Makes a gate.
    /// - Parameter limit: how many at a time.
    public init(limit: Int) {
        free = limit
    }

    /// Runs a body once there is room for it, also in a task that is cancelled: what has to be undone is undone.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws.
    public func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows -> Value {
        await enter()
        defer { leave() }
        return try await body()
    }

    /// Runs a body once there is room for it, unless the task is cancelled before.
    /// - Returns: what the body returns.
    /// - Throws: `CancellationError`; what the body throws.
    public func runUnlessCancelled<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        last += 1
        let number = last
        await withTaskCancellationHandler {
            await enter(unlessCancelled: number)
        } onCancel: {
            Task { await self.giveUp(number) }
        }
        defer { leave() }
        try Task.checkCancellation()
        return try await body()
    }

    private func enter(unlessCancelled number: UInt64? = nil) async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { continuation in
            // Cancelled before it waits: `giveUp` may have been here already. Afterwards it comes and finds it.
            if number != nil && Task.isCancelled {
                free -= 1
                continuation.resume()
            } else {
                waiting.append((number, continuation))
            }
        }
    }

    /// Lets one through that wants no more: it comes back at once.
    private func giveUp(_ number: UInt64) {
        guard let position = waiting.firstIndex(where: { $0.number == number }) else { return }
        free -= 1
        waiting.remove(at: position).continuation.resume()
    }

    private func leave() {
        free += 1
        if free > 0 && !waiting.isEmpty {
            free -= 1
            waiting.removeFirst().continuation.resume()
        }
    }
}
