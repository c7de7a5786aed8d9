internal import Errors
internal import FoundationEssentials
internal import LinuxKernel

/// How to reach registries: `registries.json`.
///
///     {
///       "insecure": ["10.0.0.5:5000"],
///       "mirrors": {"docker.io": ["https://mirror.example.com"]},
///       "token-servers": {"registry.example.com": ["login.example.com"]},
///       "certificates": "/etc/timber/certs.d"
///     }
public struct RegistryConfiguration: Sendable, Equatable {
    /// Registries, as image names name them, whose certificate is not verified and that may speak plain HTTP.
    public var insecure: Set<String> = []
    /// Who to ask before a registry itself, in this order, by the registry's name.
    public var mirrors: [String: [String]] = [:]
    /// Other hosts that may see the password of a registry's user, because they give out its tokens.
    public var tokenServers: [String: Set<String>] = [:]
    /// Directories by registry, `host:port`: `*.crt` authorities, `NAME.cert` and `NAME.key` of ours.
    public var certificates = "/etc/timber/certs.d"

    /// Everything as it comes.
    public init() {}

    private struct Wire: Decodable {
        var insecure: [String]?
        var mirrors: [String: [String]]?
        var tokenServers: [String: [String]]?
        var certificates: String?

        enum Key: String, CodingKey, CaseIterable {
            case insecure, mirrors, certificates
            case tokenServers = "token-servers"
        }

        private struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let known = Key.allCases.map(\.rawValue)
            for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
                throw TimberError(.invalidArgument, "unknown key \"\(key.stringValue)\": the keys are \(known.joined(separator: ", "))")
            }
            let container = try decoder.container(keyedBy: Key.self)
            insecure = try container.decodeIfPresent([String].self, forKey: .insecure)
            mirrors = try container.decodeIfPresent([String: [String]].self, forKey: .mirrors)
            tokenServers = try container.decodeIfPresent([String: [String]].self, forKey: .tokenServers)
            certificates = try container.decodeIfPresent(String.self, forKey: .certificates)
        }
    }

    /// Reads a file.
    /// - Throws: `TimberError.invalidArgument` that names the file and the key.
    public static func read(_ path: String) throws -> RegistryConfiguration {
        let bytes: [UInt8]
        do {
            bytes = try Files.read(path)
        } catch let error as SystemError {
            throw TimberError(.invalidArgument, "cannot read the registries' configuration", cause: error)
        }
        do {
            return try RegistryConfiguration(json: bytes)
        } catch let error as TimberError {
            throw TimberError(error.code, "the registries' configuration \(path)", cause: error)
        }
    }

    init(json bytes: [UInt8]) throws {
        let decoder = JSONDecoder()
        let wire: Wire
        do {
            wire = try decoder.decode(Wire.self, from: Data(bytes))
        } catch DecodingError.typeMismatch(_, let context) {
            let key = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw TimberError(.invalidArgument, "the value of \"\(key)\" has the wrong type")
        } catch let error as DecodingError {
            throw TimberError(.invalidArgument, "not JSON", cause: error)
        }
        insecure = Set(wire.insecure ?? [])
        mirrors = wire.mirrors ?? [:]
        for mirror in mirrors.values.joined() {
            let address = try WebAddress(mirror)
            if address.target != "/" { throw TimberError(.invalidArgument, "the mirror \"\(mirror)\" has a path: give the host alone") }
        }
        tokenServers = (wire.tokenServers ?? [:]).mapValues(Set.init)
        if let certificates = wire.certificates {
            guard certificates.hasPrefix("/") else {
                throw TimberError(.invalidArgument, "the value of \"certificates\" must be an absolute path, it is \"\(certificates)\"")
            }
            self.certificates = certificates
        }
    }
}
