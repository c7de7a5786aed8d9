internal import FoundationEssentials
internal import Layers

/// An image's config as Timber writes it (OCI image-spec, config.md, with the fields that Docker adds).
struct SavedImageConfig: Encodable {
    private struct Empty: Encodable {}

    private struct RootFS: Encodable {
        var type = "layers"
        var diff_ids: [String]
    }

    private struct Step: Encodable {
        var created: String?
        var created_by: String?
        var comment: String?
        var author: String?
        var empty_layer: Bool?

        init(_ entry: HistoryEntry) {
            created = entry.created
            created_by = entry.createdBy.nonEmpty
            comment = entry.comment.nonEmpty
            author = entry.author.nonEmpty
            empty_layer = entry.emptyLayer ? true : nil
        }
    }

    private struct Health: Encodable {
        var Test: [String]
        var Interval: Int64?
        var Timeout: Int64?
        var StartPeriod: Int64?
        var StartInterval: Int64?
        var Retries: Int?

        init(_ check: Healthcheck) {
            Test = check.test
            Interval = check.interval == 0 ? nil : check.interval
            Timeout = check.timeout == 0 ? nil : check.timeout
            StartPeriod = check.startPeriod == 0 ? nil : check.startPeriod
            StartInterval = check.startInterval == 0 ? nil : check.startInterval
            Retries = check.retries == 0 ? nil : check.retries
        }
    }

    private struct Config: Encodable {
        var User: String?
        var WorkingDir: String?
        var StopSignal: String?
        var Entrypoint: [String]?
        var Cmd: [String]?
        var Shell: [String]?
        var Env: [String]?
        var OnBuild: [String]?
        var ExposedPorts: [String: Empty]?
        var Volumes: [String: Empty]?
        var Labels: [String: String]?
        var Healthcheck: Health?
        var StopTimeout: Int?

        init(_ config: ContainerConfig) {
            User = config.user.nonEmpty
            WorkingDir = config.workingDir.nonEmpty
            StopSignal = config.stopSignal?.nonEmpty
            Entrypoint = config.entrypoint
            Cmd = config.cmd
            Shell = config.shell
            Env = config.env.isEmpty ? nil : config.env
            OnBuild = config.onBuild.isEmpty ? nil : config.onBuild
            ExposedPorts = Self.keys(config.exposedPorts)
            Volumes = Self.keys(config.volumes)
            Labels = config.labels.isEmpty ? nil : config.labels
            Healthcheck = config.healthcheck.map(Health.init)
            StopTimeout = config.stopTimeout
        }

        private static func keys(_ names: [String]) -> [String: Empty]? {
            names.isEmpty ? nil : Dictionary(names.map { ($0, Empty()) }, uniquingKeysWith: { $1 })
        }
    }

    private var architecture: String
    private var variant: String?
    private var os = "linux"
    private var author: String?
    private var created: String
    private var container: String?
    private var config: Config
    private var history: [Step]
    private var rootfs: RootFS

    /// The parent's layers and history with one step more.
    init(_ new: NewImage) {
        architecture = new.architecture
        variant = new.variant
        author = new.author.nonEmpty
        created = new.created
        container = new.container
        config = Config(new.config)
        let step = HistoryEntry(
            created: new.created, createdBy: new.createdBy, comment: new.comment, author: new.author, emptyLayer: new.layer == nil)
        history = ((new.parent?.config.history ?? []) + [step]).map(Step.init)
        rootfs = RootFS(diff_ids: ((new.parent?.config.diffIDs ?? []) + (new.layer.map { [$0.diffID] } ?? [])).map(\.description))
    }

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
