internal import CTimber
internal import Glibc
internal import LinuxKernel

/// A container's connection by TCP: one question after another, each with its length before it (RFC 7766).
final class DNSConnection {
    let client: DNSWorker.Client
    let token: UInt64
    private(set) var deadline: Int64
    private let socket: Descriptor
    /// Read, and not yet a whole question.
    private var input: [UInt8] = []
    /// To be written.
    private var output: [UInt8] = []
    /// A question is with a name server; the next is read when it is answered.
    private var waits = false
    private var buffer = [UInt8](repeating: 0, count: DNSWorker.Limit.query + 2)

    init(_ client: DNSWorker.Client, _ socket: consuming Descriptor, token: UInt64, deadline: Int64) {
        self.client = client
        self.socket = socket
        self.token = token
        self.deadline = deadline
    }

    /// Does what can be done now.
    /// - Returns: false when the connection is over.
    func advance(_ worker: DNSWorker, _ events: UInt32) -> Bool {
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return false }
        guard write() else { return false }
        if events & EPOLLIN.rawValue != 0 {
            let room = DNSWorker.Limit.query + 2 - input.count
            let count = recv(socket.raw, &buffer, max(0, room), Int32(MSG_DONTWAIT))
            if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { return false }
            input += buffer.prefix(max(0, count))
        }
        return ask(worker) && rearm(worker)
    }

    /// Sends an answer.
    /// - Returns: false when the connection is over.
    func send(_ answer: [UInt8], _ worker: DNSWorker) -> Bool {
        waits = false
        deadline = worker.now + DNSWorker.Limit.connectionIdle
        output += DNSAnswer.bytes(UInt16(clamping: answer.count)) + answer
        return write() && rearm(worker)
    }

    /// Takes the next question, if it is there.
    private func ask(_ worker: DNSWorker) -> Bool {
        guard !waits, output.isEmpty, input.count >= 2 else { return true }
        let length = Int(input[0]) << 8 | Int(input[1])
        guard (12...DNSWorker.Limit.query).contains(length) else { return false }
        guard input.count >= 2 + length else { return true }
        guard client.admits(worker.now) else { return false }
        let message = Array(input[2..<2 + length])
        input.removeFirst(2 + length)
        waits = true
        return worker.answer(message, client, .connection(self))
    }

    private func write() -> Bool {
        guard !output.isEmpty else { return true }
        let count = Glibc.send(socket.raw, output, output.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        output.removeFirst(count)
        return true
    }

    /// Input is looked at when there is room for its answer.
    private func rearm(_ worker: DNSWorker) -> Bool {
        // Another question may have been read already.
        if !waits, output.isEmpty, input.count >= 2 { return ask(worker) }
        let events = output.isEmpty ? (waits ? 0 : EPOLLIN.rawValue) : EPOLLOUT.rawValue
        do {
            try worker.loop.change(socket.raw, token, events)
            return true
        } catch {
            return false
        }
    }
}
