/// Builds image archives from layers that are tars in memory.
public struct ArchiveBuilder: Sendable {
    /// One image of the archive.
    public struct Image {
        /// Lowest first, uncompressed.
        public var layers: [[UInt8]]
        /// `RepoTags`.
        public var names: [String]
        /// What the config says of the layers; computed by `digest` when nil.
        public var diffIDs: [String]?
        /// The `config` object as JSON.
        public var config: String
        /// The `architecture` of the config.
        public var architecture: String

        /// Makes an image.
        public init(
            layers: [[UInt8]], names: [String], diffIDs: [String]? = nil, config: String = #"{"Cmd":["/bin/sh"]}"#,
            architecture: String = "amd64"
        ) {
            self.layers = layers
            self.names = names
            self.diffIDs = diffIDs
            self.config = config
            self.architecture = architecture
        }

        func configJSON(_ digest: ([UInt8]) -> String) -> [UInt8] {
            let diffs = (diffIDs ?? layers.map { "sha256:" + digest($0) }).map { "\"\($0)\"" }.joined(separator: ",")
            return Array(
                """
                {"architecture":"\(architecture)","os":"linux","created":"2024-01-02T03:04:05Z","config":\(config),\
                "rootfs":{"type":"layers","diff_ids":[\(diffs)]},"history":[{"created_by":"test"}]}
                """.utf8)
        }
    }

    private let digest: @Sendable ([UInt8]) -> String

    /// Makes a builder.
    /// - Parameter digest: the sha256 of bytes as hexadecimal digits.
    public init(digest: @escaping @Sendable ([UInt8]) -> String) {
        self.digest = digest
    }

    /// The format of `docker save`, `manifest.json` last.
    public func dockerArchive(_ images: [Image]) -> [UInt8] {
        var tar = TarBuilder()
        var entries: [String] = []
        for image in images {
            let config = image.configJSON(digest)
            let configName = digest(config) + ".json"
            tar.file(configName, bytes: config)
            var layers: [String] = []
            for layer in image.layers {
                let name = "\(digest(layer))/layer.tar"
                tar.file(name, bytes: layer)
                layers.append("\"\(name)\"")
            }
            let names = image.names.map { "\"\($0)\"" }.joined(separator: ",")
            entries.append(#"{"Config":"\#(configName)","RepoTags":[\#(names)],"Layers":[\#(layers.joined(separator: ","))]}"#)
        }
        tar.file("manifest.json", "[" + entries.joined(separator: ",") + "]")
        return tar.archive
    }
}
