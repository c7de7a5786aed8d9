internal import Errors
internal import LinuxKernel
internal import Synchronization

/// The name server of containers in networks of users: 127.0.0.11 in each of them.
///
/// Names of containers are answered from a table, everything else is passed on to the host's name servers. One thread serves all
/// containers; it starts with the first. Nothing that a container sends can make it wait for another one: see `DNSLoop`.
public final class ContainerDNS: Sendable {
    /// How a container's questions are answered.
    public struct Service: Sendable, Equatable {
        /// The container's id.
        public var container: String
        /// It has a way out; otherwise only names of containers are answered.
        public var forwards: Bool
        /// Whom to ask, in this order; empty: the host's name servers.
        public var servers: [String]

        /// Describes a service.
        public init(container: String, forwards: Bool, servers: [String]) {
            self.container = container
            self.forwards = forwards
            self.servers = servers
        }
    }

    /// Names and addresses.
    public let names = NameTable()
    private let host: HostNetwork
    private let log: NetworkManager.Log
    private let loop = Mutex<DNSLoop?>(nil)

    init(host: HostNetwork, log: @escaping NetworkManager.Log) {
        self.host = host
        self.log = log
    }

    deinit { stop() }

    /// Whether a name server is on a loopback: name servers are asked from the host, whose loopback is not the container's.
    public static func isLoopback(nameServer: String) -> Bool { SocketAddress(nameServer: nameServer)?.isLoopback ?? false }

    /// Answers a container from now on.
    /// - Parameter namespace: the container's.
    /// - Throws: `TimberError.internal`.
    public func serve(_ service: Service, in namespace: NetworkNamespace) async throws {
        try await BlockingPool.shared.run { [self] in
            do {
                let station = try DNSStation.open(in: namespace)
                try running().send(.serve(service, station))
            } catch {
                throw TimberError(.internal, "cannot set up the DNS of container \(service.container.prefix(12))", cause: error)
            }
        }
    }

    /// Changes how a container is answered; nothing happens to one that is not.
    public func update(container: String, forwards: Bool) {
        loop.withLock { $0?.send(.update(container: container, forwards: forwards)) }
    }

    /// Ends answering a container; repeating it does nothing.
    public func stop(container: String) {
        loop.withLock { $0?.send(.stop(container: container)) }
    }

    /// Ends answering.
    func stop() {
        loop.withLock { loop in
            loop?.send(.end)
            loop = nil
        }
    }

    private func running() throws -> DNSLoop {
        try loop.withLock { loop in
            if let loop { return loop }
            let new = try DNSLoop(names: names, log: log)
            try new.start(in: host)
            loop = new
            return new
        }
    }
}
