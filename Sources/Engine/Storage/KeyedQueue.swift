/// Work that must not happen twice at once for the same object: one after another for each key, in the order in which it came.
actor KeyedQueue {
    /// Who waits behind the one that is at work.
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    /// Does something when nobody else does anything with the key.
    func run<Value: Sendable>(_ key: String, _ body: @Sendable () async throws -> Value) async rethrows -> Value {
        if waiting[key] == nil {
            waiting[key] = []
        } else {
            await withCheckedContinuation { waiting[key, default: []].append($0) }
        }
        defer { next(key) }
        return try await body()
    }

    private func next(_ key: String) {
        if waiting[key]?.isEmpty == false {
            waiting[key]?.removeFirst().resume()
        } else {
            waiting[key] = nil
        }
    }
}
