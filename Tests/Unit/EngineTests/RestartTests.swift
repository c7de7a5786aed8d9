import DockerAPI
import Errors
import Foundation
import Testing

@testable import Engine

@Suite struct RestartTests {
    private let start = Timestamp(seconds: 1_700_000_000, nanoseconds: 0)

    private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: start.seconds + seconds, nanoseconds: 0) }

    private func exit(_ code: Int32, after seconds: Int64 = 0) -> Lifecycle.Exit { .init(code: code, finishedAt: at(seconds)) }

    private func running() throws -> Lifecycle {
        var lifecycle = Lifecycle()
        try lifecycle.start()
        try lifecycle.started(pid: 7, bootID: "b", at: start)
        return lifecycle
    }

    private func again(_ lifecycle: inout Lifecycle) throws {
        try lifecycle.startAgain()
        try lifecycle.started(pid: 8, bootID: "b", at: start)
    }

    // MARK: - Which ends are followed by a start

    @Test(arguments: [
        (RestartRule.never, Int32(0), false), (.never, 1, false), (.always, 0, true), (.always, 1, true), (.unlessStopped, 0, true),
        (.unlessStopped, 1, true), (.onFailure(limit: nil), 0, false), (.onFailure(limit: nil), 137, true),
    ])
    func ends(_ rule: RestartRule, _ code: Int32, _ starts: Bool) throws {
        var lifecycle = try running()
        let delay = try lifecycle.exited(exit(code), rule: rule)
        #expect((delay != nil) == starts)
        #expect(lifecycle.status == (starts ? "restarting" : "exited"))
        #expect(lifecycle.isUp == starts)
        #expect(lifecycle.lastExit?.code == code)
        #expect(lifecycle.restarts.count == (starts ? 1 : 0))
    }

    @Test func theDelayDoublesUpToAMinute() throws {
        var lifecycle = try running()
        var delays: [Duration] = []
        for _ in 0..<12 {
            let delay = try lifecycle.exited(exit(1, after: 9), rule: .always)
            delays.append(try #require(delay))
            try again(&lifecycle)
        }
        #expect(delays == [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000].map { .milliseconds($0) })
        #expect(lifecycle.restarts.count == 12)
    }

    @Test func tenSecondsOfRunningMakeItShortAgain() throws {
        var lifecycle = try running()
        for _ in 0..<5 {
            _ = try lifecycle.exited(exit(1), rule: .always)
            try again(&lifecycle)
        }
        let delay = try lifecycle.exited(exit(1, after: 10), rule: .always)
        #expect(delay == .milliseconds(100))
        #expect(lifecycle.restarts.count == 6)
    }

    @Test func aClockThatWasSetBackIsNoLongRun() throws {
        var lifecycle = try running()
        _ = try lifecycle.exited(exit(1), rule: .always)
        try again(&lifecycle)
        let delay = try lifecycle.exited(exit(1, after: -100), rule: .always)
        #expect(delay == .milliseconds(200))
    }

    @Test func onFailureGivesUp() throws {
        var lifecycle = try running()
        for _ in 0..<2 {
            let delay = try lifecycle.exited(exit(1), rule: .onFailure(limit: 2))
            #expect(delay != nil)
            try again(&lifecycle)
        }
        let delay = try lifecycle.exited(exit(1), rule: .onFailure(limit: 2))
        #expect(delay == nil)
        #expect(lifecycle.status == "exited")
        #expect(lifecycle.restarts.count == 2)
        let starts = lifecycle.daemonStarted(rule: .onFailure(limit: 2))
        #expect(!starts)
        // By hand, it has all its retries again.
        try lifecycle.start()
        try lifecycle.started(pid: 9, bootID: "b", at: start)
        #expect(lifecycle.restarts.count == 0)
        let first = try lifecycle.exited(exit(1), rule: .onFailure(limit: 2))
        #expect(first == .milliseconds(100))
    }

    @Test func aStartThatFailsIsTriedAgain() throws {
        var lifecycle = try running()
        _ = try lifecycle.exited(exit(0), rule: .always)
        try lifecycle.startAgain()
        #expect(lifecycle.status == "restarting")
        let delay = try lifecycle.failed(exit(127), rule: .always)
        #expect(delay == .milliseconds(200))
        #expect(lifecycle.status == "restarting")
        #expect(lifecycle.lastExit?.code == 127)
    }

    // MARK: - By hand

    @Test func whatIsStoppedStaysStopped() throws {
        var lifecycle = try running()
        lifecycle.stoppedByHand()
        #expect(lifecycle.status == "running")
        let delay = try lifecycle.exited(exit(137), rule: .always)
        #expect(delay == nil)
        #expect(lifecycle.status == "exited")
    }

    @Test func stoppingEndsTheWait() throws {
        var lifecycle = try running()
        _ = try lifecycle.exited(exit(3), rule: .unlessStopped)
        lifecycle.stoppedByHand()
        #expect(lifecycle.status == "exited")
        #expect(lifecycle.lastExit?.code == 3)
        #expect(throws: TimberError.self) { try lifecycle.startAgain() }
        let starts = lifecycle.daemonStarted(rule: .unlessStopped)
        #expect(!starts)
    }

    @Test func stoppingDuringAStartOfThePolicyHolds() throws {
        var lifecycle = try running()
        _ = try lifecycle.exited(exit(3), rule: .always)
        try lifecycle.startAgain()
        lifecycle.stoppedByHand()
        let delay = try lifecycle.failed(exit(128), rule: .always)
        #expect(delay == nil)
        #expect(lifecycle.status == "exited")
    }

    @Test func whatRestartsIsNeitherStartedNorRemovedNorPaused() throws {
        var lifecycle = try running()
        _ = try lifecycle.exited(exit(3), rule: .always)
        let started = #expect(throws: TimberError.self) { try lifecycle.start() }
        #expect(started?.code == .notModified)
        let removed = #expect(throws: TimberError.self) { try lifecycle.remove() }
        #expect(removed?.code == .conflict)
        let paused = #expect(throws: TimberError.self) { try lifecycle.pause() }
        #expect(paused?.code == .conflict)
        lifecycle.giveUpRestart()
        try lifecycle.remove()
    }

    // MARK: - With the daemon

    @Test(arguments: [
        (RestartRule.never, false, false), (.never, true, false), (.onFailure(limit: nil), false, false), (.always, false, true),
        (.always, true, true), (.unlessStopped, false, true), (.unlessStopped, true, false),
    ])
    func daemonStarts(_ rule: RestartRule, _ byHand: Bool, _ starts: Bool) throws {
        var lifecycle = try running()
        if byHand { lifecycle.stoppedByHand() }
        _ = try lifecycle.exited(exit(1), rule: .never)
        let started = lifecycle.daemonStarted(rule: rule)
        #expect(started == starts)
        #expect(lifecycle.status == (starts ? "restarting" : "exited"))
    }

    @Test func whatWasNeverStartedIsNotStarted() {
        var lifecycle = Lifecycle()
        let starts = lifecycle.daemonStarted(rule: .always)
        #expect(!starts)
        #expect(lifecycle.status == "created")
    }

    @Test func whatWaitedGoesOnWaiting() throws {
        var lifecycle = try running()
        _ = try lifecycle.exited(exit(1), rule: .onFailure(limit: 3))
        var stored = try JSONDecoder().decode(Lifecycle.self, from: try JSONEncoder().encode(lifecycle))
        #expect(stored == lifecycle)
        let starts = stored.daemonStarted(rule: .onFailure(limit: 3))
        #expect(starts)
        #expect(stored.restarts.count == 1)
    }

    @Test func theFactOfAStopIsStored() throws {
        var lifecycle = try running()
        lifecycle.stoppedByHand()
        var stored = try JSONDecoder().decode(Lifecycle.self, from: try JSONEncoder().encode(lifecycle))
        let delay = try stored.exited(exit(0), rule: .always)
        #expect(delay == nil)
    }

    @Test func rowsFromBeforeThereWerePoliciesAreRead() throws {
        let row =
            #"{"phase":{"exited":{}},"lastExit":{"code":1,"finishedAt":{"seconds":1,"nanoseconds":0},"outOfMemory":false,"error":""}}"#
        let lifecycle = try JSONDecoder().decode(Lifecycle.self, from: Data(row.utf8))
        #expect(lifecycle.status == "exited" && lifecycle.restarts == RestartState())
    }

    // MARK: - Words

    @Test(arguments: [
        ("", 0, RestartRule.never), ("no", 0, .never), ("always", 0, .always), ("unless-stopped", 0, .unlessStopped),
        ("on-failure", 0, .onFailure(limit: nil)), ("on-failure", 5, .onFailure(limit: 5)),
    ])
    func rules(_ name: String, _ retries: Int, _ rule: RestartRule) throws {
        #expect(try RestartRule(RestartPolicy(name: name, maximumRetryCount: retries)) == rule)
    }

    @Test(arguments: [("never", 0), ("Always", 0), ("always", 1), ("no", 1), ("unless-stopped", -1), ("on-failure", -1)])
    func wrongRules(_ name: String, _ retries: Int) {
        #expect(throws: TimberError.self) { try RestartRule(RestartPolicy(name: name, maximumRetryCount: retries)) }
    }
}
