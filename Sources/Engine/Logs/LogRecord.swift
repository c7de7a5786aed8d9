/// One line of a container's log as the shim wrote it (CRI format):
/// `2026-01-02T03:04:05.678901234Z stdout F text`.
struct LogRecord: Sendable, Equatable {
    enum Stream: UInt8, Sendable {
        case stdout = 1
        case stderr = 2
    }

    var time: ArraySlice<UInt8>
    var stream: Stream
    /// `P`: the line was longer than a record holds, or the output ended without a newline; no newline belongs here.
    var partial: Bool
    var text: ArraySlice<UInt8>

    /// Parses one line without its newline; nil when it is damaged, for example by a power cut.
    init?(_ line: ArraySlice<UInt8>) {
        let space = UInt8(ascii: " ")
        guard let first = line.firstIndex(of: space), first > line.startIndex,
            let second = line[(first + 1)...].firstIndex(of: space),
            let third = line[(second + 1)...].firstIndex(of: space), third == second + 2
        else { return nil }
        switch line[(first + 1)..<second] {
        case ArraySlice("stdout".utf8): stream = .stdout
        case ArraySlice("stderr".utf8): stream = .stderr
        default: return nil
        }
        switch line[second + 1] {
        case UInt8(ascii: "F"): partial = false
        case UInt8(ascii: "P"): partial = true
        default: return nil
        }
        time = line[..<first]
        text = line[(third + 1)...]
    }

    /// What a reader of the log gets: the text and its newline, the time before it when asked for.
    func rendered(timestamps: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + 34)
        if timestamps {
            bytes.append(contentsOf: time)
            bytes.append(UInt8(ascii: " "))
        }
        bytes.append(contentsOf: text)
        if !partial { bytes.append(UInt8(ascii: "\n")) }
        return bytes
    }
}
