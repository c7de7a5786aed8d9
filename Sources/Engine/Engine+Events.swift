public import DockerAPI
internal import Errors

extension Engine {
    /// Seconds and nanoseconds since 1970.
    public typealias Moment = (seconds: Int64, nanoseconds: Int32)

    /// What happened, as far as it is remembered, and what happens. Listens from now on.
    /// - Parameters:
    ///   - since: past events from then on; nil: none, unless `until` is given.
    ///   - until: ends then, at once when that is past; nil: never.
    ///   - filters: which.
    /// - Returns: a function that emits the events and returns at the end.
    /// - Throws: `TimberError.invalidArgument`.
    public func events(
        since: Moment?, until: Moment?, filters: [String: [String]]
    ) throws -> @Sendable (_ emit: @escaping @Sendable (EventMessage) async throws -> Void) async throws -> Void {
        let filter = try EventFilter(filters)
        let since = since.map { Timestamp(seconds: $0.seconds, nanoseconds: $0.nanoseconds) }
        let until = until.map { Timestamp(seconds: $0.seconds, nanoseconds: $0.nanoseconds) }
        if let since, let until, until < since {
            throw TimberError(
                .invalidArgument, "`since` time (\(since.seconds)) cannot be after `until` time (\(until.seconds))")
        }
        let subscription = services.events.listen()
        var past: [EventMessage] = []
        if since != nil || until != nil {
            past = subscription.past.filter { event in
                (since.map { event.moment >= $0 } ?? true) && (until.map { event.moment <= $0 } ?? true) && filter.matches(event)
            }
        }
        let left = until.map { $0.seconds(after: .now()) }
        return { [past] emit in
            for event in past { try await emit(event) }
            if let left, left < 0 { return subscription.end() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                if let left, left < Self.forever {
                    group.addTask {
                        try await Task.sleep(for: .seconds(left))
                        subscription.end()
                    }
                }
                for await event in subscription.coming where filter.matches(event) { try await emit(event) }
                group.cancelAll()
            }
        }
    }

    /// Ends that are further away than this many seconds (thirty years) are never waited for.
    private static let forever = 1e9
}

extension EventMessage {
    fileprivate var moment: Timestamp { Timestamp(seconds: time, nanoseconds: Int32(timeNano - time * 1_000_000_000)) }
}

extension Timestamp {
    /// How many seconds this is after another point in time; negative before it.
    fileprivate func seconds(after other: Timestamp) -> Double {
        Double(seconds) - Double(other.seconds) + (Double(nanoseconds) - Double(other.nanoseconds)) / 1e9
    }
}
