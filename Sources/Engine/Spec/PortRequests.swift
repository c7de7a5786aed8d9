internal import DockerAPI
internal import Errors
internal import Networks

/// `-p`, `-P` and EXPOSE as bindings.
enum PortRequests {
    /// Checks and flattens the request's port map, so that a bad one is refused at creation.
    /// - Throws: `TimberError.invalidArgument` that names the port.
    static func parse(_ ports: PortMap) throws -> [Definition.PortRequest] {
        var requests: [Definition.PortRequest] = []
        for (container, bindings) in ports.sorted(by: { $0.key < $1.key }) {
            for binding in bindings.isEmpty ? [DockerAPI.PortBinding()] : bindings {
                let request = Definition.PortRequest(container: container, hostIP: binding.hostIP, hostPort: binding.hostPort)
                _ = try Networks.PortBinding(containerPort: request.container, hostIP: request.hostIP, hostPort: request.hostPort)
                requests.append(request)
            }
        }
        return requests
    }

    /// What to publish at this start.
    /// - Parameters:
    ///   - hostAddress: for ports that name none; empty: every address of the host.
    ///   - families: what the container has.
    /// - Throws: `TimberError.invalidArgument` when a port is to be published on an address of another family.
    static func bindings(_ definition: Definition, hostAddress: String, _ families: Set<IPFamily>) throws -> [Networks.PortBinding] {
        var bindings = try definition.ports.map {
            try Networks.PortBinding(
                containerPort: $0.container, hostIP: $0.hostIP.isEmpty ? hostAddress : $0.hostIP, hostPort: $0.hostPort)
        }
        if definition.host.publishAllPorts {
            let named = Set(definition.ports.map(\.container))
            for port in definition.config.exposedPorts.sorted() where !named.contains(port) {
                bindings.append(try Networks.PortBinding(containerPort: port, hostIP: hostAddress, hostPort: ""))
            }
        }
        if families.contains(.ipv6) { return bindings }
        // An IPv6 wildcard says nothing to a container without IPv6: connections are refused at once.
        bindings.removeAll { $0.hostAddress == .ipv6(.any) }
        if let binding = bindings.first(where: { $0.hostAddress?.family == .ipv6 }), let address = binding.hostAddress {
            throw TimberError(
                .invalidArgument,
                "cannot publish port \(binding.containerPort) on \(address): the container has no IPv6 address, put it into a network made with --ipv6"
            )
        }
        return bindings
    }
}
