internal import Layers

/// Which layers the images of one load need, each once, lower ones before those above them.
struct LayerPlan: Sendable {
    struct Item: Sendable {
        var diffID: Digest
        var chainID: Digest
        /// Chain ids of what lies below, highest first.
        var lower: [Digest]
        var blob: IngestedArchive.Member
    }

    private(set) var items: [Item] = []

    init(_ images: [ArchivedImage]) {
        var seen: Set<Digest> = []
        for image in images {
            var lower: [Digest] = []
            for (diffID, blob) in zip(image.config.diffIDs, image.layers) {
                let chainID = Digest.chainID(parent: lower.first, diffID: diffID)
                if seen.insert(chainID).inserted { items.append(Item(diffID: diffID, chainID: chainID, lower: lower, blob: blob)) }
                lower.insert(chainID, at: 0)
            }
        }
    }
}
