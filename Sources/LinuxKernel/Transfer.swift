internal import Glibc

/// Whole reads and writes of a descriptor.
public enum Transfer {
    /// read(2) until the buffer is full or the input ends.
    /// - Returns: how many bytes were read; fewer than the buffer holds only at the end.
    /// - Throws: `SystemError`.
    public static func readFully(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try retrying("read") { read(file, buffer.baseAddress?.advanced(by: filled), buffer.count - filled) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// One read(2).
    /// - Returns: how many bytes were read, 0 at the end.
    /// - Throws: `SystemError`.
    public static func readSome(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try retrying("read") { read(file, buffer.baseAddress, buffer.count) }
    }

    /// One pread(2).
    /// - Returns: how many bytes were read, 0 at the end.
    /// - Throws: `SystemError`.
    public static func readSome(_ file: Int32, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try retrying("pread") { pread(file, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// write(2) until everything is written.
    /// - Throws: `SystemError`.
    public static func writeFully(_ file: Int32, _ buffer: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < buffer.count {
            written += try retrying("write") { write(file, buffer.baseAddress?.advanced(by: written), buffer.count - written) }
        }
    }
}
