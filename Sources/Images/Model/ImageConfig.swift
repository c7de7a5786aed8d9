internal import Errors
internal import FoundationEssentials
public import Layers

/// An image's config (OCI image-spec, config.md; Docker's has the same shape), decoded.
public struct ImageConfig: Sendable {
    /// `amd64`.
    public let architecture: String
    /// `linux`.
    public let os: String
    /// `v8`.
    public let variant: String?
    /// Who made it.
    public let author: String
    /// RFC 3339, exactly as in the image.
    public let created: String?
    /// How to run it.
    public let config: ContainerConfig
    /// Oldest first.
    public let history: [HistoryEntry]
    /// Lowest first.
    public let diffIDs: [Digest]

    /// Decodes and validates.
    /// - Parameter bytes: the JSON, of bounded size.
    /// - Throws: `TimberError.invalidArgument`.
    init(json bytes: [UInt8]) throws {
        let wire: WireConfig = try decodeJSON(bytes, "image config")
        architecture = wire.architecture ?? ""
        os = wire.os ?? "linux"
        variant = wire.variant
        author = wire.author ?? ""
        created = wire.created
        config = ContainerConfig(wire.config)
        history = (wire.history ?? []).map(HistoryEntry.init)
        if let type = wire.rootfs?.type, type != "layers" {
            throw TimberError(.unsupported, "the image config's rootfs has the unknown type \"\(type)\"")
        }
        diffIDs = try (wire.rootfs?.diffIDs ?? []).map { try Digest($0) }
        if os != "linux" { throw TimberError(.unsupported, "the image is for \(os), only linux images can be used") }
    }
}

/// How the image wants its containers to be run; absent values are empty.
public struct ContainerConfig: Sendable, Equatable {
    /// Name or number, perhaps with `:group`.
    public var user = ""
    /// Where the process starts.
    public var workingDir = ""
    /// `SIGTERM` or a number.
    public var stopSignal: String?
    /// First part of the command.
    public var entrypoint: [String]?
    /// Second part of the command, or all of it.
    public var cmd: [String]?
    /// For shell-form commands.
    public var shell: [String]?
    /// `NAME=value`.
    public var env: [String] = []
    /// Triggers for builds on top of it.
    public var onBuild: [String] = []
    /// `8080/tcp`, sorted.
    public var exposedPorts: [String] = []
    /// `/data`, sorted.
    public var volumes: [String] = []
    /// The image's labels.
    public var labels: [String: String] = [:]
    /// How to see whether it works.
    public var healthcheck: Healthcheck?
    /// Seconds.
    public var stopTimeout: Int?
    /// Only Windows images set it.
    public var argsEscaped = false

    /// An empty one.
    public init() {}
}

/// A health check; durations are nanoseconds, 0 for Docker's default.
public struct Healthcheck: Sendable, Equatable {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    public var test: [String] = []
    /// Between two checks.
    public var interval: Int64 = 0
    /// For one check.
    public var timeout: Int64 = 0
    /// Failures do not count for so long.
    public var startPeriod: Int64 = 0
    /// Between two checks during the start period.
    public var startInterval: Int64 = 0
    /// Failures in a row that make it unhealthy.
    public var retries = 0

    /// An empty one.
    public init() {}
}

/// One step of how the image was made.
public struct HistoryEntry: Sendable, Equatable {
    /// RFC 3339.
    public var created: String?
    /// The command.
    public var createdBy: String
    /// What the builder said.
    public var comment: String
    /// Who.
    public var author: String
    /// Whether the step made no layer.
    public var emptyLayer: Bool
}

// MARK: JSON

struct WireConfig: Decodable {
    var architecture: String?
    var os: String?
    var variant: String?
    var author: String?
    var created: String?
    var config: WireContainerConfig?
    var history: [WireHistory]?
    var rootfs: WireRootFS?
}

struct WireRootFS: Decodable {
    var type: String?
    var diffIDs: [String]?

