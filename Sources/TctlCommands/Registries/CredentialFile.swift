internal import DockerAPI
internal import Glibc
internal import LinuxKernel

/// Docker's `config.json`: who we are to which registry, or which helper knows. Everything else in it stays as it is.
struct CredentialFile {
    private let path: String
    private var document: JSONValue

    /// Reads `$DOCKER_CONFIG/config.json`, otherwise the one in `~/.docker`; a missing one is empty.
    /// - Throws: `CommandFailure`.
    init() throws {
        let directory = Self.variable("DOCKER_CONFIG") ?? "\(Self.variable("HOME") ?? "/root")/.docker"
        path = "\(directory)/config.json"
        guard access(path, F_OK) == 0 else {
            document = .object([])
            return
        }
        do {
            document = try JSONValue(parsing: try Files.read(path, limit: 4 << 20))
        } catch let error as JSONSyntaxError {
            throw CommandFailure("\(Printable(path)) is \(error): mend it, or log in with another DOCKER_CONFIG")
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The program that keeps a registry's password; nil: this file does.
    func helper(_ key: String) -> CredentialHelper? {
        let name = document["credHelpers"]?[key]?.text ?? document["credsStore"]?.text ?? ""
        return name.isEmpty ? nil : CredentialHelper(name: name)
    }

    /// Who we are to a registry; nil: nobody.
    /// - Throws: `CommandFailure` when its helper fails.
    func credentials(_ key: String) throws -> AuthConfig? {
        var found = AuthConfig()
        found.serveraddress = key
        if let helper = helper(key) {
            guard let (user, secret) = try helper.get(key) else { return nil }
            // A helper's word for a refresh token.
            if user == "<token>" {
                found.identitytoken = secret
            } else {
                (found.username, found.password) = (user, secret)
            }
            return found
        }
        guard let entry = document["auths"]?[key] else { return nil }
        found.auth = entry["auth"]?.text ?? ""
        found.identitytoken = entry["identitytoken"]?.text ?? ""
        return found.auth.isEmpty && found.identitytoken.isEmpty ? nil : found
    }

    /// The value of `X-Registry-Auth` for a request about an image; nil: nobody is logged in.
    static func header(image: String) throws -> String? {
        try CredentialFile().credentials(RegistryKey.of(image: image))?.header
    }

    /// Keeps a password.
    mutating func store(_ key: String, user: String, password: String) throws {
        if let helper = helper(key) { return try helper.store(key, user: user, secret: password) }
        let auth = Base64.encode(Array("\(user):\(password)".utf8))
        try setEntry(key, .object([JSONMember(key: "auth", value: .string(auth))]))
    }

    /// Forgets a password.
    /// - Returns: whether there was one.
    mutating func erase(_ key: String) throws -> Bool {
        if let helper = helper(key) {
            let was = try helper.get(key) != nil
            try helper.erase(key)
            return was
        }
        guard document["auths"]?[key] != nil else { return false }
        try setEntry(key, nil)
        return true
    }

    private mutating func setEntry(_ key: String, _ value: JSONValue?) throws {
        let auths = (document["auths"] ?? .object([])).setting(key, value)
        document = document.setting("auths", auths)
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        do {
            try LinuxKernel.Files.makeDirectories(directory, mode: 0o700)
            // Whole or not at all, and readable for nobody else.
            let temporary = "\(path).\(getpid())"
            try LinuxKernel.Files.write(Array((document.pretty(indent: "\t") + "\n").utf8), to: temporary, mode: 0o600)
            try retrying("rename", path) { rename(temporary, path) }
        } catch let error as SystemError {
            throw CommandFailure("\(Printable(path)) cannot be written: \(error.reason)")
        }
    }
}

extension JSONValue {
    /// An object with another member, or without it.
    fileprivate func setting(_ key: String, _ value: JSONValue?) -> JSONValue {
        var result = members.filter { $0.key != key }
        if let value { result.append(JSONMember(key: key, value: value)) }
        return .object(result)
    }
}
