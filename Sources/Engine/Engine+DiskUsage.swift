public import DockerAPI
internal import Errors
internal import Glibc
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

    private func volumesWithSizes() async throws -> [Volume] {
        let paths = services.paths
        var users: [String: Int64] = [:]
        for snapshot in services.registry.snapshots {
            for volume in Set(snapshot.definition.mounts.map(\.volume)) where !volume.isEmpty { users[volume, default: 0] += 1 }
        }
        var volumes: [Volume] = []
        for record in try await services.database.volumes().sorted(by: { $0.name < $1.name }) {
            let path = paths.volume(record.name)
            let size: Int64
            do {
                size = try await BlockingPool.shared.run { try Tree.size(path) }
            } catch let error as SystemError where error.errno == ENOENT {
                // It was removed meanwhile.
                continue
            }
            volumes.append(
                Volume(name: record.name, mountpoint: path, usageData: VolumeUsageData(refCount: users[record.name] ?? 0, size: size)))
        }
        return volumes
    }
}
