internal import DockerAPI
internal import Networks

/// A snapshot in Docker's shapes.
enum InspectMapping {
    static func ports(_ snapshot: Snapshot) -> [DockerAPI.Port] {
        var result = snapshot.ports.map {
            DockerAPI.Port(ip: "\($0.hostAddress)", privatePort: $0.containerPort, publicPort: $0.hostPort, type: $0.transport.rawValue)
        }
        guard snapshot.lifecycle.run != nil else { return result }
        for exposed in snapshot.definition.config.exposedPorts.sorted() {
            let parts = exposed.split(separator: "/").map(String.init)
            guard let number = parts.first.flatMap({ UInt16($0) }) else { continue }
            let type = parts.count > 1 ? parts[1] : "tcp"
            if !result.contains(where: { $0.privatePort == number && $0.type == type }) {
                result.append(DockerAPI.Port(privatePort: number, type: type))
            }
        }
        return result
    }

    static func portMap(_ snapshot: Snapshot) -> PortMap {
        var map: PortMap = [:]
        guard snapshot.lifecycle.run != nil else { return map }
        for exposed in snapshot.definition.config.exposedPorts { map[exposed] = [] }
        for port in snapshot.ports {
            map["\(port.containerPort)/\(port.transport.rawValue)", default: []].append(
                DockerAPI.PortBinding(hostIP: "\(port.hostAddress)", hostPort: "\(port.hostPort)"))
        }
        return map
    }

    static func networks(_ snapshot: Snapshot) -> [String: EndpointSettings] {
        switch snapshot.definition.network {
        case .container: return [:]
        case .host, .none:
            var settings = EndpointSettings()
            settings.networkID = NetworkID.of(snapshot.definition.network.word)
            return [snapshot.definition.network.word: settings]
        case .bridge, .user:
            return Dictionary(snapshot.definition.memberships.map { ($0.name, settings($0, snapshot)) }, uniquingKeysWith: { $1 })
        }
    }

    private static func settings(_ membership: Membership, _ snapshot: Snapshot) -> EndpointSettings {
        var settings = EndpointSettings()
        settings.networkID = membership.network
        settings.aliases = membership.aliases
        settings.links = membership.links
        settings.gwPriority = membership.gatewayPriority
        let addresses = EndpointIPAMConfig(
            ipv4Address: membership.address.map { "\($0)" } ?? "", ipv6Address: membership.ipv6Address.map { "\($0)" } ?? "")
        if addresses != EndpointIPAMConfig() { settings.ipamConfig = addresses }
        if let mac = membership.mac { settings.macAddress = "\(mac)" }
        if membership.network != BuiltInNetwork.bridge.id { settings.dnsNames = names(membership, snapshot) }
        guard let endpoint = snapshot.endpoints.first(where: { $0.network == membership.network }) else { return settings }
        settings.endpointID = endpoint.endpointID
        settings.gateway = endpoint.gateway.map { "\($0)" } ?? ""
        settings.ipAddress = "\(endpoint.address)"
        settings.ipPrefixLen = Int(endpoint.prefixLength)
        if let ipv6 = endpoint.ipv6 {
            settings.globalIPv6Address = "\(ipv6.address)"
            settings.globalIPv6PrefixLen = Int64(ipv6.prefixLength)
            settings.ipv6Gateway = ipv6.gateway.map { "\($0)" } ?? ""
        }
        settings.macAddress = "\(endpoint.mac)"
        return settings
    }

    /// What other containers of a network find this one by.
    static func names(_ membership: Membership, _ snapshot: Snapshot) -> [String] {
        var names: [String] = []
        let hostname = snapshot.definition.config.hostname
        for name in [snapshot.name] + membership.aliases + [String(snapshot.id.prefix(12)), hostname]
        where !name.isEmpty && !names.contains(name) {
            names.append(name)
        }
        return names
    }

    static func networkSettings(_ snapshot: Snapshot) -> NetworkSettings {
        var settings = NetworkSettings()
        settings.ports = portMap(snapshot)
        settings.networks = networks(snapshot)
        if !snapshot.endpoints.isEmpty { settings.sandboxID = snapshot.id }
        if let endpoint = snapshot.endpoints.first(where: { $0.network == BuiltInNetwork.bridge.id }) {
            settings.endpointID = endpoint.endpointID
            settings.gateway = endpoint.gateway.map { "\($0)" } ?? ""
            settings.ipAddress = "\(endpoint.address)"
            settings.ipPrefixLen = Int(endpoint.prefixLength)
            settings.macAddress = "\(endpoint.mac)"
        }
        return settings
    }

    static func mounts(_ snapshot: Snapshot, _ volumes: VolumeStore) -> [MountPoint] {
        snapshot.definition.mounts.map { mount in
            var point = MountPoint()
            point.type = mount.kind.rawValue
            point.destination = mount.destination
            point.mode = mount.mode
            point.rw = !mount.readOnly
            switch mount.kind {
            case .bind:
                point.source = mount.source
                point.propagation = mount.propagation.isEmpty ? "rprivate" : mount.propagation
            case .volume:
                point.name = mount.volume
                point.source = volumes.path(mount.volume)
                point.driver = "local"
            case .tmpfs:
                break
            }
            return point
        }
    }

    static func state(_ snapshot: Snapshot) -> ContainerState {
        let lifecycle = snapshot.lifecycle
        var state = ContainerState()
        state.status = lifecycle.status
        state.health = snapshot.health?.wire
        // As in Docker, a container that restarts counts as one that runs.
        state.running = lifecycle.isUp
        state.restarting = lifecycle.isRestarting
        state.paused = lifecycle.run?.paused ?? false
        state.pid = Int(lifecycle.run?.pid ?? 0)
        if let started = lifecycle.startedAt { state.startedAt = started.rfc3339 }
        if let exit = lifecycle.lastExit {
            state.finishedAt = exit.finishedAt.rfc3339
            if lifecycle.run == nil {
                state.exitCode = Int(exit.code)
                state.oomKilled = exit.outOfMemory
                state.error = exit.error
            }
        }
        return state
    }
}

/// The built-in networks have ids that never change.
enum NetworkID {
    private static let builtin = Dictionary(uniqueKeysWithValues: ["bridge", "none", "host"].map { ($0, make($0)) })

    static func of(_ name: String) -> String { builtin[name] ?? make(name) }

    private static func make(_ name: String) -> String {
        let digits = name.utf8.map { byte in String(byte, radix: 16) }.joined()
        return (digits + String(repeating: "0", count: 64)).prefix(64).description
    }
}
