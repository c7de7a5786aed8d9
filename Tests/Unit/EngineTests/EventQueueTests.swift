import DockerAPI
import Testing

@testable import Engine

@Suite struct EventQueueTests {
    private func event(_ action: String, label: String = "") -> EventMessage {
        EventMessage(
            type: "container", action: action, actor: EventActor(id: "c", attributes: ["label": label]), time: 1, timeNano: 1_000_000_000)
    }

    private func read(_ stream: AsyncStream<EventMessage>) async -> [String] {
        var actions: [String] = []
        for await event in stream { actions.append(event.action) }
        return actions
    }

    @Test func givesEverythingInOrderAndThenEnds() async {
        let (queue, stream) = EventQueue.make {}
        for number in 0..<3_000 { queue.add(event("\(number)")) }
        queue.finish()
        queue.add(event("late"))
        #expect(await read(stream) == (0..<3_000).map { "\($0)" })
    }

    @Test func wakesAReaderThatWaits() async {
        let (queue, stream) = EventQueue.make {}
        let reader = Task { await read(stream) }
        for number in 0..<100 {
            queue.add(event("\(number)"))
            await Task.yield()
        }
        queue.finish()
        #expect(await reader.value == (0..<100).map { "\($0)" })
    }

    @Test func keepsTheNewestOfTooMany() async {
        let (queue, stream) = EventQueue.make(count: 2) {}
        for number in 0..<5 { queue.add(event("\(number)")) }
        queue.finish()
        #expect(await read(stream) == ["3", "4"])
    }

    @Test func keepsNoMoreBytesThanItMay() async {
        let (queue, stream) = EventQueue.make(bytes: 1_000) {}
        for number in 0..<5 { queue.add(event("\(number)", label: String(repeating: "x", count: 400))) }
        queue.finish()
        #expect(await read(stream) == ["3", "4"])
    }

    @Test func oneEventAlwaysHasRoom() async {
        let (queue, stream) = EventQueue.make(bytes: 10) {}
        queue.add(event("small"))
        queue.add(event("large", label: String(repeating: "x", count: 400)))
        queue.finish()
        #expect(await read(stream) == ["large"])
    }

    @Test func endsWithItsReader() async {
        let ends = AsyncStream.makeStream(of: Void.self)
        do {
            let (queue, stream) = EventQueue.make { ends.continuation.yield() }
            queue.add(event("1"))
            // As a client that goes away after its first event; the queue itself is still held.
            for await _ in stream { break }
            withExtendedLifetime(queue) {}
        }
        var iterator = ends.stream.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    @Test func endsWithTheTaskThatReads() async {
        let ends = AsyncStream.makeStream(of: Void.self)
        let (queue, stream) = EventQueue.make { ends.continuation.yield() }
        let reader = Task { await read(stream) }
        reader.cancel()
        #expect(await reader.value.isEmpty)
        var iterator = ends.stream.makeAsyncIterator()
        #expect(await iterator.next() != nil)
        queue.finish()
    }
}
