internal import DockerAPI
internal import Errors
internal import LinuxKernel

/// Turns `-v`, `--mount`, `--tmpfs`, `VOLUME` and `Volumes` into mounts, by Docker's rules.
enum MountParsing {
    private static let propagations = ["private", "rprivate", "slave", "rslave", "shared", "rshared"]

    /// Every mount of a container: binds and mounts first, then tmpfs, then where nothing is mounted yet those of other containers, the
    /// last of them first, and anonymous volumes.
    /// - Throws: `TimberError.invalidArgument` that names the mount.
    static func resolve(_ config: ContainerConfig, _ host: HostConfig, inherited: [MountSpec] = []) throws -> [MountSpec] {
        var mounts: [MountSpec] = []
        var destinations: Set<String> = []
        func add(_ mount: MountSpec) throws {
            guard destinations.insert(mount.destination).inserted else {
                throw TimberError(.invalidArgument, "duplicate mount point: \(mount.destination)")
            }
            mounts.append(mount)
        }
        for bind in host.binds { try add(try parse(bind: bind)) }
        for mount in host.mounts { try add(try parse(mount)) }
        for (path, options) in host.tmpfs.sorted(by: { $0.key < $1.key }) {
            let words = options.split(separator: ",").map(String.init)
            try add(
                MountSpec(kind: .tmpfs, source: "", destination: try destination(path), readOnly: words.contains("ro"), options: words))
        }
        for mount in inherited.reversed() where destinations.insert(mount.destination).inserted { mounts.append(mount) }
        for path in config.volumes.sorted() {
            let destination = try destination(path)
            guard destinations.insert(destination).inserted else { continue }
            mounts.append(
                MountSpec(kind: .volume, source: "", volume: ContainerName.makeID(), destination: destination, anonymous: true))
        }
        // A mount below another must come after it.
        return mounts.sorted { $0.destination.split(separator: "/").count < $1.destination.split(separator: "/").count }
    }

