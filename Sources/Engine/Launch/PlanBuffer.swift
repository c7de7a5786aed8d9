internal import CTimber
internal import Errors

/// The growing bytes of a launch plan: a fixed head followed by the data that its spans point to.
struct PlanBuffer {
    private(set) var bytes: [UInt8]

    /// Starts a buffer whose first `headSize` bytes are filled in at the end by `finish`.
    init(headSize: Int) {
        bytes = [UInt8](repeating: 0, count: headSize)
        bytes.reserveCapacity(16 * 1024)
    }

    /// Appends a NUL-terminated string.
    /// - Throws: `TimberError.invalidArgument` when it contains a NUL byte, which would end it early on the other side.
    mutating func string(_ value: String) throws -> timber_span {
        guard !value.utf8.contains(0) else {
            throw TimberError(.invalidArgument, "\(value.debugDescription) contains a NUL byte")
        }
        let span = timber_span(offset: UInt32(bytes.count), count: UInt32(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
        bytes.append(0)
        return span
    }

    /// Appends an array of plain C structs, aligned to eight bytes.
    mutating func array<Element: BitwiseCopyable>(_ elements: [Element]) -> timber_span {
        while bytes.count % 8 != 0 { bytes.append(0) }
        let span = timber_span(offset: UInt32(bytes.count), count: UInt32(elements.count))
        elements.withUnsafeBytes { bytes.append(contentsOf: $0) }
        return span
    }

    /// Appends an array of strings: the texts, then their spans.
    mutating func strings(_ values: [String]) throws -> timber_span {
        var spans: [timber_span] = []
        spans.reserveCapacity(values.count)
        for value in values { spans.append(try string(value)) }
        return array(spans)
    }

    /// Writes the head over the reserved bytes and returns the whole.
    /// - Parameter head: `timber_plan` or `timber_exec`; its `size` is set by the caller from `size`.
    /// - Throws: `TimberError.invalidArgument` when the plan is larger than the shim reads.
    consuming func finish<Head: BitwiseCopyable>(_ head: Head) throws -> [UInt8] {
        guard bytes.count <= Int(TIMBER_PLAN_MAX) else { throw Self.tooLarge(bytes.count) }
        withUnsafeBytes(of: head) { source in
            bytes.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
        return bytes
    }

    static func tooLarge(_ bytes: Int) -> TimberError {
        TimberError(
            .invalidArgument, "command, environment and mounts take \(bytes) bytes, more than the \(TIMBER_PLAN_MAX) of a launch plan")
    }
}
