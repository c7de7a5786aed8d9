import DockerAPI
import Errors
import Foundation
import Images
import LinuxKernel
import Testing

@testable import Engine

@Suite struct HealthTests {
    private let start = Timestamp(seconds: 1_700_000_000, nanoseconds: 999_999_999)

    private func check(_ change: (inout HealthConfig) -> Void = { _ in }) throws -> HealthCheck {
        var config = DockerAPI.ContainerConfig()
        var health = HealthConfig(test: ["CMD", "true"])
        change(&health)
        config.healthcheck = health
        return try #require(HealthCheck(config))
    }

    private func result(_ code: Int32, after seconds: Int64 = 100) -> HealthState.Result {
        let time = Timestamp(seconds: start.seconds + seconds, nanoseconds: start.nanoseconds)
        return HealthState.Result(start: time, end: time, exitCode: code, output: "\(code)")
    }

    @Test func failuresCountUpToTheRetries() throws {
        var state = HealthState()
        let check = try check { $0.retries = 3 }
        var changes = [1, 1, 1, 1, 0, 1].map { state.record(result($0), check, startedAt: start) }
        #expect(changes == [false, false, true, false, true, false])
        #expect(state.status == .healthy && state.failingStreak == 1)
        changes = [-1, 137].map { state.record(result($0), check, startedAt: start) }
        #expect(changes == [false, true] && state.status == .unhealthy)
    }

    @Test func failuresOfTheStartPeriodDoNotCountUntilItWasHealthy() throws {
        let check = try check {
            $0.retries = 1
            $0.startPeriod = 10_000_000_000
        }
        var state = HealthState()
        let early = state.record(result(1, after: 9), check, startedAt: start)
        #expect(!early && state.status == .starting && state.failingStreak == 0)
        var late = state
        _ = late.record(result(1, after: 10), check, startedAt: start)
        #expect(late.status == .unhealthy)
        _ = state.record(result(0, after: 1), check, startedAt: start)
        _ = state.record(result(1, after: 2), check, startedAt: start)
        #expect(state.status == .unhealthy)
    }

    @Test func theIntervalDependsOnTheStartPeriod() throws {
        let check = try check {
            $0.interval = 7
            $0.startInterval = 3
            $0.startPeriod = 1_000_000_000
        }
        var state = HealthState()
        let later = Timestamp(seconds: start.seconds + 1, nanoseconds: start.nanoseconds)
        #expect(state.delay(check, startedAt: start, now: start) == 3)
        #expect(state.delay(check, startedAt: start, now: later) == 7)
        _ = state.record(result(0, after: 0), check, startedAt: start)
        #expect(state.delay(check, startedAt: start, now: start) == 7)
        // A clock that was set back, and one that is absurdly far.
        #expect(HealthState().delay(check, startedAt: later, now: start) == 3)
        #expect(HealthState().delay(check, startedAt: .never, now: Timestamp(seconds: .max / 4, nanoseconds: 0)) == 7)
    }

    @Test func theLastFiveAreRemembered() throws {
        var state = HealthState()
        let check = try check()
        for code in 0..<8 { _ = state.record(result(Int32(code)), check, startedAt: start) }
        #expect(state.log.map(\.exitCode) == [3, 4, 5, 6, 7])
        state.started()
        #expect(state.status == .starting && state.failingStreak == 0 && state.log.count == 5)
        state.ended()
        #expect(state.wire.status == "unhealthy")
    }

    @Test func defaultsAreDockers() throws {
        let check = try check()
        #expect(check.command == ["true"] && check.retries == 3)
        #expect(
            [check.interval, check.timeout, check.startPeriod, check.startInterval] == [30_000_000_000, 30_000_000_000, 0, 5_000_000_000])
    }

    @Test func commands() {
        func command(_ test: [String], shell: [String]? = nil) -> [String]? {
            var config = DockerAPI.ContainerConfig()
            config.healthcheck = HealthConfig(test: test)
            config.shell = shell
            return HealthCheck(config)?.command
        }
        #expect(command(["CMD-SHELL", "a b"]) == ["/bin/sh", "-c", "a b"])
        #expect(command(["CMD-SHELL", "a b"], shell: ["/bin/bash", "-ec"]) == ["/bin/bash", "-ec", "a b"])
        #expect(command(["CMD", "a", "b"]) == ["a", "b"])
        for test in [[], ["NONE"], ["CMD"], ["WHAT", "x"]] { #expect(command(test) == nil) }
        #expect(HealthCheck(DockerAPI.ContainerConfig()) == nil)
    }

    @Test func theImageFillsInWhatIsLeftOut() {
        var image = Images.Healthcheck()
        image.test = ["CMD", "a"]
        image.interval = 5_000_000
        image.retries = 7
        let merged = HealthCheck.merged(HealthConfig(interval: 9_000_000), image: image)
        #expect(merged == HealthConfig(test: ["CMD", "a"], interval: 9_000_000, retries: 7))
        #expect(HealthCheck.merged(nil, image: image)?.test == ["CMD", "a"])
        #expect(HealthCheck.merged(HealthConfig(test: ["NONE"]), image: image)?.test == ["NONE"])
        #expect(HealthCheck.merged(nil, image: nil) == nil)
    }

    @Test func outputIsCutAndNeverWaitedFor() throws {
        let output = ProbeOutput()
        let (ours, theirs) = try UnixSocket.pair()
        output.follow(ours)
        let frame = StreamFrame.frame(.stdout, [UInt8](repeating: 0x78, count: 300_000)) + StreamFrame.frame(.stderr, Array("behind".utf8))
        // More than the socket holds: this only returns because somebody reads.
        try UnixSocket.send(frame, to: theirs.raw)
        #expect(output.finish() == String(repeating: "x", count: ProbeOutput.limit) + "...")
    }

    @Test func numbersOfStats() {
        let stat = "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
        #expect(HostUsage.processorTime(of: stat, ticksPerSecond: 100) == 280 * 10_000_000)
        #expect(HostUsage.processorTime(of: "garbage", ticksPerSecond: 0) == 0)
        let device = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:     840      10    0    0    0     0          0         0      840      10    0    0    0     0       0          0
              eth0:    1736      22    1    2    0     0          0         0     1500      21    3    4    0     0       0          0
            """
        let counters = InterfaceCounters.parse(device)
        #expect(Array(counters.keys) == ["eth0"])
        #expect(
            counters["eth0"]
                == NetworkStats(
                    rxBytes: 1736, rxPackets: 22, rxErrors: 1, rxDropped: 2, txBytes: 1500, txPackets: 21, txErrors: 3, txDropped: 4))
    }
}
