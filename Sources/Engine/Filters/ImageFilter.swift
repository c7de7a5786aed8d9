internal import Errors
internal import Images

/// `--filter` of image lists and prunes.
struct ImageFilter: Sendable {
    private let values: [String: [String]]
    private let until: Timestamp?
    private let dangling: Bool?
    private let references: [Pattern]
    /// When the images that `before` and `since` name were made: seconds since 1970 and nanoseconds.
    private let before: [(Int64, Int64)]
    private let since: [(Int64, Int64)]

    /// - Parameter image: finds the images that filters name.
    init(_ values: [String: [String]], image: (String) throws -> Image) throws {
        for key in values.keys.sorted() where !["reference", "dangling", "label", "label!", "until", "before", "since"].contains(key) {
            throw TimberError(.invalidArgument, "invalid filter '\(key)'")
        }
        self.values = values
        before = try (values["before"] ?? []).map { Self.time(try image($0)) }
        since = try (values["since"] ?? []).map { Self.time(try image($0)) }
        until = try UntilFilter.time(values)
        dangling = try TruthFilter.value("dangling", values)
        references = try (values["reference"] ?? []).map { text in
            do {
                return try Pattern(glob: text)
            } catch let error as TimberError {
                throw TimberError(.invalidArgument, "invalid filter 'reference=\(text.prefix(200))', which is a pattern: \(error.message)")
            }
        }
    }

    private static func time(_ image: Image) -> (Int64, Int64) { (image.created, image.createdNanoseconds) }

    func matches(_ image: Image) -> Bool {
        if let until, image.created >= until.seconds { return false }
        if let dangling, image.repoTags.isEmpty != dangling { return false }
        guard before.allSatisfy({ Self.time(image) < $0 }), since.allSatisfy({ Self.time(image) > $0 }) else { return false }
        let labels = image.config.config.labels
        guard (values["label"] ?? []).allSatisfy({ LabelFilter.matches($0, labels) }) else { return false }
        if (values["label!"] ?? []).contains(where: { LabelFilter.matches($0, labels) }) { return false }
        return references.isEmpty
            || references.contains { pattern in
                (image.repoTags + image.repoDigests).contains { pattern.matches($0) || pattern.matches(Self.repository($0)) }
            }
    }
}

extension ImageFilter {
    /// A familiar name without its tag or digest; a port of its registry is no tag.
    static func repository(_ name: String) -> String {
        let plain = name.prefix { $0 != "@" }
        guard let colon = plain.lastIndex(of: ":"), !plain[colon...].contains("/") else { return String(plain) }
        return String(plain[..<colon])
    }
}
