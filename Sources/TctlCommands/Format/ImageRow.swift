internal import DockerAPI

/// An image as rows of `images`: one for each name.
enum ImageRow {
    static func listing(showsDigests: Bool) -> Listing {
        Listing(
            fields: [
                .init(name: "ID", heading: "IMAGE ID"), .init(name: "Repository", heading: "REPOSITORY"),
                .init(name: "Tag", heading: "TAG"),
                .init(name: "Digest", heading: "DIGEST"), .init(name: "CreatedSince", heading: "CREATED"),
                .init(name: "CreatedAt", heading: "CREATED AT"), .init(name: "Size", heading: "SIZE"),
                .init(name: "Containers", heading: "CONTAINERS"), .init(name: "VirtualSize", heading: "SIZE"),
                .init(name: "SharedSize", heading: "SHARED SIZE"), .init(name: "UniqueSize", heading: "UNIQUE SIZE"),
            ],
            table: "table {{.Repository}}\t{{.Tag}}" + (showsDigests ? "\t{{.Digest}}" : "") + "\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
            key: "ID")
    }

    static func make(_ image: ImageSummary, now: Timestamp, truncates: Bool, showsDigests: Bool) -> [Listing.Row] {
        names(image, showsDigests: showsDigests).map { name in
            let unique = image.sharedSize >= 0 ? Human.size(Human.difference(image.size, image.sharedSize), digits: 4) : "N/A"
            return Listing.Row(
                fields: [
                    "ID": truncates ? Human.shortID(image.id) : image.id,
                    "Repository": name.repository,
                    "Tag": name.tag,
                    "Digest": name.digest,
                    "CreatedSince": image.created > 0 ? Human.duration(seconds: now.seconds - image.created) + " ago" : "N/A",
                    "CreatedAt": Timestamp(seconds: image.created).local,
                    "Size": Human.size(image.size),
                    "Containers": image.containers < 0 ? "N/A" : "\(image.containers)",
                    "VirtualSize": Human.size(image.size, digits: 4),
                    "SharedSize": image.sharedSize < 0 ? "N/A" : Human.size(image.sharedSize, digits: 4),
                    "UniqueSize": unique,
                ], labels: image.labels)
        }
    }

    private struct Name {
        var repository = "<none>"
        var tag = "<none>"
        var digest = "<none>"
    }

    private static func names(_ image: ImageSummary, showsDigests: Bool) -> [Name] {
        let digests = image.repoDigests.compactMap { split($0, at: "@") }.filter { $0.first != "<none>" }
        let tags = image.repoTags.compactMap { split($0, at: ":") }.filter { $0 != ("<none>", "<none>") }
        var names: [Name] = []
        for (repository, tag) in tags {
            let own = digests.filter { $0.first == repository }.map(\.second)
            for digest in showsDigests && !own.isEmpty ? own : ["<none>"] {
                names.append(Name(repository: repository, tag: tag, digest: digest))
            }
        }
        // A digest without a tag of its name is a name of its own.
        for (repository, digest) in digests where !tags.contains(where: { $0.first == repository }) {
            let name = Name(repository: repository, digest: showsDigests ? digest : "<none>")
            if showsDigests || !names.contains(where: { $0.repository == repository }) { names.append(name) }
        }
        return names.isEmpty ? [Name()] : names
    }

    /// Splits at the last separator.
    private static func split(_ text: String, at separator: Character) -> (first: String, second: String)? {
        guard let index = text.lastIndex(of: separator) else { return nil }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}