    enum CodingKeys: String, CodingKey {
        case type
        case diffIDs = "diff_ids"
    }
}

struct WireHistory: Decodable {
    var created: String?
    var createdBy: String?
    var comment: String?
    var author: String?
    var emptyLayer: Bool?

    enum CodingKeys: String, CodingKey {
        case created, comment, author
        case createdBy = "created_by"
        case emptyLayer = "empty_layer"
    }
}

/// A JSON object of which only the keys matter.
struct WireKeys: Decodable {
    var keys: [String]

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
    }
}

/// A JSON array of strings, or one string: old images have both.
struct WireStrings: Decodable {
    var strings: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let string = try? container.decode(String.self) {
            strings = [string]
        } else {
            strings = try container.decode([String].self)
        }
    }
}

struct WireContainerConfig: Decodable {
    var User: String?
    var WorkingDir: String?
    var StopSignal: String?
    var Entrypoint: WireStrings?
    var Cmd: WireStrings?
    var Shell: [String]?
    var Env: [String]?
    var OnBuild: [String]?
    var ExposedPorts: WireKeys?
    var Volumes: WireKeys?
    var Labels: [String: String]?
    var Healthcheck: WireHealthcheck?
    var StopTimeout: Int?
    var ArgsEscaped: Bool?
}

struct WireHealthcheck: Decodable {
    var Test: [String]?
    var Interval: Int64?
    var Timeout: Int64?
    var StartPeriod: Int64?
    var StartInterval: Int64?
    var Retries: Int?
}

extension ContainerConfig {
    init(_ wire: WireContainerConfig?) {
        self.init()
        guard let wire else { return }
        user = wire.User ?? ""
        workingDir = wire.WorkingDir ?? ""
        stopSignal = wire.StopSignal.flatMap { $0.isEmpty ? nil : $0 }
        entrypoint = wire.Entrypoint?.strings
        cmd = wire.Cmd?.strings
        shell = wire.Shell
        env = wire.Env ?? []
        onBuild = wire.OnBuild ?? []
        exposedPorts = wire.ExposedPorts?.keys ?? []
        volumes = wire.Volumes?.keys ?? []
        labels = wire.Labels ?? [:]
        healthcheck = wire.Healthcheck.map {
            var check = Images.Healthcheck()
            check.test = $0.Test ?? []
            check.interval = $0.Interval ?? 0
            check.timeout = $0.Timeout ?? 0
            check.startPeriod = $0.StartPeriod ?? 0
            check.startInterval = $0.StartInterval ?? 0
            check.retries = $0.Retries ?? 0
            return check
        }
        stopTimeout = wire.StopTimeout
        argsEscaped = wire.ArgsEscaped ?? false
    }
}

extension HistoryEntry {
    init(_ wire: WireHistory) {
        self.init(
            created: wire.created, createdBy: wire.createdBy ?? "", comment: wire.comment ?? "", author: wire.author ?? "",
            emptyLayer: wire.emptyLayer ?? false)
    }
}

/// Decodes JSON that came with an image.
/// - Parameter what: names the document in the error.
/// - Throws: `TimberError.invalidArgument` that says where the document is wrong.
func decodeJSON<Value: Decodable>(_ bytes: [UInt8], _ what: String) throws -> Value {
    do {
        return try JSONDecoder().decode(Value.self, from: Data(bytes))
    } catch let error as DecodingError {
        throw TimberError(.invalidArgument, "\(what): \(reason(error))")
    }
}

private func reason(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return path.isEmpty ? "" : " at \(path)"
    }
    return switch error {
    case .dataCorrupted(let context): context.codingPath.isEmpty ? "not valid JSON" : "invalid value\(place(context))"
    case .keyNotFound(let key, let context): "\"\(key.stringValue)\" is missing\(place(context))"
    case .typeMismatch(_, let context): "unexpected type\(place(context))"
    case .valueNotFound(_, let context): "unexpected null\(place(context))"
    @unknown default: "cannot be decoded"
    }
}
