internal import Glibc

/// Where `save` and `export` write.
enum ArchiveOutput {
    /// Writes the body of an answer to a file, which appears when it is complete, or to standard output.
    /// - Parameter path: nil: standard output.
    static func write(_ exchange: Exchange, to path: String?, display: ProgressDisplay) throws {
        guard let path else { return try copy(exchange, to: STDOUT_FILENO) }
        if let device = try SpecialFile.open(path) { return try copy(exchange, to: device.raw) }
        let file = try ReplacedFile(path)
        try copy(exchange, to: file.raw) { display.moved("Receiving", $0) }
        try file.commit()
        display.clear()
    }

    /// Writes the body of an answer.
    static func copy(_ exchange: Exchange, to descriptor: Int32, progress: (Int) -> Void = { _ in }) throws {
        var count = 0
        while case .data(let bytes) = try exchange.step() {
            try Console.write(bytes, to: descriptor)
            count += bytes.count
            progress(count)
        }
    }

    /// - Throws: `CommandFailure` when an archive would go to a terminal.
    static func refuseTerminal(_ path: String?) throws {
        if path == nil && Terminal.isTerminal(STDOUT_FILENO) {
            throw CommandFailure("an archive is not for a terminal: give -o FILE or > FILE")
        }
    }
}
