internal import DockerAPI

/// `-p [[IP:][HOST]:]CONTAINER[/PROTOCOL]` with ranges, and `--expose`.
enum PortSpec {
    /// One container port and where it is published.
    struct Mapping: Equatable {
        /// As `80/tcp`.
        let port: String
        /// Address and port of the host; empty strings: any.
        let binding: PortBinding
    }

    private struct Range {
        let first: UInt16
        let last: UInt16
        var count: Int { Int(last) - Int(first) + 1 }
    }

    /// Reads one `-p`.
    /// - Throws: `CommandFailure` (125) that says what is wrong.
    static func publish(_ text: String) throws -> [Mapping] {
        let spec = text.contains("=") ? try short(ofLong: text) : text
        func fail(_ reason: String) -> CommandFailure {
            CommandFailure("invalid -p \(Printable(text)): \(reason)", status: 125)
        }
        let (address, host, rest) = split(spec)
        let (container, proto) = try splitProtocol(rest, fail)
        guard !container.isEmpty else { throw fail("no container port") }
        let ports = try range(container, fail)
        if ports.first == 0 { throw fail("container ports are 1 to 65535") }
        let ip = try self.address(address, fail)
        guard !host.isEmpty else {
            return (ports.first...ports.last).map { Mapping(port: "\($0)/\(proto)", binding: PortBinding(hostIP: ip)) }
        }
        let hosts = try range(host, fail)
        if hosts.count != ports.count {
            // One container port and a range of the host: any free one of the range.
            guard ports.count == 1 else {
                throw fail("the host's range has \(hosts.count) ports and the container's \(ports.count): they must be equally long")
            }
            return [Mapping(port: "\(ports.first)/\(proto)", binding: PortBinding(hostIP: ip, hostPort: "\(hosts.first)-\(hosts.last)"))]
        }
        return (0..<ports.count).map { offset in
            Mapping(
                port: "\(Int(ports.first) + offset)/\(proto)",
                binding: PortBinding(hostIP: ip, hostPort: "\(Int(hosts.first) + offset)"))
        }
    }

    /// Reads one `--expose`: `80`, `53/udp`, `3000-3010`.
    static func expose(_ text: String) throws -> [String] {
        func fail(_ reason: String) -> CommandFailure {
            CommandFailure("invalid --expose \(Printable(text)): \(reason)", status: 125)
        }
        if text.contains(":") { throw fail("only container ports can be exposed; publish with -p") }
        let (container, proto) = try splitProtocol(text, fail)
        let ports = try range(container, fail)
        return (ports.first...ports.last).map { "\($0)/\(proto)" }
    }

    /// `target=80,published=8080,protocol=tcp` as `8080:80/tcp`.
    private static func short(ofLong text: String) throws -> String {
        var fields: [String: String] = [:]
        for field in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, ["target", "published", "protocol", "mode"].contains(parts[0]) else {
                throw CommandFailure(
                    "invalid -p \(Printable(text)): \(Printable(String(field))) is not target=, published= or protocol=", status: 125)
            }
            fields[String(parts[0])] = String(parts[1])
        }
        return "\(fields["published"] ?? ""):\(fields["target"] ?? "")/\(fields["protocol"] ?? "tcp")"
    }

    /// Splits from the right: the address may have colons of its own.
    private static func split(_ text: String) -> (address: String, host: String, container: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return ("", "", parts[0])
        case 2: return ("", parts[0], parts[1])
        default: return (parts[..<(parts.count - 2)].joined(separator: ":"), parts[parts.count - 2], parts[parts.count - 1])
        }
    }

    private static func splitProtocol(_ text: String, _ fail: (String) -> CommandFailure) throws -> (port: String, proto: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { throw fail("more than one /") }
        let proto = parts.count == 2 && !parts[1].isEmpty ? parts[1].lowercased() : "tcp"
        guard ["tcp", "udp", "sctp"].contains(proto) else { throw fail("\(Printable(proto)) is not tcp, udp or sctp") }
        return (parts[0], proto)
    }

    private static func range(_ text: String, _ fail: (String) -> CommandFailure) throws -> Range {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let ports = parts.compactMap { $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? UInt16($0) : nil }
        guard ports.count == parts.count, let first = ports.first, let last = ports.last else {
            throw fail("\(Printable(text)) is not a port (1 to 65535) or a range of ports")
        }
        guard first <= last else { throw fail("the range \(text) ends before it begins") }
        return Range(first: first, last: last)
    }

    private static func address(_ text: String, _ fail: (String) -> CommandFailure) throws -> String {
        var address = Substring(text)
        if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
        guard address.isEmpty || IPAddress.isValid(String(address)) else {
            throw fail("\(Printable(String(address))) is not an address of the host; write an IPv4 address, or an IPv6 address in brackets")
        }
        return String(address)
    }
}
