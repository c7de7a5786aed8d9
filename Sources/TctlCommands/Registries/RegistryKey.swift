/// Under which name `config.json` keeps what is needed for a registry.
enum RegistryKey {
    /// Docker's own registry has an address for a name there.
    static let dockerHub = "https://index.docker.io/v1/"

    /// Of the registry that an image comes from.
    static func of(image: String) -> String {
        guard let slash = image.firstIndex(of: "/") else { return dockerHub }
        let first = String(image[..<slash])
        return first.contains(".") || first.contains(":") || first == "localhost" || first.contains(where: \.isUppercase)
            ? of(registry: first) : dockerHub
    }

    /// Of a registry that a person named; nil: Docker's own.
    static func of(registry: String?) -> String {
        guard let registry else { return dockerHub }
        var rest = Substring(registry)
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let host = String(rest.prefix { $0 != "/" })
        return ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(host) ? dockerHub : host
    }
}
