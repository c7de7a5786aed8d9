internal import CTimber
internal import DockerAPI
internal import Glibc
internal import LinuxKernel
internal import Synchronization

/// What a probe says: the beginning is kept, the rest is read and dropped, so that no probe ever waits for us.
final class ProbeOutput: Sendable {
    static let limit = 4096

    private struct State {
        var demultiplexer = StreamDemultiplexer()
        var kept: [UInt8] = []
        var isCut = false
        var stream: SharedDescriptor?
        var source: ReadinessSource?
    }

    private let state = Mutex(State())

    /// Reads from a client's end of an exec's stream from now on.
    func follow(_ stream: SharedDescriptor) {
        let source = ReadinessSource(stream) { [weak self] in self?.read() ?? false }
        state.withLock { state in
            state.stream = stream
            state.source = source
        }
    }

    /// What has been said by now.
    func finish() -> String {
        _ = read()
        return state.withLock { state in
            state.source = nil
            state.stream = nil
            return String(decoding: state.kept, as: UTF8.self) + (state.isCut ? "..." : "")
        }
    }

    /// Reads what is there.
    /// - Returns: false at the end.
    private func read() -> Bool {
        state.withLock { state in
            guard let stream = state.stream else { return true }
            var chunk = [UInt8](repeating: 0, count: 16 * 1024)
            while true {
                let count = recv(stream.raw, &chunk, chunk.count, Int32(MSG_DONTWAIT))
                let error = timber_errno()
                if count < 0 && error == EINTR { continue }
                if count <= 0 { return count < 0 && error == EAGAIN }
                take(chunk[..<count], &state)
            }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>, _ state: inout State) {
        var (kept, isCut) = (state.kept, state.isCut)
        state.kept = []
        bytes.withUnsafeBytes { bytes in
            // The shim writes whole frames only; a stream that is none has nothing for us.
            _ = Swift.Result {
                try state.demultiplexer.consume(bytes) { _, piece in
                    let room = Self.limit - kept.count
                    kept.append(contentsOf: piece.prefix(room))
                    if piece.count > room { isCut = true }
                }
            }
        }
        (state.kept, state.isCut) = (kept, isCut)
    }
}
