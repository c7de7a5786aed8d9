internal import DockerAPI
internal import Glibc

/// Progress on a terminal: one line of the upload, then a line for each layer, rewritten in place.
final class ProgressDisplay {
    private let isShown: Bool
    private var lastSent: Timestamp?
    private var hasUploadLine = false
    private var lines: [String] = []

    init(isShown: Bool) {
        self.isShown = isShown
    }

    /// The upload has come so far.
    func sent(_ bytes: Int, of total: Int?) {
        moved("Sending", bytes, of: total)
    }

    /// A transfer has come so far.
    /// - Parameter what: its first word.
    func moved(_ what: String, _ bytes: Int, of total: Int? = nil) {
        guard isShown else { return }
        let now = Timestamp.now
        // Ten times a second is enough for eyes.
        if let last = lastSent, (now.seconds - last.seconds) * 10 + Int64(now.nanoseconds - last.nanoseconds) / 100_000_000 < 1 { return }
        lastSent = now
        hasUploadLine = true
        let whole = total.map { " of \(Human.size(Int64($0)))" } ?? ""
        write("\r\u{1B}[K\(what) \(Human.size(Int64(bytes)))\(whole)")
    }

    /// Puts a last line in the place of the transfer's.
    func done(_ line: String) {
        guard isShown else { return }
        clear()
        write(line + "\n")
    }

    /// Takes the upload's line away.
    func clear() {
        if hasUploadLine { write("\r\u{1B}[K") }
        hasUploadLine = false
    }

    /// Shows the state of one layer.
    func show(_ message: ProgressMessage) {
        guard isShown, !message.id.isEmpty else { return }
        let columns = max(20, Terminal.size(of: STDERR_FILENO)?.width ?? 80)
        let text = Human.ellipsis("\(Printable(message.id)): \(Printable(message.status))\(ProgressDisplay.bar(message))", columns - 1)
        if let index = lines.firstIndex(of: message.id) {
            let up = lines.count - index
            write("\u{1B}[\(up)A\r\u{1B}[K\(text)\u{1B}[\(up)B\r")
        } else {
            lines.append(message.id)
            write("\r\u{1B}[K\(text)\n")
        }
    }

    private static func bar(_ message: ProgressMessage) -> String {
        guard let detail = message.progressDetail, detail.current > 0 else { return "" }
        if detail.total <= 0 { return " \(Human.size(detail.current))" }
        let filled = Int(min(1, Double(detail.current) / Double(detail.total)) * 30)
        let bar = String(repeating: "=", count: filled) + (filled < 30 ? ">" : "") + String(repeating: " ", count: max(0, 29 - filled))
        return " [\(bar)] \(Human.size(detail.current))/\(Human.size(detail.total))"
    }

    private func write(_ text: String) {
        // Progress that cannot be shown is no failure of the load.
        _ = Result { try Console.write(Array(text.utf8), to: STDERR_FILENO) }
    }
}

/// The stream of JSON messages that a long request answers with.
struct ProgressMessages {
    private let display: ProgressDisplay
    private var lines = JSONLines()
    private let printsStatus: Bool
    private var failure: String?

    /// - Parameter printsStatus: whether a status that is about no layer is the answer: the id of an import.
    init(display: ProgressDisplay, printsStatus: Bool = false) {
        self.display = display
        self.printsStatus = printsStatus
    }

    /// Takes bytes of the answer; each message stands on a line.
    mutating func take(_ bytes: [UInt8]) throws {
        for value in try lines.take(bytes) { try show(value) }
    }

    /// At the end of the answer.
    /// - Throws: `CommandFailure` with the error that stood among the messages.
    mutating func finish() throws {
        for value in try lines.finish() { try show(value) }
        if let failure { throw CommandFailure("\(Printable(failure))") }
    }

    private mutating func show(_ value: JSONValue) throws {
        let message = try JSONDecoding.read(ProgressMessage.self, from: value)
        let error = message.errorDetail?.message ?? message.error
        if !error.isEmpty {
            failure = error
        } else if !message.stream.isEmpty {
            try Console.print(message.stream)
        } else if printsStatus && message.id.isEmpty {
            try Console.print(message.status + "\n")
        } else {
            display.show(message)
        }
    }
}

extension Client {
    /// Sends a request without a body that answers with a stream of messages, and shows them.
    /// - Throws: `APIError`, `CommandFailure` with the error that stood among the messages.
    func show(_ request: Request, quiet: Bool) throws {
        let exchange = try open(request)
        let display = ProgressDisplay(isShown: !quiet && Terminal.isTerminal(STDERR_FILENO))
        var messages = ProgressMessages(display: display)
        while case .data(let bytes) = try exchange.step() { try messages.take(bytes) }
        try messages.finish()
    }
}
