internal import ArgumentParser
internal import DockerAPI

/// `port`: where a container's ports are published.
struct PortCommand: TctlCommand {
    static let configuration = CommandConfiguration(
        commandName: "port",
        abstract: "Print the published ports of a container",
        usage: "tctl port CONTAINER [PRIVATE_PORT[/PROTOCOL]]",
        discussion: """
            Examples:
              tctl port web
              tctl port web 8080
            """
    )
    static let shape = CommandShape(switches: [], arguments: .atLeast(1))

    @Argument(help: "Name or id of a container", completion: .containers)
    var container: String
    @Argument(help: "One of its ports")
    var port: String?

    func run(in session: Session) throws {
        let ports = try ContainerLookup.inspect(container, session: session).networkSettings.ports
        guard let port else { return try Console.print(PortCommand.lines(ports).joined()) }
        let key = port.contains("/") ? port.lowercased() : port + "/tcp"
        guard let bindings = ports[key], !bindings.isEmpty else {
            throw CommandFailure(
                "port \(Printable(key)) of \(Printable(container)) is not published; see tctl port \(Printable(container))")
        }
        try Console.print(bindings.map { PortCommand.text($0) + "\n" }.joined())
    }

    /// All published ports, by number and protocol.
    static func lines(_ ports: PortMap) -> [String] {
        let order = ports.keys.sorted { left, right in
            let (first, second) = (number(left), number(right))
            return first == second ? left < right : first < second
        }
        return order.flatMap { key in (ports[key] ?? []).map { "\(key) -> \(text($0))\n" } }
    }

    private static func number(_ key: String) -> Int { Int(key.prefix { $0.isASCII && $0.isNumber }) ?? 0 }

    private static func text(_ binding: PortBinding) -> String {
        "\(binding.hostIP.contains(":") ? "[\(binding.hostIP)]" : binding.hostIP):\(binding.hostPort)"
    }
}
