internal import Errors
internal import Glibc
internal import LinuxKernel

extension Container {
    /// Makes what mounts need on the host: missing directories of `-v`, volumes, and a new volume's first content.
    func prepareVolumes(lower: [String]) async throws {
        for mount in definition.mounts {
            switch mount.kind {
            case .tmpfs: continue
            case .bind: try await prepareBind(mount)
            case .volume:
                try await services.volumes.ensure(mount.volume, anonymous: mount.anonymous)
                if mount.copyUp { try await copyUp(mount, lower: lower) }
            }
        }
    }

    private func prepareBind(_ mount: MountSpec) async throws {
        try await BlockingPool.shared.run {
            guard Files.isDirectory(mount.source) == nil else { return }
            do {
                try Files.makeDirectories(mount.source, mode: 0o755)
            } catch {
                throw TimberError(.invalidArgument, "cannot make the host directory \(mount.source) for \(mount.destination)", cause: error)
            }
        }
    }

    /// Fills an empty volume with what the image has at its place, with owners and modes, as Docker does.
    private func copyUp(_ mount: MountSpec, lower: [String]) async throws {
        let target = services.paths.volume(mount.volume)
        let layers = services.paths.data + "/layers/"
        let stack = lower.map { layers + $0 }
        try await BlockingPool.shared.run {
            guard try Tree.names(target).isEmpty else { return }
            let root = try Overlay.view(stack)
            do {
                let source = try Overlay.open(String(mount.destination.dropFirst()), in: root.raw, O_RDONLY | O_DIRECTORY)
                try Tree.copy(contentsOf: source.raw, to: target)
            } catch let error as SystemError where error.errno == ENOENT || error.errno == ENOTDIR {
                return  // The image has nothing there.
            } catch {
                throw TimberError(.internal, "cannot fill the volume for \(mount.destination) from the image", cause: error)
            }
        }
    }
}