    /// `container[:ro|rw]`.
    static func parse(volumesFrom text: String) throws -> (name: String, readOnly: Bool) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, !name.isEmpty, parts.count == 1 || ["ro", "rw"].contains(parts[1]) else {
            throw TimberError(
                .invalidArgument, "invalid --volumes-from '\(text.prefix(200))': expected a container, and :ro or :rw behind it")
        }
        return (name, parts.last == "ro" && parts.count == 2)
    }

    /// What another container has, as it is: nothing is made or filled.
    static func inherited(from mounts: [MountSpec], readOnly: Bool) -> [MountSpec] {
        mounts.filter { $0.kind != .tmpfs }.map { mount in
            var mount = mount
            mount.readOnly = mount.readOnly || readOnly
            mount.copyUp = false
            return mount
        }
    }

    /// `source:destination[:options]`, or a destination alone, which is an anonymous volume.
    private static func parse(bind: String) throws -> MountSpec {
        let parts = bind.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1, !bind.isEmpty {
            return MountSpec(kind: .volume, source: "", volume: ContainerName.makeID(), destination: try destination(bind), anonymous: true)
        }
        guard (2...3).contains(parts.count), !parts[0].isEmpty, !parts[1].isEmpty else {
            throw TimberError(.invalidArgument, "invalid volume specification: '\(bind)': expected source:destination[:options]")
        }
        var mount = MountSpec(kind: .bind, source: "", destination: try destination(parts[1]))
        if let path = cleanPath(parts[0]) {
            mount.source = path
        } else {
            mount.kind = .volume
            mount.volume = try VolumeName.validated(parts[0], in: bind)
        }
        mount.mode = parts.count == 3 ? parts[2] : ""
        for word in mount.mode.split(separator: ",").map(String.init) {
            switch word {
            case "ro": mount.readOnly = true
            case "rw", "z", "Z", "cached", "delegated", "consistent": break
            case "nocopy": mount.copyUp = false
            case "copy": mount.copyUp = true
            case "bind": mount.recursive = false
            case "rbind": mount.recursive = true
            case _ where propagations.contains(word): mount.propagation = word
            default: throw TimberError(.invalidArgument, "invalid mode \"\(word)\" in volume specification '\(bind)'")
            }
        }
        return mount
    }

    private static func take(_ options: BindOptions, of mount: Mount, into result: inout MountSpec) throws {
        func fail(_ reason: String) -> TimberError { TimberError(.invalidArgument, "invalid mount for \(mount.target): \(reason)") }
        guard options.propagation.isEmpty || propagations.contains(options.propagation) else {
            throw fail(
                "the propagation \(options.propagation.prefix(40).debugDescription) is none of \(propagations.joined(separator: ", "))")
        }
        if !mount.readOnly {
            if options.readOnlyNonRecursive { throw fail("ReadOnlyNonRecursive goes with ReadOnly") }
            if options.readOnlyForceRecursive { throw fail("ReadOnlyForceRecursive goes with ReadOnly") }
        }
        if options.readOnlyForceRecursive, options.readOnlyNonRecursive || options.nonRecursive {
            throw fail("ReadOnlyForceRecursive goes neither with ReadOnlyNonRecursive nor with NonRecursive")
        }
        result.propagation = options.propagation
        result.recursive = !options.nonRecursive
        if options.readOnlyNonRecursive { result.writableBelow = true }
    }

    /// Options of another type of mount would say something that is not done.
    private static func checkType(_ mount: Mount) throws {
        let given = [
            ("bind", "BindOptions", mount.bindOptions != nil), ("volume", "VolumeOptions", mount.volumeOptions != nil),
            ("tmpfs", "TmpfsOptions", mount.tmpfsOptions != nil), ("image", "ImageOptions", mount.imageOptions != nil),
        ]
        for (type, field, isGiven) in given where isGiven && type != mount.type {
            throw TimberError(
                .invalidArgument, "invalid mount for \(mount.target): \(field) goes with the type \(type), not with \(mount.type)")
        }
    }

    private static func parse(_ mount: Mount) throws -> MountSpec {
        try checkType(mount)
        var result = MountSpec(
            kind: .bind, source: "", destination: try destination(mount.target), readOnly: mount.readOnly,
            mode: mount.readOnly ? "ro" : "")
        switch mount.type {
        case "bind":
            guard let source = cleanPath(mount.source) else {
                throw TimberError(
                    .invalidArgument, "invalid mount for \(mount.target): the source \"\(mount.source)\" must be an absolute path")
            }
            result.source = source
            if let options = mount.bindOptions { try take(options, of: mount, into: &result) }
        case "volume":
            result.kind = .volume
            if mount.source.isEmpty {
                result.volume = ContainerName.makeID()
                result.anonymous = true
            } else {
                result.volume = try VolumeName.validated(mount.source, in: "type=volume,source=\(mount.source)")
            }
            result.copyUp = mount.volumeOptions?.noCopy != true
            result.volumeLabels = mount.volumeOptions?.labels
            if let driver = mount.volumeOptions?.driverConfig?.name, !["", "local"].contains(driver) {
                throw TimberError(.unsupported, "volume driver \"\(driver)\" is not supported by Timber (\(mount.target))")
            }
            if let options = mount.volumeOptions?.driverConfig?.options, !options.isEmpty {
                do {
                    _ = try VolumeSource(options)
                } catch let error as TimberError {
                    throw TimberError(error.code, "invalid mount for \(mount.target): \(error.message)")
                }
                result.volumeOptions = options
            }
            if let subpath = mount.volumeOptions?.subpath, !subpath.isEmpty {
                let parts = subpath.split(separator: "/", omittingEmptySubsequences: false)
                guard !subpath.hasPrefix("/"), !parts.contains(".."), !subpath.utf8.contains(0), subpath.utf8.count < 4_096 else {
                    throw TimberError(
                        .invalidArgument,
                        "invalid mount for \(mount.target): the subpath \(subpath.prefix(200).debugDescription) must be a relative path within the volume"
                    )
                }
                result.subpath = subpath
            }
        case "tmpfs":
            result.kind = .tmpfs
            guard mount.source.isEmpty else {
                throw TimberError(.invalidArgument, "invalid mount for \(mount.target): a tmpfs has no source")
            }
            if let options = mount.tmpfsOptions {
                guard options.sizeBytes >= 0 else {
                    throw TimberError(.invalidArgument, "invalid mount for \(mount.target): the size of a tmpfs cannot be negative")
                }
                if options.sizeBytes > 0 { result.options.append("size=\(options.sizeBytes)") }
                if options.mode > 0 { result.options.append("mode=\(String(options.mode, radix: 8))") }
                result.options += options.options.map { $0.joined(separator: "=") }
            }
        default:
            throw TimberError(.unsupported, "mount type \"\(mount.type)\" for \(mount.target) is not supported by Timber")
        }
        return result
    }

    private static func destination(_ path: String) throws -> String {
        guard let clean = cleanPath(path), clean != "/" else {
            throw TimberError(
                .invalidArgument, "invalid mount path: '\(path)' must be an absolute path in the container other than '/'")
        }
        // A mount over /proc would lead writes of labels and limits elsewhere (CVE-2019-16884, CVE-2019-19921).
        guard clean != "/proc", !clean.hasPrefix("/proc/") else {
            throw TimberError(.invalidArgument, "invalid mount path: '\(path)' is inside /proc")
        }
        return clean
    }
}
