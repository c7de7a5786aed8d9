import LinuxKernel
import Synchronization
import Testing

@Suite struct GateTests {
    /// How many are in at once.
    private final class Visitors: Sendable {
        private struct Count {
            var now = 0
            var most = 0
        }

        private let count = Mutex(Count())

        var now: Int { count.withLock { $0.now } }
        var most: Int { count.withLock { $0.most } }

        func enter() {
            count.withLock { count in
                count.now += 1
                count.most = max(count.most, count.now)
            }
        }

        func leave() {
            count.withLock { $0.now -= 1 }
        }
    }

    @Test func neverMoreThanTheLimit() async throws {
        let gate = Gate(limit: 3)
        let visitors = Visitors()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    await gate.run {
                        visitors.enter()
                        await Task.yield()
                        visitors.leave()
                    }
                }
            }
        }
        #expect(visitors.now == 0 && (1...3).contains(visitors.most))
    }

    @Test func whoIsCancelledWaitsNoMore() async throws {
        let gate = Gate(limit: 1)
        let release = AsyncStream.makeStream(of: Void.self)
        let visitors = Visitors()
        let first = Task {
            await gate.run {
                visitors.enter()
                for await _ in release.stream {}
            }
        }
        while visitors.now == 0 { try await Task.sleep(for: .milliseconds(1)) }
        let second = Task { try await gate.runUnlessCancelled { Issue.record("a cancelled body ran") } }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        release.continuation.finish()
        await first.value
        // The place of the one who gave up is nobody's.
        #expect(await gate.run { true })
    }

    @Test func whoMustRunsAlsoWhenCancelled() async {
        let gate = Gate(limit: 1)
        let task = Task { await gate.run { Task.isCancelled } }
        task.cancel()
        _ = await task.value
        #expect(await gate.run { true })
    }
}
