internal import Errors

/// Which proxy to go through, by the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in either case.
struct ProxySettings: Sendable, Equatable {
    private var secure: WebAddress.Origin?
    private var plain: WebAddress.Origin?
    /// Host names, domains and addresses, lower case, without a leading dot.
    private var exceptions: [String] = []

    init(environment: [String: String]) throws {
        func value(_ name: String) -> String? {
            [name.lowercased(), name].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        func proxy(_ name: String) throws -> WebAddress.Origin? {
            guard let text = value(name) else { return nil }
            do {
                return try WebAddress(text.contains("://") ? text : "http://\(text)").origin
            } catch let error as TimberError {
                throw TimberError(.invalidArgument, "the proxy in the environment variable \(name)", cause: error)
            }
        }
        secure = try proxy("HTTPS_PROXY")
        plain = try proxy("HTTP_PROXY")
        exceptions = (value("NO_PROXY") ?? "").lowercased().split(separator: ",").map { entry in
            let text = entry.filter { $0 != " " }
            return text.hasPrefix(".") ? String(text.dropFirst()) : text
        }
    }

    /// The proxy on the way to a host; nil: none. Never one to this machine itself.
    func proxy(to origin: WebAddress.Origin) -> WebAddress.Origin? {
        guard let proxy = origin.isSecure ? secure : plain else { return nil }
        if RegistryName(name: origin.host).isLoopback { return nil }
        let isException = exceptions.contains { entry in
            entry == "*" || entry == origin.host || entry == "\(origin.host):\(origin.port)" || origin.host.hasSuffix("." + entry)
        }
        return isException ? nil : proxy
    }
}
