@preconcurrency internal import Dispatch
internal import Glibc

/// SIGTERM and SIGINT as values.
final class StopSignals: Sendable {
    private let stream: AsyncStream<String>
    private let sources: [any DispatchSourceSignal]

    /// From now on both signals come here and end nothing by themselves.
    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        self.stream = stream
        sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(name) }
            source.resume()
            return source
        }
    }

    /// The next one's name.
    func next() async -> String {
        for await name in stream { return name }
        return "end"
    }
}
