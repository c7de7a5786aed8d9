public import DockerAPI
internal import Errors
internal import State

extension Engine {
    /// Seconds and nanoseconds since 1970.
    public typealias Moment = (seconds: Int64, nanoseconds: Int32)

    /// What happened, as far as it is kept, and what happens.
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
        let past = PastEvents(
            hub: services.events, journal: services.journal, filter: filter, since: since?.sinceEpoch ?? .min,
            until: until?.sinceEpoch ?? .max)
        // Who asks for nothing of the past listens from here on; the others from where their past ends.
        let listening = since == nil && until == nil ? services.events.listen() : nil
        let left = until.map { $0.seconds(after: .now()) }
        return { emit in
            let subscription: EventHub.Subscription
            if let listening { subscription = listening } else { subscription = try await past.read(emit) }
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

/// Reads what has happened, and goes over to what happens without a gap.
private struct PastEvents: Sendable {
    let hub: EventHub
    let journal: EventJournal
    let filter: EventFilter
    /// Nanoseconds since 1970.
    let since: Int64
    let until: Int64

    /// Emits what is stored and what waits to be.
    /// - Returns: a subscription to everything behind that.
    func read(_ emit: @Sendable (EventMessage) async throws -> Void) async throws -> EventHub.Subscription {
        var range = EventRange()
        (range.since, range.until) = (since, until)
        // However slow the client is, what happens meanwhile is in the journal: listening begins where that ends.
        try await emitStored(&range, emit)
        let subscription = hub.listen()
        do {
            range.before = subscription.journalEnd
            try await emitStored(&range, emit)
            for pending in subscription.pending where pending.number > range.after { try await self.emit(pending.event, emit) }
        } catch {
            subscription.end()
            throw error
        }
        return subscription
    }

    private func emitStored(_ range: inout EventRange, _ emit: @Sendable (EventMessage) async throws -> Void) async throws {
        while let last = try await emitPage(range, emit) { range.after = last }
    }

    private func emitPage(_ range: EventRange, _ emit: @Sendable (EventMessage) async throws -> Void) async throws -> Int64? {
        let page = try await journal.stored(in: range)
        for stored in page { try await self.emit(stored.event, emit) }
        return page.last?.number
    }

    private func emit(_ event: EventMessage, _ emit: @Sendable (EventMessage) async throws -> Void) async throws {
        if event.timeNano >= since, event.timeNano <= until, filter.matches(event) { try await emit(event) }
    }
}

extension Timestamp {
    /// Nanoseconds since 1970, as many as fit.
    fileprivate var sinceEpoch: Int64 {
        let (whole, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if isTooLarge { return seconds < 0 ? .min : .max }
        let (sum, overflows) = whole.addingReportingOverflow(Int64(nanoseconds))
        return overflows ? .max : sum
    }

    /// How many seconds this is after another point in time; negative before it.
    fileprivate func seconds(after other: Timestamp) -> Double {
        Double(seconds) - Double(other.seconds) + (Double(nanoseconds) - Double(other.nanoseconds)) / 1e9
    }
}
