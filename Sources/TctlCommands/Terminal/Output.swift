internal import CTimber
internal import Glibc
internal import LinuxKernel

/// Where a stream's bytes go: standard output or standard error, with what it has not taken yet.
struct Output {
    /// The number to poll.
    let raw: Int32
    private let pieceSize: Int
    private var pending: [UInt8] = []
    private var start = 0

    init(_ descriptor: Int32) {
        raw = descriptor
        var status = stat()
        let type = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        // poll(2) says that a pipe has room for PIPE_BUF bytes; a larger write could block, and Ctrl-C with it.
        pieceSize = type == S_IFIFO || type == S_IFSOCK ? 4096 : 65536
    }

    /// Whether something waits for the descriptor to become writable.
    var isPending: Bool { start < pending.count }

    /// Adds bytes; `flush` writes them.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        pending.append(contentsOf: bytes)
    }

    /// Writes one piece; call when the descriptor is writable.
    /// - Throws: `SystemError`; EPIPE when nobody reads any more.
    mutating func flush() throws {
        let count = try pending.withUnsafeBytes { bytes in
            try retrying("write") { write(raw, bytes.baseAddress?.advanced(by: start), min(pieceSize, bytes.count - start)) }
        }
        start += count
        if start == pending.count {
            pending.removeAll(keepingCapacity: true)
            start = 0
        }
    }

    /// Forgets what could not be written.
    mutating func drop() {
        pending.removeAll()
        start = 0
    }
}

/// Whole texts to standard output and standard error.
enum Console {
    /// Prints a text; ends the process quietly when nobody reads it any more.
    static func print(_ text: String) throws {
        try write(Array(text.utf8), to: STDOUT_FILENO)
    }

    /// Prints a line for a person.
    static func note(_ line: String) {
        // There is nowhere left to say that standard error cannot be written.
        _ = Result { try write(Array((line + "\n").utf8), to: STDERR_FILENO) }
    }

    /// Asks a person something.
    static func ask(_ question: String) {
        _ = Result { try write(Array(question.utf8), to: STDERR_FILENO) }
    }

    /// Writes everything, waiting as long as it takes.
    /// - Throws: `CommandFailure` with status 1; 128 + SIGPIPE when nobody reads.
    static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        try bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                do {
                    done += try retrying("write") { Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done) }
                } catch let error as SystemError {
                    if error.errno == EPIPE { throw CommandFailure.exit(128 + SIGPIPE) }
                    if error.errno == EAGAIN {
                        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                        try retrying("poll") { poll(&entry, 1, -1) }
                        continue
                    }
                    throw CommandFailure("\(descriptor == STDOUT_FILENO ? "standard output" : "output") cannot be written: \(error.reason)")
                }
            }
        }
    }
}
