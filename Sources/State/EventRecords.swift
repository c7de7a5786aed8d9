internal import GRDB

/// One event as stored.
public struct EventRecord: Sendable, Equatable {
    /// Its place among all events; grows, and is never used twice.
    public var number: Int64
    /// Nanoseconds since 1970.
    public var time: Int64
    /// The event, as JSON.
    public var body: [UInt8]

    /// Makes a record.
    public init(number: Int64, time: Int64, body: [UInt8]) {
        self.number = number
        self.time = time
        self.body = body
    }
}

/// Which stored events a reader wants next.
public struct EventRange: Sendable {
    /// Only those behind this one.
    public var after: Int64 = 0
    /// Only those before this one.
    public var before = Int64.max
    /// Nanoseconds since 1970 of the first that counts.
    public var since = Int64.min
    /// Nanoseconds since 1970 of the last that counts.
    public var until = Int64.max

    /// All of them.
    public init() {}
}

/// How many events are kept; the oldest go first.
public struct EventLimits: Sendable {
    /// At most so many.
    public var count: Int64
    /// At most about so many bytes of them.
    public var bytes: Int64
    /// None from before this time, nanoseconds since 1970.
    public var oldest: Int64

    /// Makes limits.
    public init(count: Int64, bytes: Int64, oldest: Int64) {
        self.count = count
        self.bytes = bytes
        self.oldest = oldest
    }
}

extension Database {
    static func migrateEvents(_ database: GRDB.Database) throws {
        // The index answers the questions of `trimEvents` and `events(in:)` without a look at the bodies.
        try database.execute(
            sql: """
                CREATE TABLE event (
                    number INTEGER PRIMARY KEY,
                    time INTEGER NOT NULL,
                    size INTEGER NOT NULL,
                    body BLOB NOT NULL
                ) STRICT;
                CREATE INDEX event_time ON event (time, size);
                """)
    }

    /// Stores events.
    public func append(_ events: [EventRecord]) async throws {
        try await pool.write { database in
            let statement = try database.makeStatement(sql: "INSERT INTO event (number, time, size, body) VALUES (?, ?, ?, ?)")
            for event in events {
                try statement.execute(arguments: [event.number, event.time, event.body.count, event.body.data])
            }
        }
    }

    /// The number of the newest event; 0 when there is none.
    public func newestEvent() throws -> Int64 {
        try pool.read { try Int64.fetchOne($0, sql: "SELECT max(number) FROM event") ?? 0 }
    }

    /// The next events of a range in their order: at most `count` of them, and no more than about `bytes`; none at its end.
    public func events(in range: EventRange, count: Int = 256, bytes: Int = 1 << 20) async throws -> [EventRecord] {
        try await pool.read { database in
            // What lies before the first that counts is skipped by the index.
            guard
                let first = try Int64.fetchOne(
                    database, sql: "SELECT min(number) FROM event WHERE time >= ? AND number > ?", arguments: [range.since, range.after])
            else { return [] }
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT number, time, body FROM event WHERE number >= ? AND number < ? AND time >= ? AND time <= ?
                    ORDER BY number LIMIT ?
                    """,
                arguments: [first, range.before, range.since, range.until, count])
            var result: [EventRecord] = []
            var taken = 0
            while taken < bytes, let row = try rows.next() {
                let event = EventRecord(number: row["number"], time: row["time"], body: row.bytes("body"))
                taken += event.body.count
                result.append(event)
            }
            return result
        }
    }

    /// Forgets the oldest events until the limits hold.
    public func trimEvents(_ limits: EventLimits) async throws {
        try await pool.write { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT min(number) AS first, max(number) AS last FROM event"),
                let first: Int64 = row["first"], let last: Int64 = row["last"]
            else { return }
            var cut = last - limits.count
            let bytes = try Int64.fetchOne(database, sql: "SELECT sum(size) FROM event") ?? 0
            // A quarter at once, so that this is seldom.
            if bytes > limits.bytes { cut = max(cut, first + (last - first) / 4) }
            try database.execute(sql: "DELETE FROM event WHERE number <= ? OR time < ?", arguments: [cut, limits.oldest])
        }
    }
}
