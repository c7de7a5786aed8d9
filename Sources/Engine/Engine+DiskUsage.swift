public import DockerAPI
internal import LinuxKernel

extension Engine {
    /// What everything takes on disk.
    /// - Parameters: which kinds of objects to look at.
    public func diskUsage(images: Bool, containers: Bool, volumes: Bool) async throws -> DiskUsage {
        var usage = DiskUsage()
        if images {
            let store = services.images
            let disk = try await BlockingPool.shared.run { try store.diskUsage() }
            usage.layersSize = disk.total
            usage.images = try await self.images(filters: [:]).map { image in
                var image = image
                if let part = disk.images[image.id] { (image.size, image.sharedSize) = (part.size, part.shared) }
                return image
            }
        }
        if containers { usage.containers = try await self.containers(all: true, limit: nil, size: true, filters: [:]) }
        if volumes { usage.volumes = try await volumesWithSizes() }
        return usage
    }
}
