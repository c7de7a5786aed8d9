internal import CTimber
internal import Glibc
internal import LinuxKernel

/// A container's question on its way to the host's name servers, one after another until one answers.
///
/// Each attempt has a socket of its own, with a port of the kernel's choice and a number of ours: who wants to answer in a name
/// server's stead has to guess both. The message is passed on as it came, but for its number.
final class DNSForward {
    let client: DNSWorker.Client
    private(set) var deadline: Int64 = 0
    private let origin: DNSWorker.Origin
    private let query: DNSQuery
    private let message: [UInt8]
    private let until: Int64
    private let patience: Int64
    /// Whom to ask yet: everybody twice.
    private var servers: ArraySlice<SocketAddress>
    private var socket: SharedDescriptor?
    private var token: UInt64 = 0
    private var id: UInt16 = 0
    /// By TCP: what is to be sent, and what has come.
    private var output: ArraySlice<UInt8> = []
    private var input: [UInt8] = []
    /// The answer of a server that could not help, if nobody else can.
    private var failure: [UInt8]?

    init(
        _ client: DNSWorker.Client, _ origin: DNSWorker.Origin, _ query: DNSQuery, _ message: [UInt8], _ servers: [SocketAddress],
        until: Int64
    ) {
        self.client = client
        self.origin = origin
        self.query = query
        self.message = message
        self.servers = (servers + servers)[...]
        self.until = until
        patience = max(1000, 4000 / Int64(servers.count * 2))
    }

    private var usesStream: Bool {
        if case .connection = origin { return true }
        return false
    }

    /// Asks the next server; when there is none, the client gets a failure.
    func next(_ worker: DNSWorker) {
        close(worker)
        while worker.now < until, let server = servers.popFirst() {
            id = UInt16.random(in: 0 ... .max)
            var request = DNSAnswer.bytes(id) + message.dropFirst(2)
            if usesStream { request = DNSAnswer.bytes(UInt16(clamping: request.count)) + request }
            do {
                let socket = try connect(server)
                token = worker.token()
                output = request[...]
                input = []
                if usesStream {
                    try worker.loop.watch(socket.raw, token, EPOLLOUT)
                } else {
                    try retrying("send", "name server") { Glibc.send(socket.raw, request, request.count, Int32(MSG_NOSIGNAL)) }
                    try worker.loop.watch(socket.raw, token, EPOLLIN)
                }
                self.socket = socket
                deadline = min(until, worker.now + patience)
                worker.watched[token] = .question(self)
                return
            } catch {
                // No way there, or no descriptor left: the next one may do better.
                continue
            }
        }
        finish(failure ?? DNSAnswer.make(query, .serverFailure, limit: origin.limit(query)), worker)
    }

    /// Something happened on the socket.
    func advance(_ worker: DNSWorker) {
        do {
            guard let reply = try usesStream ? readStream(worker) : readDatagram() else { return }
            handle(reply, worker)
        } catch {
            // Nobody is there.
            next(worker)
        }
    }

    private func handle(_ reply: [UInt8], _ worker: DNSWorker) {
        // Anything else is not for us, and the answer may still come.
        guard query.isAnswered(by: reply, id: id) else { return usesStream ? next(worker) : () }
        let answer = DNSAnswer.passOn(reply, to: query, limit: origin.limit(query))
        switch DNSCode(rawValue: UInt16(reply[3]) & DNSFlags.code) {
        case .serverFailure, .notImplemented, .refused:
            failure = answer
            next(worker)
        default:
            finish(answer, worker)
        }
    }

    private func finish(_ answer: [UInt8], _ worker: DNSWorker) {
        close(worker)
        worker.finish(answer, client, origin)
    }

    private func close(_ worker: DNSWorker) {
        guard socket != nil else { return }
        worker.watched[token] = nil
        socket = nil
    }

    // MARK: Sockets

    private func connect(_ server: SocketAddress) throws -> SharedDescriptor {
        let type = usesStream ? SOCK_STREAM : SOCK_DGRAM
        let flags = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = SharedDescriptor(
            Descriptor(owning: try retrying("socket", "name server") { Glibc.socket(server.family, flags, 0) }))
        do {
            try retrying("connect", "name server") {
                server.bytes.withUnsafeBytes { buffer in
                    guard let base = buffer.bindMemory(to: sockaddr.self).baseAddress else { return Int32(-1) }
                    return Glibc.connect(socket.raw, base, socklen_t(buffer.count))
                }
            }
        } catch let error as SystemError where error.errno == EINPROGRESS {}
        return socket
    }

    /// - Returns: nil when there is nothing.
    private func readDatagram() throws -> [UInt8]? {
        try receive(limit: 65535)
    }

    /// Writes the question, then reads the answer with its length before it.
    private func readStream(_ worker: DNSWorker) throws -> [UInt8]? {
        guard let socket else { return nil }
        if !output.isEmpty {
            let request = Array(output)
            let sent = Glibc.send(socket.raw, request, request.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            guard sent >= 0 else { return try later("send") }
            output.removeFirst(sent)
            if output.isEmpty { try worker.loop.change(socket.raw, token, EPOLLIN.rawValue) }
            return nil
        }
        guard let chunk = try receive(limit: 65537 - input.count) else { return nil }
        guard !chunk.isEmpty else { throw SystemError(call: "recv", errno: ECONNRESET, what: "name server") }
        input += chunk
        guard input.count >= 2 else { return nil }
        let length = Int(input[0]) << 8 | Int(input[1])
        return input.count >= 2 + length ? Array(input[2..<2 + length]) : nil
    }

    private func receive(limit: Int) throws -> [UInt8]? {
        guard let socket else { return nil }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
            count = recv(socket.raw, buffer.baseAddress, limit, Int32(MSG_DONTWAIT))
            filled = max(0, count)
        }
        return count < 0 ? try later("recv") : bytes
    }

    /// - Returns: nil when it only was not possible yet.
    private func later(_ call: String) throws -> [UInt8]? {
        let error = errno
        if error == EAGAIN || error == EINTR { return nil }
        throw SystemError(call: call, errno: error, what: "name server")
    }
}
