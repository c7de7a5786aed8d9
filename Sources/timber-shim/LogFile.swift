import CTimber

/// The container's log in the CRI format: `<time> stdout|stderr F|P <bytes>`. F ends a line, P is a part of one that is longer than
/// 16 KiB, or the last one when the output ended without a newline. Rotated by size: `log` is the live file, `log.1` the one before, and so on.
///
/// A log that cannot be written never stops the container: what does not fit on a full disk is lost, and the log goes on when there
/// is room again.
final class LogFile {
    static let maximumPart = 16384
    private static let overhead = Timestamp.length + 11
    private static let bufferSize = 32768

    private let directory: Int32
    private let maximumBytes: Int
    private let maximumFiles: Int
    private var file = Descriptor()
    private var size = 0
    private var timestamp = Timestamp()
    private var buffer: UnsafeMutableRawPointer
    private var filled = 0
    /// The beginning of a line whose end has not come yet, for each stream.
    private var parts: (output: [UInt8], error: [UInt8]) = ([], [])
    /// The last record in the file is incomplete.
    private var isTorn = false

    /// - Parameters:
    ///   - directory: where the files are; stays open as long as the log.
    ///   - maximumBytes: rotate above this; 0: never.
    ///   - maximumFiles: how many are kept, the live one included.
    init(directory: Int32, maximumBytes: UInt64, maximumFiles: UInt32) throws(Failure) {
        self.directory = directory
        self.maximumBytes = Int(clamping: maximumBytes)
        self.maximumFiles = max(1, Int(min(maximumFiles, 1000)))
        guard let buffer = malloc(Self.bufferSize) else { throw Failure(TIMBER_STAGE_PLAN, ENOMEM) }
        self.buffer = buffer
        try check(TIMBER_STAGE_PLAN, openFile(), constant("log"))
    }

    deinit {
        free(buffer)
    }

    /// Adds what a stream produced.
    func append(_ stream: Stream, _ bytes: UnsafeRawBufferPointer) {
        switch stream {
        case .output: split(stream, bytes, &parts.output)
        case .error: split(stream, bytes, &parts.error)
        }
        flush()
    }

    /// The streams have ended, perhaps in the middle of a line: a reader gets what was written, without a newline.
    func finish() {
        finish(.output, &parts.output)
        finish(.error, &parts.error)
        flush()
    }

    private func finish(_ stream: Stream, _ part: inout [UInt8]) {
        if part.isEmpty { return }
        record(stream, UInt8(ascii: "P"), part, UnsafeRawBufferPointer(start: nil, count: 0))
        part = []
    }

    private func split(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, _ part: inout [UInt8]) {
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            let newline = memchr(start, 10, rest.count)
            let length = newline.map { UnsafeRawPointer($0) - start } ?? rest.count
            if part.count + length > Self.maximumPart {
                let taken = Self.maximumPart - part.count
                record(stream, UInt8(ascii: "P"), part, UnsafeRawBufferPointer(rebasing: rest[..<taken]))
                part.removeAll(keepingCapacity: true)
                rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            } else if newline != nil {
                record(stream, UInt8(ascii: "F"), part, UnsafeRawBufferPointer(rebasing: rest[..<length]))
                if !part.isEmpty { part = [] }
                rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
            } else {
                part.append(contentsOf: rest)
                return
            }
        }
    }

    private func record(_ stream: Stream, _ tag: UInt8, _ part: [UInt8], _ bytes: UnsafeRawBufferPointer) {
        let length = Self.overhead + part.count + bytes.count
        if maximumBytes > 0 && size + filled > 0 && size + filled + length > maximumBytes {
            flush()
            rotate()
        }
        if filled + length + 1 > Self.bufferSize { flush() }
        if isTorn && filled == 0 { put(UInt8(ascii: "\n")) }
        timestamp.write(now(CLOCK_REALTIME), to: buffer + filled)
        filled += Timestamp.length
        memcpy(buffer + filled, stream == .output ? " stdout " : " stderr ", 8)
        filled += 8
        put(tag)
        put(UInt8(ascii: " "))
        part.withUnsafeBytes { put($0) }
        put(bytes)
        put(UInt8(ascii: "\n"))
    }

    private func put(_ byte: UInt8) {
        buffer.storeBytes(of: byte, toByteOffset: filled, as: UInt8.self)
        filled += 1
    }

    private func put(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        memcpy(buffer + filled, start, bytes.count)
        filled += bytes.count
    }

    private func flush() {
        if filled == 0 { return }
        if !file.isOpen && openFile() < 0 {
            filled = 0
            return
        }
        var done = 0
        while done < filled {
            let count = retrying { result(write(file.raw, buffer + done, filled - done)) }
            if count < 0 { break }
            done += count
        }
        size += done
        if done == filled {
            isTorn = false
        } else if done > 0 {
            isTorn = true
        }
        filled = 0
    }

    /// - Returns: 0 or -errno.
    private func openFile() -> Int {
        let opened = openPlain(directory, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o640)
        if opened < 0 { return opened }
        file = Descriptor(owning: Int32(opened))
        var status = stat()
        size = fstat(file.raw, &status) == 0 ? status.st_size : 0
        isTorn = size > 0 && !endsWithNewline()
        return 0
    }

    /// After a shim that was killed in the middle of a record.
    private func endsWithNewline() -> Bool {
        let reader = openPlain(directory, "log", O_RDONLY | O_NOFOLLOW)
        if reader < 0 { return true }
        defer { close(Int32(reader)) }
        var last: UInt8 = 0
        return pread(Int32(reader), &last, 1, size - 1) == 1 && last == UInt8(ascii: "\n")
    }

    /// Renames from the oldest on, so that a crash in between loses no file; readers keep what they have open.
    private func rotate() {
        file = Descriptor()
        if maximumFiles == 1 {
            unlinkat(directory, "log", 0)
        } else {
            for index in stride(from: maximumFiles - 2, through: 1, by: -1) {
                withName(index) { from in withName(index + 1) { to in _ = renameat(directory, from, directory, to) } }
            }
            withName(1) { to in _ = renameat(directory, "log", directory, to) }
        }
        _ = openFile()
    }

    private func withName(_ index: Int, _ body: (UnsafePointer<CChar>) -> Void) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { name in
            guard let characters = name.baseAddress else { return }
            memcpy(characters, "log.", 4)
            let length = withDecimal(index) { digits in
                if let start = digits.baseAddress { memcpy(characters + 4, start, digits.count) }
                return digits.count
            }
            characters[4 + length] = 0
            body(characters)
        }
    }
}

/// A process's output streams, with their numbers in Docker's multiplexed stream.
enum Stream: UInt8 {
    case output = 1
    case error = 2
}
