internal import CZstd
internal import Errors
internal import Tar

/// Decompresses Zstandard: one frame or several; the window is limited to libzstd's default of 128 MiB.
final class ZstdReader: ByteReader {
    private let source: any ChunkSource
    private let context: OpaquePointer
    private var input = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
    private var inputEnded = false
    /// Whether the last call ended exactly at the end of a frame.
    private var atFrameEnd = false

    init(_ source: any ChunkSource) throws {
        self.source = source
        guard let context = ZSTD_createDCtx() else { throw TimberError(.internal, "no memory for zstd decompression") }
        self.context = context
    }

    deinit {
        ZSTD_freeDCtx(context)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos < output.size {
            if input.pos == input.size && !inputEnded {
                if let chunk = try source.next() {
                    input = ZSTD_inBuffer(src: chunk.baseAddress, size: chunk.count, pos: 0)
                } else {
                    inputEnded = true
                }
            }
            if inputEnded && input.pos == input.size && atFrameEnd { break }
            let before = (input.pos, output.pos)
            let result = ZSTD_decompressStream(context, &output, &input)
            if ZSTD_isError(result) != 0 {
                throw TimberError(.invalidArgument, "damaged zstd data: \(String(cString: ZSTD_getErrorName(result)))")
            }
            atFrameEnd = result == 0
            if inputEnded && !atFrameEnd && before == (input.pos, output.pos) {
                throw TimberError(.invalidArgument, "zstd data ends too early")
            }
        }
        return output.pos
    }
}
