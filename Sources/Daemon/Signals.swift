@preconcurrency internal import Dispatch
internal import Glibc

/// What the daemon is told by signals.
enum Signal: Sendable, Equatable {
    /// SIGTERM or SIGINT.
    case stop(String)
    /// SIGHUP: read the configuration again.
    case reload
}

/// SIGTERM, SIGINT and SIGHUP as values.
final class Signals: Sendable {
    /// What comes, in order.
    let stream: AsyncStream<Signal>
    private let sources: [any DispatchSourceSignal]

    /// From now on these signals come here and end nothing by themselves.
    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Signal.self)
        self.stream = stream
        let meanings: [(Int32, Signal)] = [(SIGTERM, .stop("SIGTERM")), (SIGINT, .stop("SIGINT")), (SIGHUP, .reload)]
        sources = meanings.map { number, meaning in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(meaning) }
            source.resume()
            return source
        }
    }
}
