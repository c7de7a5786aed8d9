internal import DockerAPI

/// Ports in one line: `0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp, 443/tcp`.
enum PortList {
    private struct Group {
        var first: UInt16
        var last: UInt16
    }

    /// Neighbouring ports that are published alike become a range.
    static func text(_ ports: [Port]) -> String {
        let sorted = ports.sorted { ($0.privatePort, $0.ip, $0.publicPort, $0.type) < ($1.privatePort, $1.ip, $1.publicPort, $1.type) }
        var groups: [String: Group] = [:]
        var order: [String] = []
        var single: [String] = []
        var finished: [String] = []
        for port in sorted {
            let current = port.privatePort
            var key = port.type
            if !port.ip.isEmpty {
                if port.publicPort != current {
                    single.append("\(address(port.ip)):\(port.publicPort)->\(current)/\(port.type)")
                    continue
                }
                key = "\(port.ip)/\(port.type)"
            }
            if let group = groups[key] {
                if current == group.last &+ 1 || current == group.last {
                    groups[key]?.last = current
                    continue
                }
                finished.append(text(key, group))
            } else {
                order.append(key)
            }
            groups[key] = Group(first: current, last: current)
        }
        for key in order {
            if let group = groups[key] { finished.append(text(key, group)) }
        }
        return (finished + single).joined(separator: ", ")
    }

    private static func text(_ key: String, _ group: Group) -> String {
        let parts = key.split(separator: "/").map(String.init)
        let range = group.first == group.last ? "\(group.first)" : "\(group.first)-\(group.last)"
        guard parts.count > 1 else { return "\(range)/\(parts.first ?? "tcp")" }
        return "\(address(parts[0])):\(range)->\(range)/\(parts[1])"
    }

    private static func address(_ ip: String) -> String { ip.contains(":") ? "[\(ip)]" : ip }
}
