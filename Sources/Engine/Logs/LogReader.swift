internal import LinuxKernel

/// What to show of a log.
struct LogQuery: Sendable {
    var stdout = true
    var stderr = true
    var timestamps = false
    var follow = false
    /// How many of the last lines; nil: all.
    var tail: Int?
    /// RFC 3339 in UTC with nanoseconds: such times compare as text.
    var since: Timestamp?
    var until: Timestamp?
}

/// Reads a container's log from its files, then follows them until the container has ended.
struct LogReader: Sendable {
    let files: LogFiles
    let query: LogQuery

    /// Delivers one piece of output; waits when the reader is slow.
    typealias Emit = @Sendable (LogRecord.Stream, [UInt8]) async throws -> Void

    /// Reads to the end; with `follow`, goes on until `isRunning` says no and nothing is left.
    /// - Throws: `SystemError`, what `emit` throws, and `CancellationError` when the client is gone.
    func read(isRunning: @Sendable () async -> Bool, watch: DirectoryWatch?, emit: Emit) async throws {
        var remaining = try await BlockingPool.shared.run {
            let all = try files.openAll()
            return try query.tail.map { try skip(toLast: $0, in: all) } ?? all
        }
        var changes = watch?.changes.makeAsyncIterator()
        var current: LogFiles.File?
        var lines = LineSplitter()
        while true {
            if current == nil, !remaining.isEmpty { current = remaining.removeFirst() }
            // Asked before reading: what is written before the end is then never missed.
            let running = await isRunning()
            if let file = current {
                while true {
                    try Task.checkCancellation()
                    let piece = try await BlockingPool.shared.run { try file.read() }
                    if piece.isEmpty { break }
                    for line in lines.split(piece) where try await !deliver(line, emit) { return }
                }
            }
            if !remaining.isEmpty {
                current = nil
                continue
            }
            let next = try await BlockingPool.shared.run { [files, current] in
                if let current { return try files.openAfter(current) }
                let all = try files.openAll()
                return all.isEmpty ? nil : all
            }
            if let next {
                remaining = next
                current = nil
                continue
            }
            guard query.follow, running else { return }
            guard await changes?.next() != nil else { return }
        }
    }

    /// Finds where the last `count` lines begin.
    /// - Returns: the file that they begin in, to be read from there, and those after it.
    private func skip(toLast count: Int, in files: [LogFiles.File]) throws -> [LogFiles.File] {
        var streams: Set<LogRecord.Stream> = []
        var whole = 0
        for (index, file) in files.enumerated().reversed() {
            var lines = try LogFiles.Backwards(file)
            while let (text, end) = try lines.next() {
                guard let record = LogRecord(text[...]), wants(record) else { continue }
                // A part belongs to the record of its stream that follows; without one it is a line that has no end.
                if streams.insert(record.stream).inserted || !record.partial { whole += 1 }
                guard whole > count else { continue }
                try file.seek(to: end)
                return Array(files[index...])
            }
        }
        return files
    }

    private func wants(_ record: LogRecord) -> Bool {
        record.stream == .stdout ? query.stdout : query.stderr
    }

    /// Returns false when the line is later than everything that was asked for.
    private func deliver(_ line: [UInt8], _ emit: Emit) async throws -> Bool {
        guard let record = LogRecord(line[...]), wants(record) else { return true }
        if query.since != nil || query.until != nil, let time = Timestamp(rfc3339: record.time) {
            if let since = query.since, time < since { return true }
            if let until = query.until, time > until { return false }
        }
        try await emit(record.stream, record.rendered(timestamps: query.timestamps))
        return true
    }
}

/// Cuts pieces of a file into lines; the last, unfinished one waits for the next piece.
struct LineSplitter {
    private var rest: [UInt8] = []

    /// The complete lines, without their newlines.
    mutating func split(_ piece: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = piece.startIndex
        while let end = piece[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(rest + piece[start..<end])
            rest.removeAll(keepingCapacity: true)
            start = end + 1
        }
        rest.append(contentsOf: piece[start...])
        return lines
    }
}
