internal import Errors
internal import LinuxKernel

extension Container {
    /// Makes missing host directories of `-v`, as Docker does.
    func prepareBinds() async throws {
        for mount in definition.mounts where mount.kind == .bind {
            try await BlockingPool.shared.run {
                guard Files.isDirectory(mount.source) == nil else { return }
                do {
                    try Files.makeDirectories(mount.source, mode: 0o755)
                } catch {
                    throw TimberError(
                        .invalidArgument, "cannot make the host directory \(mount.source) for \(mount.destination)", cause: error)
                }
            }
        }
    }
}
