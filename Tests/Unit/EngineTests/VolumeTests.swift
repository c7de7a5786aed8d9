import DockerAPI
import Errors
import Synchronization
import Testing

@testable import Engine

@Suite struct VolumeTests {
    private let all: Set<String> = ["dangling", "driver", "label", "name", "all", "label!"]

    private func matches(_ filters: [String: [String]], users: Int = 0) throws -> Bool {
        let volume = Volume(name: "data-of-oak", labels: ["keep": "yes"])
        return try VolumeFilter(filters, allowed: all).matches(volume, users: users)
    }

    @Test func filters() throws {
        let yes: [([String: [String]], Int)] = [
            ([:], 0), ([:], 3), (["name": ["nothing", "oak"]], 0), (["driver": ["local"]], 0), (["label": ["keep"]], 0),
            (["label": ["keep=yes"]], 0), (["dangling": ["true"]], 0), (["dangling": ["0"]], 1),
        ]
        for (filters, users) in yes { #expect(try matches(filters, users: users), "\(filters)") }
        let no: [([String: [String]], Int)] = [
            (["name": ["elm"]], 0), (["driver": ["nfs"]], 0), (["label": ["keep", "more"]], 0), (["label": ["keep=no"]], 0),
            (["dangling": ["1"]], 1), (["dangling": ["false"]], 0),
        ]
        for (filters, users) in no { #expect(try !matches(filters, users: users), "\(filters)") }
    }

    @Test func pruning() throws {
        let named = Volume(name: "x", labels: ["keep": ""])
        let anonymous = Volume(name: "y", labels: [VolumeStore.Request.anonymousLabel: ""])
        #expect(try [named, anonymous].map { try VolumeFilter([:], allowed: all).prunes($0) } == [false, true])
        let every = try VolumeFilter(["all": ["true"]], allowed: all)
        #expect(every.prunes(named) && every.prunes(anonymous))
        #expect(try !VolumeFilter(["all": ["1"], "label!": ["keep"]], allowed: all).prunes(named))
    }

    @Test(arguments: [["until": ["1h"]], ["dangling": ["perhaps"]], ["all": [""]]])
    func badFilters(_ filters: [String: [String]]) {
        let error = #expect(throws: TimberError.self) { try VolumeFilter(filters, allowed: all) }
        #expect(error?.code == .invalidArgument && error?.message.hasPrefix("invalid filter") == true)
    }

    @Test(arguments: ["", "x", ".x", "-x", "a b", "../x", "a/b", "/ab", "ä1", String(repeating: "x", count: 129)])
    func badNames(_ name: String) {
        #expect(throws: TimberError.self) { try VolumeName.validated(name, in: "create") }
    }

    /// Work for one key is done one after another, for different keys at once.
    @Test func keysDoNotOverlap() async {
        let queue = KeyedQueue()
        let work = Overlaps()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                let key = "\(number % 3)"
                group.addTask {
                    await queue.run(key) {
                        work.begin(key)
                        await Task.yield()
                        work.end(key)
                    }
                }
            }
        }
        #expect(work.done == 60 && work.most == 1)
    }
}

/// Counts what happens at the same time for one key.
private final class Overlaps: Sendable {
    private let state = Mutex((busy: [String: Int](), most: 0, done: 0))

    var most: Int { state.withLock { $0.most } }
    var done: Int { state.withLock { $0.done } }

    func begin(_ key: String) {
        state.withLock { state in
            state.busy[key, default: 0] += 1
            state.most = max(state.most, state.busy[key] ?? 0)
        }
    }

    func end(_ key: String) {
        state.withLock { state in
            state.busy[key, default: 0] -= 1
            state.done += 1
        }
    }
}
