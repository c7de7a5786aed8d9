internal import DockerAPI
internal import Errors
internal import Glibc

/// Names and addresses of a request that would otherwise be found wrong at the start, or inside the container.
enum NameValidation {
    /// What sethostname(2) takes.
    private static let longestHostName = 64

    static func check(_ config: ContainerConfig) throws {
        for (option, name) in [("host name", config.hostname), ("domain name", config.domainname)] {
            guard name.utf8.count <= longestHostName, isOneLine(name) else {
                throw TimberError(
                    .invalidArgument,
                    "invalid \(option) \(name.prefix(100).debugDescription): it is one line of at most \(longestHostName) bytes")
            }
        }
        try check(environment: config.env)
        for port in config.exposedPorts.sorted() {
            guard let range = PortRange(port), range.ports.count == 1 else {
                throw TimberError(.invalidArgument, "invalid exposed port \(port.prefix(100).debugDescription): expected a port, as 80/tcp")
            }
        }
    }

    static func check(environment: [String]) throws {
        for variable in environment where variable.isEmpty || variable.hasPrefix("=") {
            throw TimberError(.invalidArgument, "invalid environment variable: \(variable.prefix(100).debugDescription) has no name")
        }
    }

    /// What becomes lines of /etc/resolv.conf.
    static func checkResolver(_ host: HostConfig) throws {
        for server in host.dns where !isAddress(server) {
            throw TimberError(.invalidArgument, "invalid name server \(server.prefix(100).debugDescription): expected an IP address")
        }
        for (option, words) in [("dns-search", host.dnsSearch), ("dns-option", host.dnsOptions)] {
            for word in words where word.isEmpty || !word.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) {
                throw TimberError(.invalidArgument, "invalid --\(option) \(word.prefix(100).debugDescription): expected one word")
            }
        }
    }

    /// Docker's `[rows, columns]`, which are no negative numbers.
    static func check(consoleSize: [Int]) throws {
        guard consoleSize.allSatisfy({ $0 >= 0 }) else {
            throw TimberError(.invalidArgument, "invalid ConsoleSize \(consoleSize): expected rows and columns")
        }
    }

    private static func isOneLine(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    /// IPv4 or IPv6, the latter also with the interface that it is behind.
    private static func isAddress(_ text: String) -> Bool {
        var bytes = in6_addr()
        if inet_pton(AF_INET, text, &bytes) == 1 { return isOneLine(text) }
        let address = text.prefix { $0 != "%" }
        return isOneLine(text) && !text.contains(" ") && inet_pton(AF_INET6, String(address), &bytes) == 1
    }
}
