public import LinuxKernel

/// A stream of bytes copied into the caller's memory; used by one thread at a time.
public protocol ByteReader: AnyObject {
    /// Reads at least one byte unless the stream is at its end.
    /// - Parameter buffer: not empty.
    /// - Returns: how many bytes were read, 0 at the end.
    /// - Throws: when the stream cannot be read or is damaged.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A stream of bytes lent out in chunks; used by one thread at a time.
public protocol ChunkSource: AnyObject {
    /// The next bytes, valid until the next call.
    /// - Returns: nil at the end; never an empty buffer.
    /// - Throws: when the stream cannot be read or is damaged.
    func next() throws -> UnsafeRawBufferPointer?
}

/// Memory that lives as long as its owner.
package final class Buffer: @unchecked Sendable {
    /// A buffer that crosses threads is handed over, so that one thread at a time uses it.
    package let bytes: UnsafeMutableRawBufferPointer

    package init(size: Int) {
        bytes = .allocate(byteCount: size, alignment: 64)
    }

    deinit {
        bytes.deallocate()
    }
}

/// The usual chunk: small enough to stay in a core's cache between the steps, large enough for few system calls.
public let chunkSize = 256 << 10

/// Reads a descriptor from where it stands: a file, a pipe, a socket.
public final class DescriptorReader: ByteReader {
    private let descriptor: SharedDescriptor

    /// Makes a reader of an open descriptor.
    public init(_ descriptor: SharedDescriptor) {
        self.descriptor = descriptor
    }

    /// One read(2).
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try Transfer.readSome(descriptor.raw, into: buffer)
    }
}

/// Reads a file from its beginning by position, so that several readers can share one descriptor.
public final class FileReader: ByteReader {
    private let file: SharedDescriptor
    private var offset: Int64 = 0

    /// Makes a reader that starts at the file's beginning.
    public init(_ file: SharedDescriptor) {
        self.file = file
    }

    /// One pread(2).
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try Transfer.readSome(file.raw, at: offset, into: buffer)
        offset += Int64(count)
        return count
    }
}

/// Reads bytes that are in memory already.
public final class MemoryReader: ByteReader {
    private var rest: ArraySlice<UInt8>
    private let most: Int

    /// Makes a reader of an array.
    /// - Parameter most: how many bytes one call hands out at the most; tests make it small.
    public init(_ bytes: [UInt8], most: Int = .max) {
        rest = bytes[...]
        self.most = most
    }

    /// Copies the next bytes.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let part = rest.prefix(min(buffer.count, most))
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }
}

/// Tells somebody about every piece that is read.
public final class ObservedReader: ByteReader {
    private let reader: any ByteReader
    private let observe: (UnsafeRawBufferPointer) throws -> Void

    /// Makes a reader around another.
    /// - Parameter observe: called with every piece; an error ends the stream.
    public init(_ reader: any ByteReader, observe: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        self.reader = reader
        self.observe = observe
    }

    /// Reads from the other reader.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try reader.read(into: buffer)
        if count > 0 { try observe(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        return count
    }
}

/// Lends out what a reader reads.
public final class ReaderChunks: ChunkSource {
    private let reader: any ByteReader
    private let buffer: Buffer

    /// Makes a source with a buffer of its own.
    public init(_ reader: any ByteReader, chunkSize: Int = Tar.chunkSize) {
        self.reader = reader
        buffer = Buffer(size: chunkSize)
    }

    /// The next bytes.
    public func next() throws -> UnsafeRawBufferPointer? {
        let count = try reader.read(into: buffer.bytes)
        return count == 0 ? nil : UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
    }
}
