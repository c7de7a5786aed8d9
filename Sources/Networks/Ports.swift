internal import Errors

/// A transport protocol whose ports can be published.
public enum Transport: String, Sendable, Hashable, Codable, CaseIterable {
    /// TCP.
    case tcp
    /// UDP.
    case udp

    /// Reads a protocol's name.
    /// - Throws: `TimberError.unsupported` for sctp, `.invalidArgument` for anything else unknown.
    public init(parsing text: String) throws {
        if let transport = Transport(rawValue: text.lowercased()) {
            self = transport
        } else if text.lowercased() == "sctp" {
            throw TimberError(.unsupported, "publishing sctp ports is not supported, only tcp and udp are")
        } else {
            throw TimberError(.invalidArgument, "unknown port protocol \"\(text)\", use tcp or udp")
        }
    }

    /// The IP protocol number.
    var number: UInt8 { self == .tcp ? 6 : 17 }
}

/// A port to publish, as asked for.
public struct PortBinding: Sendable, Hashable {
    /// The port inside the container, at least 1.
    public var containerPort: UInt16
    /// Its protocol.
    public var transport: Transport
    /// The host's address; nil for all of them, of each family that the container has.
    public var hostAddress: HostAddress?
    /// The host's port: nil for an ephemeral one; of several the first that is free.
    public var hostPorts: ClosedRange<UInt16>?

    /// Makes a binding.
    public init(
        containerPort: UInt16, transport: Transport = .tcp, hostAddress: HostAddress? = nil, hostPorts: ClosedRange<UInt16>? = nil
    ) {
        self.containerPort = containerPort
        self.transport = transport
        self.hostAddress = hostAddress
        self.hostPorts = hostPorts
    }

    /// Reads Docker's spelling (`HostConfig.PortBindings`).
    /// - Parameters:
    ///   - containerPort: `80/tcp`, or `80` for tcp.
    ///   - hostIP: empty for every address, `0.0.0.0` or `::` for every one of a family, or an address of the host.
    ///   - hostPort: empty or `0` for an ephemeral port, `8080`, or `8000-8010` for the first that is free.
    /// - Throws: `TimberError.invalidArgument`, or `.unsupported` for `::1` and sctp.
    public init(containerPort: String, hostIP: String, hostPort: String) throws {
        let parts = containerPort.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        transport = try Transport(parsing: parts.count == 2 ? String(parts[1]) : "tcp")
        guard let number = UInt16(decimal: parts[0].utf8), number > 0 else {
            throw TimberError(.invalidArgument, "container port \"\(containerPort)\" is not a port from 1 to 65535 such as 80/tcp")
        }
        self.containerPort = number
        hostAddress = try Self.address(hostIP, containerPort: containerPort)
        hostPorts = try Self.ports(hostPort, containerPort: containerPort)
    }

    private static func address(_ text: String, containerPort: String) throws -> HostAddress? {
        if text.isEmpty { return nil }
        guard let address = HostAddress(text) else {
            throw TimberError(.invalidArgument, "cannot publish port \(containerPort) on \"\(text.prefix(50))\": that is not an IP address")
        }
        guard address.bytes != IPv6Address(bits: 1).bytes else {
            throw TimberError(
                .unsupported, "cannot publish port \(containerPort) on ::1, as nothing can be sent on from there: publish it on 127.0.0.1")
        }
        return address
    }

    private static func ports(_ text: String, containerPort: String) throws -> ClosedRange<UInt16>? {
        if text.isEmpty || text == "0" { return nil }
        let ends = text.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = ends.first.flatMap({ UInt16(decimal: $0) }), let last = ends.last.flatMap({ UInt16(decimal: $0) }), first > 0
        else {
            throw TimberError(
                .invalidArgument, "host port \"\(text)\" for container port \(containerPort) is not a port from 1 to 65535 such as 8080")
        }
        guard first <= last else {
            throw TimberError(.invalidArgument, "host port range \"\(text)\" for container port \(containerPort) ends before it starts")
        }
        return first...last
    }
}

/// A port as it is published.
public struct PublishedPort: Sendable, Hashable, Codable {
    /// The protocol.
    public let transport: Transport
    /// The host's address; 0.0.0.0 or `::` for all of a family.
    public let hostAddress: HostAddress
    /// The host's port.
    public let hostPort: UInt16
    /// The container's port.
    public let containerPort: UInt16

    /// Makes one; for tests and for what was stored.
    public init(transport: Transport, hostAddress: HostAddress, hostPort: UInt16, containerPort: UInt16) {
        self.transport = transport
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.containerPort = containerPort
    }

    /// Whether both cannot be published at once.
    func collides(with other: PublishedPort) -> Bool {
        transport == other.transport && hostPort == other.hostPort && hostAddress.family == other.hostAddress.family
            && (hostAddress == other.hostAddress || hostAddress.isAny || other.hostAddress.isAny)
    }
}
