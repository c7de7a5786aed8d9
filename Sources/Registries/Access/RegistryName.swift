/// A registry as image names have it: `docker.io`, `localhost:5000`, `[::1]:5000`.
struct RegistryName: Hashable, Sendable {
    let name: String

    static let dockerHub = RegistryName(name: "docker.io")

    /// Who answers for it: Docker's own registry has another name than its images.
    var authority: String { self == .dockerHub ? "registry-1.docker.io" : name }

    /// The name without the port.
    var host: String {
        if name.hasPrefix("["), let close = name.firstIndex(of: "]") { return String(name[...close]) }
        return name.firstIndex(of: ":").map { String(name[..<$0]) } ?? name
    }

    /// On this machine: nobody in between can listen or answer instead, so plain HTTP will do.
    var isLoopback: Bool {
        host == "localhost" || host == "[::1]"
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) })
    }

    /// Who gives out tokens for it besides itself.
    var knownTokenServers: Set<String> { self == .dockerHub ? ["auth.docker.io"] : [] }
}
