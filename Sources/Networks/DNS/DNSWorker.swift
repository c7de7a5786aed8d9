internal import CTimber
internal import Glibc
internal import LinuxKernel

/// What the DNS thread has: containers, their connections, and questions that wait for a name server. Lives on that thread only.
final class DNSWorker {
    /// Bounds; all times in milliseconds.
    enum Limit {
        static let questionsPerSecond = 5000
        static let datagramsPerTurn = 16
        static let connectionsPerTurn = 16
        static let waitingPerContainer = 100
        /// Of all containers together; beyond it each may still have a few.
        static let waiting = 2000
        static let waitingAlways = 5
        static let connectionsPerContainer = 20
        static let connectionIdle: Int64 = 10_000
        static let query = 4096
        /// What a container that asks too much is not listened to, and what nobody connects when no descriptor is left.
        static let pause: Int64 = 100
        /// How long a question may wait in all: less than the five seconds after which clients ask again.
        static let patience: Int64 = 4500
        /// How often is looked at what takes too long.
        static let tick: Int64 = 100
    }

    /// A container that is answered.
    final class Client {
        let container: String
        let station: DNSStation
        let servers: [SocketAddress]
        var forwards: Bool
        var tokens = Limit.questionsPerSecond
        var filled: Int64 = 0
        var pausedUntil: Int64?
        var connectsAgain: Int64?
        var waiting = 0
        var connections = 0

        init(_ service: ContainerDNS.Service, _ station: DNSStation) {
            container = service.container
            forwards = service.forwards
            servers = service.servers.compactMap(SocketAddress.init(nameServer:))
            self.station = station
        }

        var isPaused: Bool { pausedUntil != nil || connectsAgain != nil }

        /// Whether one more question may wait for a name server.
        /// - Parameter all: how many of all containers wait.
        func mayWait(among all: Int) -> Bool {
            waiting < (all < Limit.waiting ? Limit.waitingPerContainer : Limit.waitingAlways)
        }

        /// Whether one more question is within its bounds.
        func admits(_ now: Int64) -> Bool {
            let elapsed = now - filled
            if elapsed > 0 {
                tokens = min(Limit.questionsPerSecond, tokens + Int(min(elapsed, 1000)) * Limit.questionsPerSecond / 1000)
                filled = now
            }
            guard tokens > 0 else { return false }
            tokens -= 1
            return true
        }
    }

    /// What a descriptor is, by its token.
    enum Watched {
        case datagrams(Client)
        case connections(Client)
        case connection(DNSConnection)
        case question(DNSForward)
    }

