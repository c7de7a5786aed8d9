internal import DockerAPI
internal import Glibc

/// Writes a stream of the daemon to standard output and standard error, blocking.
struct StreamCopier {
    private var demultiplexer: StreamDemultiplexer?
    private var daemonError: [UInt8] = []

    init(multiplexed: Bool) {
        demultiplexer = multiplexed ? StreamDemultiplexer() : nil
    }

    /// Takes the next bytes.
    mutating func take(_ bytes: [UInt8]) throws {
        guard demultiplexer != nil else { return try Console.write(bytes, to: STDOUT_FILENO) }
        // Frames of one piece are written together: one write each for both streams, in their order of change.
        var held: [UInt8] = []
        var target = STDOUT_FILENO
        try bytes.withUnsafeBytes { bytes in
            try demultiplexer?.consume(bytes) { stream, payload in
                if stream == .systemError {
                    if daemonError.count < 65536 { daemonError += payload }
                    return
                }
                let next = stream == .stderr ? STDERR_FILENO : STDOUT_FILENO
                if next != target {
                    try Console.write(held, to: target)
                    held.removeAll(keepingCapacity: true)
                    target = next
                }
                held += payload
            }
        }
        try Console.write(held, to: target)
    }

    /// At the end of the stream.
    /// - Throws: `CommandFailure` with the error that the daemon sent in the stream.
    func finish() throws {
        if !daemonError.isEmpty { throw CommandFailure("\(Printable(String(decoding: daemonError, as: UTF8.self)))") }
    }
}
