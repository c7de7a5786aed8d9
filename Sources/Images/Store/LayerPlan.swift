internal import Layers

/// Which layers the images of one load need, each once, lower ones before those above them.
struct LayerPlan: Sendable {
    struct Item: Sendable {
        var diffID: Digest
        var chainID: Digest
        /// Chain ids of what lies below, highest first.
        var lower: [Digest]
        var blob: Blob

        var claim: Claim { Claim(diffID: diffID, blob: blob) }
    }

    /// What an image says of a blob: uncompressed, it is this layer. Until that is proven nothing is kept of it.
    struct Claim: Sendable, Hashable {
        var diffID: Digest
        var blob: Blob

        static func == (left: Claim, right: Claim) -> Bool { left.diffID == right.diffID && left.blob.digest == right.blob.digest }

        func hash(into hasher: inout Hasher) {
            hasher.combine(diffID)
            hasher.combine(blob.digest)
        }
    }

    private(set) var items: [Item] = []
    /// Each once. More than the items: the same layer may come compressed in several ways.
    private(set) var claims: [Claim] = []

    init(_ images: [ArchivedImage]) {
        var seen: Set<Digest> = []
        var claimed: Set<Claim> = []
        for image in images {
            var lower: [Digest] = []
            for (diffID, blob) in zip(image.config.diffIDs, image.layers) {
                let chainID = Digest.chainID(parent: lower.first, diffID: diffID)
                let item = Item(diffID: diffID, chainID: chainID, lower: lower, blob: blob)
                if seen.insert(chainID).inserted { items.append(item) }
                if claimed.insert(item.claim).inserted { claims.append(item.claim) }
                lower.insert(chainID, at: 0)
            }
        }
    }
}