    let loop: DNSLoop
    var clients: [String: (client: Client, tokens: (UInt64, UInt64))] = [:]
    var watched: [UInt64: Watched] = [:]
    var resolvers = HostResolvers()
    var now: Int64 = 0
    /// Questions that wait for a name server.
    private var waiting = 0
    private var lastToken: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: Limit.query + 1)

    init(_ loop: DNSLoop) {
        self.loop = loop
    }

    func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var swept: Int64 = 0
        while true {
            // Nothing is timed as long as only sockets of containers that behave are watched.
            let isIdle = watched.count == clients.count * 2 && !clients.values.contains { $0.client.isPaused }
            let ready = loop.wait(&events, timeout: isIdle ? -1 : Int32(Limit.tick))
            now = Self.clock()
            for event in ready where event.data.u64 != 0 { handle(event) }
            for message in loop.received() {
                if case .end = message { return }
                handle(message)
            }
            if now - swept >= Limit.tick {
                swept = now
                sweep()
            }
        }
    }

    private static func clock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    func token() -> UInt64 {
        lastToken += 1
        return lastToken
    }

    // MARK: Containers

    private func handle(_ message: DNSLoop.Message) {
        switch message {
        case .serve(let service, let station):
            stop(service.container)
            let client = Client(service, station)
            let tokens = (token(), token())
            do {
                try loop.watch(station.datagrams.raw, tokens.0, EPOLLIN)
                try loop.watch(station.connections.raw, tokens.1, EPOLLIN)
            } catch {
                loop.log("cannot answer a container's questions", ["container": service.container, "error": "\(error)"])
                return
            }
            clients[service.container] = (client, tokens)
            watched[tokens.0] = .datagrams(client)
            watched[tokens.1] = .connections(client)
        case .update(let container, let forwards):
            clients[container]?.client.forwards = forwards
        case .stop(let container):
            stop(container)
        case .end:
            break
        }
    }

    private func stop(_ container: String) {
        guard let (client, tokens) = clients.removeValue(forKey: container) else { return }
        loop.forget(client.station.datagrams.raw)
        loop.forget(client.station.connections.raw)
        watched[tokens.0] = nil
        watched[tokens.1] = nil
        waiting -= client.waiting
        for (token, one) in watched {
            switch one {
            case .connection(let connection) where connection.client === client: watched[token] = nil
            case .question(let question) where question.client === client: watched[token] = nil
            default: continue
            }
        }
    }

    // MARK: Events

    private func handle(_ event: epoll_event) {
        let token = event.data.u64
        switch watched[token] {
        case .datagrams(let client): readDatagrams(client, token)
        case .connections(let client): accept(client, token)
        case .connection(let connection): if !connection.advance(self, event.events) { end(connection) }
        case .question(let question): question.advance(self)
        case nil: break
        }
    }

    /// What takes too long ends, and who has paused is listened to again.
    private func sweep() {
        for (token, one) in watched {
            switch one {
            case .datagrams(let client):
                guard let until = client.pausedUntil, until <= now else { continue }
                client.pausedUntil = nil
                listen(client, client.station.datagrams, token, true)
            case .connections(let client):
                guard let until = client.connectsAgain, until <= now else { continue }
                client.connectsAgain = nil
                listen(client, client.station.connections, token, true)
            case .connection(let connection): if connection.deadline <= now { end(connection) }
            case .question(let question): if question.deadline <= now { question.next(self) }
            }
        }
    }

    private func listen(_ client: Client, _ socket: SharedDescriptor, _ token: UInt64, _ listens: Bool) {
        do {
            try loop.change(socket.raw, token, listens ? EPOLLIN.rawValue : 0)
        } catch {
            loop.log("cannot answer a container's questions", ["container": client.container, "error": "\(error)"])
        }
    }

    private func readDatagrams(_ client: Client, _ token: UInt64) {
        for _ in 0..<Limit.datagramsPerTurn {
            var sender = sockaddr_in()
            guard let length = receive(client.station.datagrams.raw, &sender) else { return }
            guard client.admits(now) else {
                client.pausedUntil = now + Limit.pause
                return listen(client, client.station.datagrams, token, false)
            }
            guard length <= Limit.query else { continue }
            answer(Array(buffer.prefix(length)), client, .datagram(sender))
        }
    }

    /// - Returns: how long the datagram is, also when it was cut; nil when there is none.
    private func receive(_ socket: Int32, _ sender: inout sockaddr_in) -> Int? {
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let length = withUnsafeMutablePointer(to: &sender) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT | MSG_TRUNC), $0, &size)
            }
        }
        return length < 0 ? nil : length
    }

    private func accept(_ client: Client, _ token: UInt64) {
        for _ in 0..<Limit.connectionsPerTurn {
            let raw: Int32
            do {
                raw = Int32(try checking("accept4", "127.0.0.11") { timber_accept(client.station.connections.raw) })
            } catch let error as SystemError where error.errno == EAGAIN {
                return
            } catch let error as SystemError where error.errno == ECONNABORTED {
                continue
            } catch {
                // No descriptor or no memory is left: who waits would wake this thread again and again.
                client.connectsAgain = now + Limit.pause
                return listen(client, client.station.connections, token, false)
            }
            let socket = Descriptor(owning: raw)
            guard client.connections < Limit.connectionsPerContainer else { continue }
            let connection = DNSConnection(client, socket, token: self.token(), deadline: now + Limit.connectionIdle)
            do {
                try loop.watch(raw, connection.token, EPOLLIN)
            } catch {
                loop.log("cannot answer a container's questions", ["container": client.container, "error": "\(error)"])
                continue
            }
            client.connections += 1
            watched[connection.token] = .connection(connection)
        }
    }

    func end(_ connection: DNSConnection) {
        guard watched.removeValue(forKey: connection.token) != nil else { return }
        connection.client.connections -= 1
    }

    // MARK: Questions

    /// Where an answer goes.
    enum Origin {
        case datagram(sockaddr_in)
        case connection(DNSConnection)

        /// How long an answer may be.
        func limit(_ query: DNSQuery) -> Int {
            if case .datagram = self { return query.datagramLimit }
            return 65535
        }
    }

    /// Answers a message, or passes it on.
    /// - Returns: whether the connection that it came by is to go on.
    @discardableResult
    func answer(_ message: [UInt8], _ client: Client, _ origin: Origin) -> Bool {
        switch DNSQuery.parse(message) {
        case .ignored: return false
        case .refused(let answer): send(answer, client, origin)
        case .query(let query):
            let limit = origin.limit(query)
            switch DNSDecision.decide(query, for: client.container, forwards: client.forwards, loop.names, limit: limit) {
            case .answer(let answer): send(answer, client, origin)
            case .forward:
                let servers = client.servers.isEmpty ? resolvers.current() : client.servers
                guard !servers.isEmpty, client.mayWait(among: waiting) else {
                    send(DNSAnswer.make(query, .serverFailure, limit: limit), client, origin)
                    return true
                }
                client.waiting += 1
                waiting += 1
                DNSForward(client, origin, query, message, servers, until: now + Limit.patience).next(self)
            }
        }
        return true
    }

    /// A question that was passed on has its answer.
    func finish(_ answer: [UInt8], _ client: Client, _ origin: Origin) {
        client.waiting -= 1
        waiting -= 1
        send(answer, client, origin)
    }

    private func send(_ answer: [UInt8], _ client: Client, _ origin: Origin) {
        switch origin {
        case .connection(let connection): if !connection.send(answer, self) { end(connection) }
        case .datagram(var receiver):
            // What the client's queue has no room for is lost, as datagrams are; it asks again.
            _ = withUnsafePointer(to: &receiver) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(
                        client.station.datagrams.raw, answer, answer.count, Int32(MSG_DONTWAIT), $0,
                        socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }
}
