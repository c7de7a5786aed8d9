public import DockerAPI
internal import Errors
internal import Images
internal import Layers
public import LinuxKernel

extension Engine {
    /// Images, newest first.
    /// - Parameters:
    ///   - all: also those without a name that others were made from.
    ///   - sharedSize: count the bytes that images share.
    public func images(all: Bool = true, filters: [String: [String]], sharedSize: Bool = false) async throws -> [ImageSummary] {
        let filter = try ImageFilter(filters, image: services.images.image)
        let users = imageUsers
        let shared = sharedSize ? services.images.sharedSizes() : [:]
        let list = services.images.list()
        let parents = all ? [] : Set(list.compactMap(\.parent))
        return list.filter { filter.matches($0) && !(parents.contains($0.id) && $0.isNameless) }.map { image in
            var summary = ImageSummary()
            summary.parentID = image.parent?.description ?? ""
            summary.id = image.id.description
            summary.repoTags = image.repoTags
            summary.repoDigests = image.repoDigests
            summary.created = image.created
            summary.size = image.size
            if sharedSize { summary.sharedSize = shared[image.id] ?? 0 }
            summary.labels = image.config.config.labels
            summary.containers = users(image.id).count
            return summary
        }
    }

    /// Everything about one image.
    public func inspectImage(_ name: String) async throws -> ImageInspect {
        let image = try services.images.image(name)
        let config = image.config.config
        var result = ImageInspect()
        result.id = image.id.description
        result.repoTags = image.repoTags
        result.repoDigests = image.repoDigests
        result.parent = image.parent?.description ?? ""
        result.comment = image.config.history.last?.comment ?? ""
        result.created = image.config.created ?? ""
        result.author = image.config.author
        result.architecture = image.config.architecture
        result.variant = image.config.variant ?? ""
        result.os = image.config.os
        result.size = image.size
        result.graphDriver = DriverData(data: [:], name: "overlay2")
        result.rootFS.layers = image.config.diffIDs.map(\.description)
        result.metadata.lastTagTime = Timestamp(seconds: image.loaded, nanoseconds: 0).rfc3339
        result.config.user = config.user
        result.config.env = config.env
        result.config.entrypoint = config.entrypoint
        result.config.cmd = config.cmd
        result.config.workingDir = config.workingDir
        result.config.labels = config.labels
        result.config.exposedPorts = Set(config.exposedPorts)
        result.config.volumes = Set(config.volumes)
        result.config.stopSignal = config.stopSignal ?? ""
        result.config.onBuild = config.onBuild
        result.config.shell = config.shell
        result.config.healthcheck = HealthCheck.merged(nil, image: config.healthcheck)
        result.config.argsEscaped = config.argsEscaped
        return result
    }

    /// An image's layers and build steps, newest first.
    public func imageHistory(_ name: String) async throws -> [HistoryItem] {
        try services.images.history(name).map { row in
            HistoryItem(
                id: row.id, created: row.created, createdBy: row.createdBy, tags: row.tags, size: row.size, comment: row.comment)
        }
    }

    /// Gives an image another reference.
    public func tagImage(_ name: String, repository: String, tag: String) async throws {
        let target = tag.isEmpty ? repository : "\(repository):\(tag)"
        let id = try services.images.tag(name, as: target)
        tellOfImage("tag", id, name: target)
    }

    /// Removes a reference, and the image with its last one.
    public func removeImage(_ name: String, force: Bool, prune: Bool) async throws -> [ImageDeleteItem] {
        let (images, users) = (services.images, imageUsers)
        let image = try images.image(name)
        let removed = try await BlockingPool.shared.run { try images.remove(name, force: force, noPrune: !prune, inUse: users) }
        for item in removed {
            switch item {
            case .untagged: services.events.image("untag", id: "\(image.id)", name: "\(image.id)", labels: image.config.config.labels)
            // The others are its layers.
            case .deleted("\(image.id)"):
                services.events.image("delete", id: "\(image.id)", name: "\(image.id)", labels: image.config.config.labels)
            case .deleted: break
            }
        }
        return removed.map(ImageDeleteItem.init)
    }

    /// Sends an event about an image that is there.
    func tellOfImage(_ action: String, _ id: ImageID, name: String) {
        let image = services.images.list().first { $0.id == id }
        services.events.image(action, id: "\(id)", name: name, labels: image?.config.config.labels ?? [:])
    }

    /// Removes images that no container uses; by default only those without a tag.
    public func pruneImages(filters: [String: [String]]) async throws -> ImagesPruneReport {
        let dangling = try TruthFilter.value("dangling", filters) ?? true
        let filter = try ImageFilter(filters, image: services.images.image)
        let (images, users) = (services.images, imageUsers)
        let report = try await BlockingPool.shared.run {
            try images.prune(danglingOnly: dangling, inUse: users, matching: filter.matches)
        }
        services.events.pruned("image", reclaimed: report.reclaimed)
        return ImagesPruneReport(
            imagesDeleted: report.removed.map(ImageDeleteItem.init), spaceReclaimed: UInt64(max(0, report.reclaimed)))
    }

    /// Loads the images of an archive.
    /// - Parameters:
    ///   - archive: read to its end.
    ///   - progress: called in order.
    public func loadImages(
        from archive: consuming Descriptor, quiet: Bool, progress: @escaping @Sendable (ProgressMessage) async throws -> Void
    ) async throws {
        let (images, source) = (services.images, OwnedOnce(archive))
        let loaded = try await reporting(LoadMessages(isQuiet: quiet), progress) { report in
            try await transfers.run { try await images.load(from: try source.take(), progress: report) }
        }
        for image in loaded {
            for name in image.references.isEmpty ? ["\(image.id)"] : image.references { tellOfImage("load", image.id, name: name) }
            for (reference, old) in image.replaced.sorted(by: { $0.key < $1.key }) {
                try await progress(
                    ProgressMessage(
                        stream: "The image \(reference) already exists, renaming the old one with ID \(old) to empty string\n"))
            }
            for reference in image.references { try await progress(ProgressMessage(stream: "Loaded image: \(reference)\n")) }
            if image.references.isEmpty { try await progress(ProgressMessage(stream: "Loaded image ID: \(image.id)\n")) }
        }
    }

    /// Writes images into one docker-archive, piece by piece, no faster than `emit` takes them.
    public func saveImages(_ names: [String], emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
        let images = services.images
        try await stream(emit) { archive in try images.save(names, to: archive) }
    }

    /// Who uses an image.
    var imageUsers: @Sendable (ImageID) -> [ImageUser] {
        let registry = services.registry
        return { id in
            let text = id.description
            return registry.snapshots.filter { $0.definition.image == text }.map {
                ImageUser(container: $0.id, isRunning: $0.lifecycle.isUp)
            }
        }
    }
}

extension ImageDeleteItem {
    init(_ item: RemovedItem) {
        switch item {
        case .untagged(let reference): self.init(untagged: reference)
        case .deleted(let id): self.init(deleted: id)
        }
    }
}

/// Progress of a load.
private struct LoadMessages: StepMessages {
    let isQuiet: Bool

    func messages(_ step: LoadProgress) -> [ProgressMessage] {
        if isQuiet { return [] }
        return switch step {
        case .receiving: []
        case .unpacking(let layer, let done, let total):
            [ProgressMessage(status: "Loading layer", progressDetail: ProgressDetail(current: done, total: total), id: layer.short)]
        case .unpacked(let layer): [ProgressMessage(status: "Loading layer complete", id: layer.short)]
        case .exists(let layer): [ProgressMessage(status: "Layer already exists", id: layer.short)]
        }
    }
}
