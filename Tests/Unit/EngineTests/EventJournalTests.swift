import DockerAPI
import Foundation
import Logging
import State
import Testing

@testable import Engine

/// A journal over a database in a directory of its own.
private final class Scratch {
    let path: String
    let database: Database
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("timber-events-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        path = directory.path + "/state.db"
        database = try Database(path: path)
    }

    func journal(_ limits: EventJournal.Limits = .init()) throws -> EventJournal {
        try EventJournal(database: database, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, limits: limits)
    }

    deinit {
        // A leftover directory spoils no test.
        try? FileManager.default.removeItem(at: directory)
    }
}

@Suite struct EventJournalTests {
    private func event(_ number: Int, _ attributes: [String: String] = [:], time: Int64? = nil) -> EventMessage {
        let nanoseconds = time ?? Timestamp.now().seconds * 1_000_000_000 + Int64(number)
        return EventMessage(
            type: "container", action: "\(number)", actor: EventActor(id: "abc", attributes: attributes),
            time: nanoseconds / 1_000_000_000, timeNano: nanoseconds)
    }

    private func actions(_ journal: EventJournal, _ range: EventRange = .init()) async throws -> [String] {
        var range = range
        var result: [String] = []
        while true {
            let page = try await journal.stored(in: range)
            guard let last = page.last else { return result }
            range.after = last.number
            result += page.map(\.event.action)
        }
    }

    @Test func whatHappenedIsThereForTheNextDaemon() async throws {
        let scratch = try Scratch()
        let first = try scratch.journal()
        for number in 0..<1_500 { first.add(event(number)) }
        #expect(!first.waiting.events.isEmpty)
        await first.flush()
        #expect(first.waiting.events.isEmpty)
        let second = try scratch.journal()
        second.add(event(1_500))
        await second.flush()
        #expect(try await actions(second) == (0...1_500).map(String.init))
    }

    @Test func rangesAreByTimeAndNumber() async throws {
        let scratch = try Scratch()
        let journal = try scratch.journal()
        for number in 0..<10 { journal.add(event(number, time: 2_000_000_000_000_000_000 + Int64(number))) }
        await journal.flush()
        var range = EventRange()
        (range.since, range.until) = (2_000_000_000_000_000_003, 2_000_000_000_000_000_006)
        #expect(try await actions(journal, range) == ["3", "4", "5", "6"])
        range.before = 6
        #expect(try await actions(journal, range) == ["3", "4"])
        range.since = .max
        #expect(try await actions(journal, range) == [])
    }

    /// Writing cannot keep up: memory stays bounded, and the newest are kept.
    @Test func whatWaitsIsBounded() async throws {
        let scratch = try Scratch()
        var limits = EventJournal.Limits()
        limits.waiting = 10
        let journal = try scratch.journal(limits)
        for number in 0..<100 { journal.add(event(number)) }
        #expect(journal.waiting.events.count <= 10)
        await journal.flush()
        #expect(try await actions(journal).last == "99")
        limits.waitingBytes = 1_000
        let small = try scratch.journal(limits)
        for number in 0..<20 { small.add(event(number, ["label": String(repeating: "x", count: 300)])) }
        #expect(small.waiting.events.count <= 3)
        await small.flush()
    }

    @Test func oldOnesAreForgotten() async throws {
        let scratch = try Scratch()
        var limits = EventJournal.Limits()
        limits.count = 2_000
        let journal = try scratch.journal(limits)
        journal.add(event(0, time: 1))
        for number in 1..<4_000 {
            journal.add(event(number))
            if number % 1_000 == 0 { await journal.flush() }
        }
        await journal.flush()
        let kept = try await actions(journal)
        #expect((2_000...3_100).contains(kept.count))
        #expect(kept.last == "3999")
    }

    @Test func theirBytesAreBounded() async throws {
        let scratch = try Scratch()
        var limits = EventJournal.Limits()
        limits.bytes = 4 << 20
        let journal = try scratch.journal(limits)
        for number in 0..<40 {
            journal.add(event(number, ["label": String(repeating: "x", count: 500_000)]))
            await journal.flush()
        }
        let kept = try await actions(journal)
        #expect((8...24).contains(kept.count), "\(kept.count)")
        #expect(kept.last == "39")
    }

    @Test func aListenerGetsWhatWaitsAndWhatComes() async throws {
        let scratch = try Scratch()
        let journal = try scratch.journal()
        let hub = EventHub(journal: journal)
        hub.send(event(1))
        let subscription = hub.listen()
        #expect(hub.listeners == 1)
        hub.send(event(2))
        subscription.end()
        hub.send(event(3))
        var before = EventRange()
        before.before = subscription.journalEnd
        #expect(try await actions(journal, before) + subscription.pending.map(\.event.action) == ["1"])
        var coming: [String] = []
        for await event in subscription.coming { coming.append(event.action) }
        #expect(coming == ["2"])
        #expect(hub.listeners == 0)
        await journal.flush()
    }
}
