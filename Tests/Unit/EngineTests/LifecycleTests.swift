import Errors
import Testing

@testable import Engine

@Suite struct LifecycleTests {
    private let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)

    private func running() throws -> Lifecycle {
        var lifecycle = Lifecycle()
        try lifecycle.start()
        try lifecycle.started(pid: 7, bootID: "b", at: time)
        return lifecycle
    }

    @Test func runsAndEnds() throws {
        var lifecycle = try running()
        #expect(lifecycle.status == "running")
        let delay = try lifecycle.exited(.init(code: 3, finishedAt: time), rule: .never)
        #expect(delay == nil)
        #expect(lifecycle.status == "exited")
        #expect(lifecycle.lastExit?.code == 3)
        try lifecycle.start()
        #expect(lifecycle.phase == .starting)
    }

    @Test func aSecondStartIsNotModified() throws {
        var lifecycle = try running()
        let error = #expect(throws: TimberError.self) { try lifecycle.start() }
        #expect(error?.code == .notModified)
    }

    @Test func aFailedFirstStartLeavesItCreated() throws {
        var lifecycle = Lifecycle()
        try lifecycle.start()
        let delay = try lifecycle.failed(.init(code: 127, finishedAt: time, error: "not found"), rule: .always)
        #expect(delay == nil)
        #expect(lifecycle.status == "created")
        #expect(lifecycle.lastExit?.code == 127)
        try lifecycle.remove()
    }

    @Test func aRunningOneIsNotRemoved() throws {
        var lifecycle = try running()
        let error = #expect(throws: TimberError.self) { try lifecycle.remove() }
        #expect(error?.code == .conflict)
        #expect(lifecycle.status == "running")
    }

    @Test func pausingTwiceIsAConflict() throws {
        var lifecycle = try running()
        try lifecycle.pause()
        #expect(lifecycle.status == "paused")
        #expect(throws: TimberError.self) { try lifecycle.pause() }
        try lifecycle.unpause()
        #expect(throws: TimberError.self) { try lifecycle.unpause() }
    }

    @Test func removalIsFinal() throws {
        var lifecycle = Lifecycle()
        try lifecycle.remove()
        #expect(throws: TimberError.self) { try lifecycle.start() }
        #expect(throws: TimberError.self) { try lifecycle.remove() }
        #expect(throws: TimberError.self) { _ = try lifecycle.exited(.init(code: 0, finishedAt: time), rule: .never) }
    }
}
