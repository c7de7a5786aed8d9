internal import Errors
internal import LinuxKernel
internal import NIOCore
internal import NIOPosix

/// The reading end of a request body that goes into a pipe as it comes.
struct UploadPipe: Sendable {
    private let readEnd: HandedOver

    fileprivate init(_ readEnd: HandedOver) {
        self.readEnd = readEnd
    }

    /// The blocking end that the backend reads; works once.
    func takeReadEnd() throws -> Descriptor {
        try readEnd.take()
    }
}

/// The writing end: a channel on the connection's event loop, so that a slow reader holds the client back.
final class Upload {
    /// What the backend gets.
    let pipe: UploadPipe
    /// Called when the reader has room again, or has gone.
    var onProgress: (() -> Void)?

    private var channel: (any Channel)?
    private var waiting: [ByteBuffer] = []
    private var ended = false
    private var aborted = false
    private(set) var readerHasGone = false

    /// Bytes in the pipe itself: fewer wake-ups than the default of 64 KiB. 1 MiB is what any user may ask for.
    private static let capacity: Int32 = 1 << 20

    init(eventLoop: any EventLoop) throws {
        let ends = try Pipe(capacity: Self.capacity)
        pipe = UploadPipe(HandedOver(ends.readEnd))
        let number = ends.writeEnd.release()
        NIOPipeBootstrap(group: eventLoop)
            .takingOwnershipOfDescriptor(output: number)
            .assumeIsolated()
            .whenComplete { result in
                // Holds the upload until here: bytes that came meanwhile wait in it, also when the connection is done with it.
                switch result {
                case .success(let channel): self.opened(channel)
                case .failure:
                    _ = Descriptor(owning: number)
                    self.lost()
                }
            }
    }

    deinit {
        channel?.close(promise: nil)
    }

    /// Whether more may be written now.
    var hasRoom: Bool {
        readerHasGone || (channel?.isWritable ?? false) && waiting.isEmpty
    }

    func write(_ bytes: ByteBuffer) {
        if readerHasGone { return }
        guard let channel else { return waiting.append(bytes) }
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// The body is complete: the reader gets the end of the file behind the last byte.
    func end() {
        ended = true
        guard let channel, !readerHasGone else { return }
        // No longer closed with this object.
        self.channel = nil
        // close() would drop what is not written yet, so it waits for an empty write behind all that.
        channel.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in channel.close(promise: nil) }
    }

    /// The client has gone in the middle: the reader gets its end of the file early.
    func abort() {
        onProgress = nil
        aborted = true
        channel?.close(promise: nil)
    }

    private func opened(_ channel: any Channel) {
        if aborted { return channel.close(promise: nil) }
        self.channel = channel
        do {
            try channel.pipeline.syncOperations.addHandler(UploadHandler(self))
        } catch {
            return lost()
        }
        for bytes in waiting { channel.writeAndFlush(bytes, promise: nil) }
        waiting = []
        if ended { end() } else { onProgress?() }
    }

    fileprivate func progressed() {
        onProgress?()
    }

    fileprivate func lost() {
        if readerHasGone { return }
        readerHasGone = true
        waiting = []
        onProgress?()
    }
}

/// Tells the upload when the pipe has room or its reader has gone.
private final class UploadHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private weak var upload: Upload?

    init(_ upload: Upload) {
        self.upload = upload
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { upload?.progressed() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        upload?.lost()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
